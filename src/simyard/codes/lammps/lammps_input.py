"""Job cmd, code lammps: writes the input script of Simyard's own systems: a Lennard-Jones fluid or crystal, and a crystal under
tension. Numbers in, text out.

A script is a row of stages, each of which runs up to a step; so one that goes on from a restart file runs the rest of the row.
"""

from typing import NamedTuple

#: While this file is there, LAMMPS ends its run at the next look, and writes its restart file.
STOP = "simyard_stop"
#: Lines of thermodynamic output of a run, about.
LINES = 200
#: Atoms are looked for the file so many steps apart.
LOOK = 50
#: What a crystal is heated to before it is cooled again, three times its melting point (ε/k).
HOT = 2.1
#: Atoms in a volume of 1 of the crystal without pressure, cold.
SOLID_DENSITY = 1.08
#: Where the length before the pull is kept, for a run that goes on.
LENGTH = "simyard_length"
COLUMNS = "step time temp pe ke etotal press"


class Stage(NamedTuple):
    """Runs up to the step `end`, with the commands `before` it and `after` it; `title` is for people."""

    title: str
    end: int
    before: tuple
    after: tuple


def number(value):
    """As LAMMPS reads it back without loss, and people gladly."""
    return repr(float(value)) if not float(value).is_integer() else str(int(value))


def stages(inputs):
    """The row of stages of a system."""
    return tension_stages(inputs) if inputs["system"] == "tension" else melt_stages(inputs)


def melt_stages(inputs):
    temperature, equilibration = number(inputs["temperature"]), inputs["equilibration"]
    steady = f"nvt temp {temperature} {temperature} $(100*dt)"
    row = []
    if inputs["melted"]:
        hot = number(max(HOT, inputs["temperature"]))
        row.append(
            Stage("melting", equilibration // 2, (f"fix bath all nvt temp {hot} {temperature} $(100*dt)",), ("unfix bath",))
        )
    row.append(Stage("equilibrating", equilibration, (f"fix bath all {steady}",), ("unfix bath",)))
    motion = "nve" if inputs["ensemble"] == "nve" else steady
    row.append(Stage("measuring", equilibration + inputs["steps"], (f"fix motion all {motion}",), ()))
    return row


def tension_stages(inputs):
    temperature = number(inputs["solid_temperature"])
    free = f"all npt temp {temperature} {temperature} $(100*dt)"
    x, y, z = (f"{axis} 0 0 $(1000*dt)" for axis in "xyz")
    begin = inputs["equilibration"]
    pulling = max(1, round(inputs["strain"] / inputs["strain_rate"] / inputs["timestep"]))
    return [
        Stage("relaxing", begin, (f"fix relax {free} {x} {y} {z}",), ("unfix relax",)),
        Stage(
            "pulling", begin + pulling,
            (
                "variable length equal {length}",
                "variable strain equal (lx-v_length)/v_length",
                "variable stress equal -pxx",
                f"thermo_style custom {COLUMNS} lx ly lz v_strain v_stress",
                f"fix pull all deform 1 x erate {number(inputs['strain_rate'])} remap x",
                f"fix sides {free} {y} {z}",
            ),
            (),
        ),
    ]  # fmt: skip


def steps(inputs):
    """All steps of a system."""
    return stages(inputs)[-1].end


def script(inputs, checkpoint="", step=0, length="", restart=True):
    """The script: from the start, or from the restart file `checkpoint` of that step and (under tension) that first length."""
    row, total = stages(inputs), steps(inputs)
    lines = opening(inputs, checkpoint)
    every = max(1, total // LINES)
    dump = f"particles.{step}.dump" if checkpoint else "particles.dump"
    lines += [
        "", "# every atom with its own energy, for the pictures",
        "compute own all pe/atom",
        f"dump particles all custom {max(1, total // min(inputs['frames'], total))} {dump} id x y z c_own",
        "dump_modify particles sort id",
        f"thermo_style custom {COLUMNS}",
        f"thermo {every}",
        "", "# it ends early, and keeps where it was, if it is told to",
        f"variable told equal is_file({STOP})",
        f"fix told all halt {LOOK} v_told > 0 error soft message no",
    ]  # fmt: skip
    begin = 0
    for stage in row:
        if step < stage.end:
            pulls = any("{length}" in one for one in stage.before)
            lines += ["", f"# {stage.title}"]
            if pulls and step <= begin:
                lines += ["variable now equal lx", f'print "$(v_now:%.15g)" file {LENGTH} screen no']
            known = length if step > begin else "$(v_now:%.15g)"
            lines += [one.replace("{length}", known) for one in stage.before]
            lines += [f"run {stage.end} upto start {begin}", *stage.after]
        begin = stage.end
    if restart:
        lines += ["", f"write_restart {inputs['system']}.*.restart"]
    return "\n".join(lines) + "\n"


def opening(inputs, checkpoint):
    """How the atoms come to be."""
    pulled = inputs["system"] == "tension"
    cutoff = number(inputs["cutoff"])
    lines = [
        "# Written by Simyard; it can be changed, and given back as an input script of your own.",
        "units lj",
        "atom_style atomic",
    ]
    if checkpoint:
        lines += [f"read_restart {checkpoint}"]
    else:
        size = (inputs["length"], inputs["width"], inputs["width"]) if pulled else (inputs["cells"],) * 3
        density = SOLID_DENSITY if pulled else inputs["density"]
        lines += [
            f"lattice fcc {number(density)}",
            f"region box block 0 {size[0]} 0 {size[1]} 0 {size[2]}",
            "create_box 1 box",
            "create_atoms 1 box",
            "mass 1 1",
        ]
    lines += [f"pair_style lj/cut {cutoff}", "pair_coeff 1 1 1 1"]
    if not pulled and inputs["tail"]:
        lines.append("pair_modify tail yes")
    if not checkpoint:
        # half of it becomes potential energy at once, since the atoms start where that is least
        warm = inputs["solid_temperature"] * 2 if pulled else inputs["temperature"] * 2
        if not pulled and inputs["melted"]:
            warm = max(HOT, inputs["temperature"])
        lines += [f"velocity all create {number(warm)} {inputs['seed']} mom yes rot yes loop geom"]
    return [*lines, f"timestep {number(inputs['timestep'])}"]
