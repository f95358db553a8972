"""Job cmd, code madx: particles over many turns in MAD-X's own tracking, a share of the turns at a time, with what they do meanwhile."""

import os
import time

import madx_library as madx
import numpy as np

FRAMES = os.path.join("simyard", "frames")
LOSSES = os.path.join("simyard", "losses.csv")
SURVIVORS = os.path.join("simyard", "survivors.csv")
COORDINATES = ("x", "px", "y", "py", "t", "pt")
#: Points of one picture, at most, about; rows of MAD-X's own table of one share, at most.
POINTS = 6000
ROWS = 200_000
#: One share of the turns takes about that long (seconds), so that progress moves.
SHARE = 0.4
#: What the sequence of thin lenses is called.
COPY = "simyard_thin"
#: Slopes and momenta, and the time coordinate of a ring without a cavity, are no aperture.
OPEN = 1e6


def thin(sequence, slices):
    """Put a sequence of thin lenses into use, unless it is one: a copy of the machine, with its strengths and positions.

    MAD-X's makethin passes over sequences whose positions are not those of centres, and slices only the first of
    several sequences of the same name inside another: hence the copy, which is flat. Returns the name of what is in use.
    """
    if not madx.is_thick(sequence):
        return sequence
    copy = madx.centred(sequence, COPY)
    lines = ["select, flag=makethin, clear;"]
    lines += [f"select, flag=makethin, class={kind}, slice={slices};" for kind in ("quadrupole", "sbend", "rbend", "dipole")]
    lines += [f"makethin, sequence={copy}, style=teapot;", f"use, sequence={copy};"]
    if not madx.command("\n".join(lines)) or madx.sequence() != copy:
        raise madx.Failed
    return copy


def start_of(inputs, summary, orbit):
    """Rows of coordinates: a line from the closed orbit to the largest amplitudes, without the orbit itself."""
    share = np.arange(1, inputs["particles"] + 1) / inputs["particles"]
    start = np.tile(orbit, (inputs["particles"], 1))
    start[:, 0] += share * inputs["amplitude_x"] / 1000
    start[:, 2] += share * inputs["amplitude_y"] / 1000
    delta, ratio = inputs["momentum_offset"] / 100, summary["mass"] / summary["pc"]
    start[:, 5] += np.sqrt((1 + delta) ** 2 + ratio**2) - np.sqrt(1 + ratio**2)  # pt = ΔE / (p0 c)
    return start


def track(run):
    """Track to the end, or until all are lost; returns results and warnings. Raises madx.Failed, ValueError."""
    inputs = run.inputs
    sequence = madx.used()
    madx.command("option, -info;")
    thin(sequence, inputs["slices"])
    summary = madx.twiss("simyard_orbit")
    orbit = madx.columns("simyard_orbit", COORDINATES)
    warnings = []
    widest = 1000 * max(float(np.abs(orbit[plane]).max()) for plane in "xy")
    if widest > inputs["aperture"]:
        warnings.append(
            f"The closed orbit itself goes {widest:.4g} mm from the axis, beyond the aperture of {inputs['aperture']:g} mm: all is lost there."
        )
    state = start_of(inputs, summary, np.array([orbit[name][0] for name in COORDINATES]))
    tracking = Tracking(run, state)
    try:
        tracking.run()
    finally:
        tracking.close()
    lost = tracking.lost
    results = {
        "tune_x": summary.get("q1"), "tune_y": summary.get("q2"), "sequence": sequence,
        "particles": len(state), "turns": tracking.done, "survivors": len(state) - len(lost),
    }  # fmt: skip
    first = min(lost) if lost else len(state)
    results["stable_amplitude_x"] = first / len(state) * inputs["amplitude_x"]  # mm; of the largest below which none was lost
    if lost:
        results["first_loss_turn"] = min(lost.values())
    return results, warnings


class Tracking:
    """The particles that are alive, and the files in which the run's reports find what they did."""

    def __init__(self, run, state) -> None:
        self.work = run
        self.state = state
        self.alive = np.arange(len(state))
        self.lost = {}  # particle: turn
        self.done = 0
        self.turns = run.inputs["turns"]
        self.frames = min(run.inputs["frames"], self.turns)
        per_frame = -(-self.turns // self.frames)
        self.stride = max(1, -(-len(state) * per_frame // POINTS))
        os.makedirs(os.path.join(run.dir, FRAMES), exist_ok=True)
        self.losses = open(os.path.join(run.dir, LOSSES), "w", encoding="utf-8", buffering=1)  # noqa: SIM115 - closed by close()
        self.losses.write("particle,turn,s,element,x,y\n")
        self.survivors = open(os.path.join(run.dir, SURVIVORS), "w", encoding="ascii", buffering=1)  # noqa: SIM115
        self.survivors.write(f"turn,survivors\n0,{len(state)}\n")

    def close(self) -> None:
        self.losses.close()
        self.survivors.close()

    def run(self) -> None:
        wanted, seen, kept = 1, [], 0
        while self.done < self.turns and len(self.alive):
            end = -(-(kept + 1) * self.turns // self.frames)
            share = max(1, min(wanted, end - self.done, ROWS * self.stride // len(self.alive)))
            began = time.monotonic()
            seen.append(self.advance(share))
            took = time.monotonic() - began
            if self.done == end or not len(self.alive):
                save(self.work.dir, kept, np.concatenate(seen))
                seen, kept = [], kept + 1
            told = f"turn {self.done} of {self.turns}, {len(self.alive)} of {len(self.state)} particles"
            self.work.progress(fraction=self.done / self.turns, frames=kept, message=told)
            if took > 2 * SHARE:
                wanted = max(1, share // 2)
            elif took < SHARE / 2 and share * 4 > wanted:  # one that a frame's end cut short tells little
                wanted = wanted * 2 if took > SHARE / 8 else wanted * 8

    def advance(self, turns):
        """`turns` more turns; rows of (particle, turn, x, px, y, py) as they pass the start of the sequence."""
        aperture = self.work.inputs["aperture"] / 1000
        lines = ["track, onepass, recloss, onetable, aperture, dump=false;"]
        lines += [
            "start, " + ", ".join(f"{name}={value!r}" for name, value in zip(COORDINATES, row.tolist(), strict=True)) + ";"
            for row in self.state[self.alive]
        ]
        lines += [
            f"run, turns={turns}, ffile={self.stride}, maxaper={{{aperture!r},{OPEN},{aperture!r},{OPEN},{OPEN},{OPEN}}};",
            "endtrack;",
        ]
        if not madx.command("\n".join(lines)):
            raise madx.Failed
        first = self.done == 0
        points = madx.columns("trackone", ("number", "turn", "x", "px", "y", "py"))
        ends = madx.columns("tracksumm", ("number", "turn", *COORDINATES))
        self.take_losses()
        gone = set(self.lost)
        for row in range(len(self.alive), len(ends["number"])):
            particle = self.alive[int(ends["number"][row]) - 1]
            if int(ends["turn"][row]) == turns and particle not in gone:
                self.state[particle] = [ends[name][row] for name in COORDINATES]
        wanted = np.ones(len(points["turn"]), bool) if first else points["turn"] > 0  # turn 0 was the end of the last share
        particle = self.alive[points["number"].astype(int) - 1]
        seen = np.stack([particle, points["turn"] + self.done, *(points[name] for name in ("x", "px", "y", "py"))], 1)[wanted]
        self.done += turns
        self.alive = np.array([one for one in self.alive if one not in gone], int)
        self.survivors.write(f"{self.done},{len(self.alive)}\n")
        return seen.astype(np.float32)

    def take_losses(self) -> None:
        if not madx.rows("trackloss"):
            return
        lost = madx.columns("trackloss", ("number", "turn", "s", "element", "x", "y"))
        for number, turn, s, element, x, y in zip(*lost.values(), strict=True):
            particle = int(self.alive[int(number) - 1])
            if particle not in self.lost:
                self.lost[particle] = self.done + int(turn)
                name = str(element).partition(":")[0].replace(",", " ")
                self.losses.write(f"{particle},{self.lost[particle]},{s:.6g},{name},{x:.6g},{y:.6g}\n")


def save(folder, number, points):
    path = os.path.join(folder, FRAMES, f"{number:05d}.npy")
    with open(path + ".part", "wb") as file:
        np.save(file, points)
    os.replace(path + ".part", path)
