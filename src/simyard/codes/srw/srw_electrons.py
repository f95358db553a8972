"""Job cmd, code srw: the whole beam: the wavefront of each of many electrons, added up in the order of their numbers.

A checkpoint beside each frame has all that is needed to go on. What is added up, and in which order, depends on the inputs
alone: the numbers are the same on one core and on many (srw_tasks.py), and with a stop in between or without.
"""

import csv
import io
import os

import numpy as np
import srw_field
import srw_sampling

FRAMES = "frames"
CHECKPOINT = os.path.join("simyard", "checkpoint.npz")
CONVERGENCE = "convergence.csv"


class Sum:
    """Intensities of the electrons so far, in two halves that take turns: how far their means differ tells how sure the mean is."""

    def __init__(self, shape):
        self.halves = np.zeros((2, *shape))
        self.counts = np.zeros(2, np.int64)
        self.light = np.zeros(2)  # in the picture, and all that arrived
        self.shares = 0
        self.rows = []

    @property
    def done(self):
        return int(self.counts.sum())

    def add(self, electrons, values, light):
        half = self.shares % 2
        self.halves[half] += values
        self.counts[half] += electrons
        self.light += light
        self.shares += 1

    def mean(self):
        return self.halves.sum(0) / self.done

    def uncertainty(self):
        """Of the mean, relative, over the picture (root mean square); 1 while there is only one half."""
        if not self.counts.all():
            return 1.0
        first, second = (half / count for half, count in zip(self.halves, self.counts, strict=True))
        size = np.sqrt(np.mean(self.mean() ** 2))
        return float(np.sqrt(np.mean((first - second) ** 2)) / 2 / size) if size > 0 else 0.0


def of_electrons(inputs, first, end, between=lambda: None):
    """The summed intensity of electrons `first` to `end` - 1, and their light: in the picture, and all that arrived. `between` is called
    after each electron."""
    begin = srw_field.beam(inputs)
    moments = [*begin.arStatMom2[:6], begin.arStatMom2[10]]
    by = srw_sampling.shift(inputs["seed"])
    gamma = begin.partStatMom1.gamma
    x_axis, y_axis = srw_field.picture_axes(inputs)
    total, light = np.zeros((inputs["points"],) * 2), np.zeros(2)
    for number in range(first, end):
        one = srw_field.beam(inputs)
        at = one.partStatMom1
        at.x, at.xp, at.y, at.yp, offset = srw_sampling.electron(number, by, moments)
        at.gamma = gamma * (1 + offset)
        values, share, _ = srw_field.picture(inputs, one)
        total += values
        inside = srw_field.flux_um(values, x_axis, y_axis)
        light += (inside, inside / share if share else inside)
        between()
    return total, light


def one_by_one(inputs, shares):
    for share in shares:
        yield share, of_electrons(inputs, *share)


def run_all(run, work=one_by_one):
    """Adds up all electrons, with frames and checkpoints; ends early, with a checkpoint, where the run must stop. `work` gives each share
    of electrons with what `of_electrons` says of it, in the order of the shares."""
    inputs = run.inputs
    electrons = inputs["electrons"]
    ends = srw_sampling.frame_ends(electrons, inputs["frames"])
    os.makedirs(os.path.join(run.dir, FRAMES), exist_ok=True)
    os.makedirs(os.path.join(run.dir, "simyard"), exist_ok=True)
    total = load(run) if run.resumed else Sum((inputs["points"],) * 2)
    if run.resumed:
        run.log(f"It goes on after {total.done} of {electrons} electrons.")
    tell(run, total, ends)
    shares = srw_sampling.batches(electrons, inputs["frames"], total.done)
    for (first, end), (values, light) in work(inputs, shares):
        total.add(end - first, values, light)
        if end in ends:
            keep_frame(run, total, ends.index(end))
        tell(run, total, ends)
        if run.must_stop and end < electrons:
            keep(run, total)
            run.log(f"It stops after {end} of {electrons} electrons, with a checkpoint.")
            return
    print(f"{electrons} electrons, uncertainty {total.uncertainty():.2%}")


def tell(run, total, ends):
    frames = sum(end <= total.done for end in ends)
    run.progress(fraction=total.done / ends[-1], frames=frames, message=f"{total.done:,} of {ends[-1]:,} electrons")


def keep_frame(run, total, number):
    """The frame, the line of its convergence, and the checkpoint, in this order: a checkpoint never knows of a frame that is not there."""
    mean = total.mean()
    peak = float(mean.max())
    total.rows.append((total.done, peak, total.uncertainty()))
    write(frame_path(run.dir, number), lambda file: np.save(file, mean.astype(np.float32)))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("electrons", "peak", "uncertainty"), *total.rows])
    write(os.path.join(run.dir, CONVERGENCE), lambda file: file.write(text.getvalue().encode("ascii")))
    keep(run, total)


def keep(run, total):
    kept = {
        "halves": total.halves, "counts": total.counts, "light": total.light, "shares": total.shares,
        "rows": np.array(total.rows, np.float64).reshape(-1, 3),
    }  # fmt: skip
    write(os.path.join(run.dir, CHECKPOINT), lambda file: np.savez(file, **kept))


def load(run):
    """The sum as the last checkpoint has it; an empty one where there is none."""
    total = Sum((run.inputs["points"],) * 2)
    try:
        with np.load(os.path.join(run.dir, CHECKPOINT), allow_pickle=False) as kept:
            total.halves, total.counts, total.light = kept["halves"], kept["counts"], kept["light"]
            total.shares = int(kept["shares"])
            total.rows = [(int(done), peak, unsure) for done, peak, unsure in kept["rows"].tolist()]
    except FileNotFoundError:
        pass
    return total


def write(path, put):
    """Written beside and renamed: whoever reads, reads a whole file."""
    with open(path + ".part", "wb") as file:
        put(file)
    os.replace(path + ".part", path)


def frame_path(folder, number):
    return os.path.join(folder, FRAMES, f"{number:05d}.npy")


def count(run):
    try:
        return sum(name.endswith(".npy") for name in os.listdir(os.path.join(run.dir, FRAMES)))
    except FileNotFoundError:
        return 0


def convergence(run):
    """Rows of electrons, peak, uncertainty, one for each frame that is there."""
    try:
        with open(os.path.join(run.dir, CONVERGENCE), encoding="ascii") as file:
            return [(int(row[0]), float(row[1]), float(row[2])) for row in list(csv.reader(file))[1:]]
    except FileNotFoundError:
        return []
