"""Job cmd, code xsuite: a ring of identical FODO cells from thin-lens theory, written as a MAD-X job.

With a quadrupole of focal length f_F, a drift d, one of -f_D, and a drift d, and F = d/f_F, D = d/f_D, the trace of the
cell's matrix gives cos µx = 1 + D - F - F D / 2 and cos µy = 1 + F - D - F D / 2 (Wiedemann, Particle Accelerator Physics).
"""

import math

#: GeV
MASS = {"electron": 0.00051099895, "positron": 0.00051099895, "proton": 0.93827208816, "antiproton": 0.93827208816}
#: A dipole takes this share of what quadrupoles leave of half a cell.
DIPOLE = 0.7


def check_energy(particle, energy):
    if energy <= MASS[particle]:
        raise ValueError(
            f"Energy: {energy:g} GeV is not above the rest energy of a {particle}, {MASS[particle]:.6g} GeV. Raise it."
        )


def thin_lens(phase_x, phase_y, drift):
    """1/f_F and 1/f_D [1/m] of the cell with these phase advances [degrees]; both are positive."""
    cos_x, cos_y = math.cos(math.radians(phase_x)), math.cos(math.radians(phase_y))
    product, difference = 2 - cos_x - cos_y, (cos_y - cos_x) / 2  # F D, F - D
    focusing = difference / 2 + math.sqrt(difference * difference / 4 + product)
    return focusing / drift, (focusing - difference) / drift


def job(inputs):
    """The MAD-X job; raises ValueError in the user's words for a ring that cannot be."""
    cells, length, quadrupole = inputs["cells"], inputs["cell_length"], inputs["quadrupole_length"]
    check_energy(inputs["particle"], inputs["energy"])
    free = length / 2 - quadrupole
    if free <= 0.2 * quadrupole:
        raise ValueError(
            f"The cell is too short: half of it ({length / 2:g} m) has no room for a dipole beside a quadrupole of {quadrupole:g} m. "
            f"Shorten the quadrupole, or make the cell at least {2.4 * quadrupole:.4g} m long."
        )
    strength_f, strength_d = thin_lens(inputs["phase_x"], inputs["phase_y"], length / 2)
    edge = quadrupole / 2
    places = [
        ("qf: qf", edge), ("sf: sf", quadrupole), ("b1: b", quadrupole + free / 2),
        ("qd: qd", length / 2 + edge), ("sd: sd", length / 2 + quadrupole), ("b2: b", length / 2 + quadrupole + free / 2),
    ]  # fmt: skip
    lines = [
        f"! A ring of {cells} FODO cells, made by Simyard from thin-lens theory.",
        'title, "FODO ring";',
        f"beam, particle={inputs['particle']}, energy={inputs['energy']!r};",
        f"kf = {strength_f / quadrupole!r};",
        f"kd = {-strength_d / quadrupole!r};",
        "ksf = 0;",
        "ksd = 0;",
        f"qf: quadrupole, l={quadrupole!r}, k1:=kf;",
        f"qd: quadrupole, l={quadrupole!r}, k1:=kd;",
        "sf: multipole, knl:={0, 0, ksf};",
        "sd: multipole, knl:={0, 0, ksd};",
        f"b: sbend, l={DIPOLE * free!r}, angle=twopi/{2 * cells};",
        f"cell: sequence, l={length!r}, refer=centre;",
        *(f"  c{name}, at={at!r};" for name, at in places),
        "endsequence;",
        f"ring: sequence, l={cells * length!r}, refer=centre;",
        *(f"  cell, at={(number + 0.5) * length!r};" for number in range(cells)),
        "endsequence;",
    ]
    if inputs["match"] or inputs["sextupoles"]:
        lines += ["! All cells are alike: what is matched in one holds for the ring.", "use, sequence=cell;"]
    if inputs["match"]:
        lines += match("kf", "kd", f"q1={inputs['phase_x'] / 360!r}, q2={inputs['phase_y'] / 360!r}", 1e-6)
    if inputs["sextupoles"]:
        lines += match("ksf", "ksd", "dq1=0, dq2=0", 1e-4)
    return "\n".join([*lines, "use, sequence=ring;", ""])


def match(first, second, targets, step):
    return [
        "match, sequence=cell;",
        f"  vary, name={first}, step={step:g};",
        f"  vary, name={second}, step={step:g};",
        f"  global, sequence=cell, {targets};",
        "  lmdif, calls=200, tolerance=1e-16;",
        "endmatch;",
    ]
