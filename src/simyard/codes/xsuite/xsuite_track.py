"""Job cmd, code xsuite: particles over many turns, a share of the turns at a time, with what they do meanwhile, and checkpoints."""

import json
import os
import time

import numpy as np
import xsuite_beam
import xsuite_lattice
import xsuite_optics
import xsuite_words
import xtrack as xt
from xsuite_pictures import FRAMES, LOSSES, SURVIVORS, TUNES

CHECKPOINT = os.path.join("simyard", "checkpoint.npz")
PLANES = ("x", "px", "y", "py", "zeta", "delta")
#: Points of one picture, at most; rows (particles × turns) that Xsuite records of one share, at most.
POINTS, ROWS = 6000, 200_000
#: Positions that are kept for the tunes, at most; above that only every so manyth particle has one.
TUNE_ROWS = 1_000_000
#: One share of the turns takes about that long, so that progress moves; a checkpoint is written so often (seconds).
SHARE, SAVE = 0.4, 60.0
#: Memory that a run needs without any particle, about, and for one: its state, and what reports keep of it (bytes).
BASE, EACH = 400 << 20, 4 << 10


def check_memory(run):
    need = BASE + EACH * run.inputs["particles"] + 8 * 30 * max(ROWS, run.inputs["particles"])
    if run.memory and need > run.memory:
        raise ValueError(xsuite_words.too_many(run.inputs["particles"], need, run.memory))


def track(run):
    """Track to the end, until all are lost, or until the run must stop; returns what `finish` tells, or None where it is to go on."""
    line, told = xsuite_lattice.read(run)
    line.build_tracker()
    thick = xsuite_lattice.twiss(line)
    xsuite_optics.save(run.dir, thick)
    how, aperture = xsuite_lattice.method(line), run.inputs["aperture"] / 1e3
    warnings = told["warnings"]
    widest = 1e3 * float(max(np.abs(thick.x).max(), np.abs(thick.y).max()))
    if widest > run.inputs["aperture"]:
        warnings.append(
            f"The closed orbit itself goes {widest:.4g} mm from the axis, beyond the aperture of {run.inputs['aperture']:g} mm: all is lost there."
        )
    thin = xsuite_lattice.thin(line, run.inputs["slices"], aperture)
    table = xsuite_lattice.twiss(thin)
    tracking = Tracking(run, thin, table)
    try:
        tracking.run()
    finally:
        tracking.close()
    if tracking.paused:
        return None
    results = {
        "tune_x": float(table.qx), "tune_y": float(table.qy), "sequence": told["sequence"], "particle": told["particle"],
        "method": how, "circumference": float(table.line_length), **tracking.results(),
    }  # fmt: skip
    return {"results": results, "warnings": warnings}


class Tracking:
    """The particles, and the files in which the run's reports find what they did."""

    def __init__(self, run, line, table) -> None:
        self.work, self.line, self.table = run, line, table
        self.number, self.turns = run.inputs["particles"], run.inputs["turns"]
        self.frames = min(run.inputs["frames"], self.turns)
        self.done, self.kept, self.lost, self.paused = 0, 0, {}, False
        self.window = min(run.inputs["tune_turns"], self.turns)
        self.chosen = np.arange(0, self.number, -(-self.number * self.window // TUNE_ROWS))
        self.first = np.full((4, len(self.chosen), self.window), np.nan, np.float32)  # x, px, y, py of the first turns
        self.seen, self.survivors, self.losses = [], [(0, self.number)], []
        self.optics = {name: float(table[name][0]) for name in ("betx", "alfx", "bety", "alfy", "dx", "dpx", "dy", "dpy")}
        self.orbit = table.particle_on_co
        os.makedirs(os.path.join(run.dir, FRAMES), exist_ok=True)
        self.particles = self.goes_on() or self.begin()
        self.write_all()

    def begin(self):
        start = xsuite_beam.start(self.work.inputs, self.optics)
        orbit = self.orbit
        added = {name: start[name] + float(getattr(orbit, name)[0]) for name in start}
        return xt.Particles(
            p0c=float(orbit.p0c[0]), mass0=orbit.mass0, q0=orbit.q0, zeta=np.full(self.number, float(orbit.zeta[0])), **added
        )

    def goes_on(self):
        """The particles of the last checkpoint, None where there is none to go on from."""
        if not self.work.resumed or not os.path.exists(CHECKPOINT):
            return None
        with np.load(CHECKPOINT, allow_pickle=False) as kept:
            data = {name: kept[name] for name in kept.files}
        told = json.loads(str(data.pop("simyard_told")))
        self.done, self.kept = told["done"], told["kept"]
        self.survivors, self.losses = told["survivors"], told["losses"]
        self.lost = {row[0]: row[1] for row in self.losses}
        self.first, seen = data.pop("simyard_first"), data.pop("simyard_seen")
        self.seen = [seen] if len(seen) else []
        self.work.log(f"Going on after turn {self.done}.")
        return xt.Particles.from_dict({name: value if value.ndim else value.item() for name, value in data.items()})

    def save(self) -> None:
        """A checkpoint, whole or not at all. From it the numbers go on bit by bit."""
        told = {"done": self.done, "kept": self.kept, "survivors": self.survivors, "losses": self.losses}
        arrays = {name: np.asarray(value) for name, value in self.particles.to_dict().items()}
        seen = np.concatenate(self.seen) if self.seen else np.empty((0, 2 + len(PLANES)), np.float32)
        with open(CHECKPOINT + ".part", "wb") as file:
            np.savez(file, simyard_told=np.array(json.dumps(told)), simyard_first=self.first, simyard_seen=seen, **arrays)
            file.flush()
            os.fsync(file.fileno())
        os.replace(CHECKPOINT + ".part", CHECKPOINT)

    def write_all(self) -> None:
        """The tables anew: of a part that was cut short there may be lines after its checkpoint."""
        self.loss_file = open(LOSSES, "w", encoding="utf-8", buffering=1)  # noqa: SIM115 - closed by close()
        self.loss_file.write("particle,turn,s,element,x,y\n")
        self.loss_file.writelines(loss_row(row) for row in self.losses)
        self.survivor_file = open(SURVIVORS, "w", encoding="ascii", buffering=1)  # noqa: SIM115
        self.survivor_file.write("turn,survivors\n")
        self.survivor_file.writelines(f"{turn},{count}\n" for turn, count in self.survivors)

    def close(self) -> None:
        self.loss_file.close()
        self.survivor_file.close()

    def run(self) -> None:
        wanted, saved = 1, time.monotonic()
        while self.done < self.turns and len(self.lost) < self.number:
            end = -(-(self.kept + 1) * self.turns // self.frames)
            share = max(1, min(wanted, end - self.done, ROWS // self.number))
            if self.done < self.window:
                share = min(share, self.window - self.done)
            began = time.monotonic()
            self.advance(share)
            took = time.monotonic() - began
            if self.done == end or len(self.lost) == self.number:
                save_frame(self.work.dir, self.kept, self.seen)
                self.seen, self.kept = [], self.kept + 1
            if self.done == self.window:
                self.find_tunes()
            left = self.number - len(self.lost)
            message = f"turn {self.done} of {self.turns}, {left} of {self.number} particles"
            self.work.progress(fraction=self.done / self.turns, frames=self.kept, message=message)
            if took > 2 * SHARE:
                wanted = max(1, share // 2)
            elif took < SHARE / 2 and share * 4 > wanted:  # one that a frame's end cut short tells little
                wanted = wanted * 2 if took > SHARE / 8 else wanted * 8
            if self.work.must_stop and self.done < self.turns and left:
                self.save()
                self.paused = True
                return
            if time.monotonic() - saved > SAVE:
                self.save()
                saved = time.monotonic()
        if self.done < self.window:  # all were lost before
            self.find_tunes()
        if os.path.exists(CHECKPOINT):
            os.remove(CHECKPOINT)

    def advance(self, turns) -> None:
        """`turns` more turns of all that are alive; keeps what pictures, tunes and tables want of them."""
        monitor = xt.ParticlesMonitor(start_at_turn=self.done, stop_at_turn=self.done + turns, num_particles=self.number)
        self.line.track(self.particles, num_turns=turns, turn_by_turn_monitor=monitor)
        found = {name: np.asarray(getattr(monitor, name)) for name in PLANES}
        there = np.asarray(monitor.state) > 0
        self.keep_points(found, there, turns)
        if self.done < self.window:
            part = slice(self.done, self.done + turns)
            for index, name in enumerate(PLANES[:4]):
                self.first[index, :, part] = np.where(there[self.chosen], found[name][self.chosen], np.nan)
        self.done += turns
        self.take_losses()
        self.survivors.append((self.done, self.number - len(self.lost)))
        if len(self.survivors) > 4000:
            self.survivors = self.survivors[:1] + self.survivors[2:-1:2] + self.survivors[-1:]
        self.survivor_file.write(f"{self.done},{self.number - len(self.lost)}\n")

    def keep_points(self, found, there, turns) -> None:
        """Rows of particle, turn and coordinates for the frame: every so manyth turn, and particle where there are more than points."""
        per_frame = -(-self.turns // self.frames)
        every = max(1, -(-self.number // POINTS))
        some = np.arange(0, self.number, every)
        stride = max(1, -(-len(some) * per_frame // POINTS))
        turn = np.arange(self.done, self.done + turns)
        columns = np.flatnonzero(
            (turn - -(-self.kept * self.turns // self.frames)) % stride == 0
        )  # the first turn of a frame always
        if not len(columns):
            return
        # turn by turn: so a frame is the same however its turns were shared out
        at, particle = np.meshgrid(turn[columns], some, indexing="ij")
        where = np.ix_(some, columns)
        rows = np.stack([particle, at, *(found[name][where].T for name in PLANES)], -1)[there[where].T]
        self.seen.append(rows.astype(np.float32))

    def take_losses(self) -> None:
        particles = self.particles
        gone = np.flatnonzero((particles.state <= 0) & (particles.state > -(10**6)))
        for index in sorted(gone, key=lambda one: (particles.at_turn[one], particles.particle_id[one])):
            number = int(particles.particle_id[index])
            if number not in self.lost:
                s = float(particles.s[index])
                element = str(self.line.element_names[int(particles.at_element[index])]).split(".")[0]
                row = [
                    number,
                    int(particles.at_turn[index]) + 1,
                    s,
                    element,
                    float(particles.x[index]),
                    float(particles.y[index]),
                ]
                self.lost[number] = row[1]
                self.losses.append(row)
                self.loss_file.write(loss_row(row))

    def find_tunes(self) -> None:
        """The tune of each of the chosen particles that is still there after the window."""
        if self.done < 16:
            return
        whole = self.first[:, :, : self.done].astype(float)
        stay = ~np.isnan(whole).any(axis=(0, 2))
        o, orbit = self.optics, self.orbit
        # the spectrum has its mean taken away, and with it orbit and dispersion
        x = xsuite_beam.normalised(whole[0, stay] - float(orbit.x[0]), whole[1, stay] - float(orbit.px[0]), o["betx"], o["alfx"])
        y = xsuite_beam.normalised(whole[2, stay] - float(orbit.y[0]), whole[3, stay] - float(orbit.py[0]), o["bety"], o["alfy"])
        tune_x, tune_y = xsuite_beam.tunes(*x), xsuite_beam.tunes(*y)
        action = [np.mean(one[0] ** 2 + one[1] ** 2, axis=1) / 2 * 1e6 for one in (x, y)]
        with open(TUNES + ".part", "w", encoding="ascii") as file:
            file.write("particle,tune_x,tune_y,action_x,action_y\n")
            file.writelines(
                "{},{:.9f},{:.9f},{:.6g},{:.6g}\n".format(*row)
                for row in zip(
                    self.chosen[stay].tolist(), tune_x.tolist(), tune_y.tolist(), *(one.tolist() for one in action), strict=True
                )
            )
        os.replace(TUNES + ".part", TUNES)

    def results(self):
        left = self.number - len(self.lost)
        told = {"particles": self.number, "survivors": left, "survival": 100 * left / self.number, "turns": self.done}
        if self.lost:
            told["first_loss_turn"] = min(self.lost.values())
        if self.work.inputs["distribution"] == "line":
            told["stable_amplitude_x"] = {
                "value": min(self.lost, default=self.number) / self.number * self.work.inputs["amplitude_x"],
                "unit": "mm", "title": "Stable amplitude x",
            }  # fmt: skip
        found = xsuite_optics.rows(self.work, TUNES)
        if found:
            for plane, column in zip("xy", np.array([row[1:3] for row in found], float).T, strict=True):
                moving = column[np.isfinite(column)]
                if len(moving):
                    told["spread_" + plane] = float(np.ptp(moving))
        return told


def loss_row(row):
    number, turn, s, element, x, y = row
    return f"{number},{turn},{s:.6g},{element},{x:.6g},{y:.6g}\n"


def save_frame(folder, number, seen) -> None:
    """Written beside and renamed: whoever reads a frame reads a whole one."""
    path = os.path.join(folder, FRAMES, f"{number:05d}.npy")
    with open(path + ".part", "wb") as file:
        np.save(file, np.concatenate(seen) if seen else np.empty((0, 2 + len(PLANES)), np.float32))
    os.replace(path + ".part", path)
