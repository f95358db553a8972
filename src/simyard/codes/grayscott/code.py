"""Job cmd, code grayscott: reaction and diffusion on a periodic grid, in numpy, with a frame every so many steps.

du/dt = Du ∇²u - u v² + F (1 - u),  dv/dt = Dv ∇²v + u v² - (F + k) v; explicit Euler, five-point Laplacian, steps of 1.
J. E. Pearson, Complex Patterns in a Simple System, Science 261 (1993) 189.
"""

import os
import time

import numpy as np
import numpy.random  # numpy loads it late: here while warm, not in each fork

FRAMES = "frames"
MASS = "mass.csv"
#: Lines of the mass curve, about.
SAMPLES = 400
#: Cells of a strip of rows that is worked on at once: its temporaries stay in the processor's cache.
STRIP = 1 << 15
#: Cells along a side of a picture, at most.
PICTURE = 512
#: Dark blue to cream with rising lightness, so that it also reads in grey and for the colour-blind.
COLOURS = ("#061428", "#0b3558", "#146582", "#2a9d8f", "#8ac17c", "#e9c46a", "#fff3d0")
GRID = "rgba(128,128,128,0.25)"


class Grid:
    """u and v with a border of one cell, which repeats the opposite side."""

    def __init__(self, size, spots, seed):
        random = np.random.default_rng(seed)
        self.size = size
        self.u = np.ones((size + 2, size + 2), np.float32)
        self.v = np.zeros((size + 2, size + 2), np.float32)
        self.next_u = np.empty_like(self.u)
        self.next_v = np.empty_like(self.v)
        half = max(4, size // 40)
        square = np.arange(-half, half)
        for row, column in random.integers(0, size, (spots, 2)):
            where = np.ix_((row + square) % size + 1, (column + square) % size + 1)
            self.u[where] = 0.5
            self.v[where] = 0.25
        inside = (slice(1, -1), slice(1, -1))
        self.u[inside] += random.uniform(-0.01, 0.01, (size, size)).astype(np.float32)
        self.v[inside] += random.uniform(0, 0.01, (size, size)).astype(np.float32)
        rows = max(1, min(size, STRIP // size))
        self.strips = [(first, min(first + rows, size)) for first in range(0, size, rows)]
        self.reaction = np.empty((rows, size), np.float32)
        self.work = np.empty((rows, size), np.float32)

    def step(self, feed, kill, diffusion_u, diffusion_v):
        for field in (self.u, self.v):
            field[0], field[-1] = field[-2], field[1]
            field[:, 0], field[:, -1] = field[:, -2], field[:, 1]
        for first, last in self.strips:
            reaction, work = self.reaction[: last - first], self.work[: last - first]
            u = self.u[first + 1 : last + 1, 1:-1]
            v = self.v[first + 1 : last + 1, 1:-1]
            np.multiply(v, v, out=reaction)
            reaction *= u
            spread(self.u, self.next_u, first, last, work, 1 - 4 * diffusion_u - feed, diffusion_u)
            new = self.next_u[first + 1 : last + 1, 1:-1]
            new -= reaction
            new += np.float32(feed)
            spread(self.v, self.next_v, first, last, work, 1 - 4 * diffusion_v - feed - kill, diffusion_v)
            self.next_v[first + 1 : last + 1, 1:-1] += reaction
        self.u, self.next_u = self.next_u, self.u
        self.v, self.next_v = self.next_v, self.v

    def means(self):
        return float(self.u[1:-1, 1:-1].mean(dtype=np.float64)), float(self.v[1:-1, 1:-1].mean(dtype=np.float64))


def spread(old, new, first, last, work, keep, share):
    """Rows `first` to `last` of `new`: `keep` times the cell itself and `share` times its four neighbours."""
    np.add(old[first:last, 1:-1], old[first + 2 : last + 2, 1:-1], out=work)
    work += old[first + 1 : last + 1, :-2]
    work += old[first + 1 : last + 1, 2:]
    work *= np.float32(share)
    into = new[first + 1 : last + 1, 1:-1]
    np.multiply(old[first + 1 : last + 1, 1:-1], np.float32(keep), out=into)
    into += work


def plan(run):
    """size, steps and frames of this run: the preview's are bounded."""
    size, steps, frames = (run.inputs[key] for key in ("size", "steps", "frames"))
    if run.model == "preview":
        size, steps, frames = min(size, 96), min(steps, 2500), 1
    return size, steps, min(frames, steps)


def prepare(run):
    os.makedirs(os.path.join(run.dir, FRAMES), exist_ok=True)
    return evolve


def show_input(run):
    """There is no file: the numbers are used as they stand here, a preview's bounded."""
    size, steps, frames = plan(run)
    used = {**run.inputs, "size": size, "steps": steps, "frames": frames}
    return {"parameters": "".join(f"{name} = {value}\n" for name, value in used.items())}


def evolve(run):
    size, steps, frames = plan(run)
    rates = [float(run.inputs[key]) for key in ("feed", "kill", "diffusion_u", "diffusion_v")]
    grid = Grid(size, run.inputs["spots"], run.inputs["seed"])
    every = max(1, steps // SAMPLES)
    kept = 0
    told = 0.0
    began = time.monotonic()
    with open(os.path.join(run.dir, MASS), "w", encoding="ascii", buffering=1) as mass:
        mass.write("step,u,v\n0,{:.6f},{:.6f}\n".format(*grid.means()))
        for step in range(1, steps + 1):
            grid.step(*rates)
            frame = step * frames // steps > kept
            if frame or step % every == 0:
                u, v = grid.means()
                if not np.isfinite(u + v):
                    raise ArithmeticError(f"The concentrations grew beyond all bounds at step {step}: lower the diffusion.")
                mass.write(f"{step},{u:.6f},{v:.6f}\n")
            if frame:
                save(run.dir, kept, grid.v[1:-1, 1:-1])
                kept += 1
            now = time.monotonic()
            if frame or now - told > 0.1:
                told = now
                run.progress(fraction=step / steps, frames=kept, message=f"step {step} of {steps}")
    seconds = time.monotonic() - began
    print(f"{steps} steps of {size} x {size} cells in {seconds:.2f} s, {kept} frames")


def save(folder, number, field):
    """Written beside and renamed: whoever reads a frame reads a whole one."""
    path = frame_path(folder, number)
    with open(path + ".part", "wb") as file:
        np.save(file, field)
    os.replace(path + ".part", path)


def frame_path(folder, number):
    return os.path.join(folder, FRAMES, f"{number:05d}.npy")


def finish(run):
    if run.exit_code != 0 or run.signal:
        return None
    steps, u, v = mass_curve(run)[-1]
    return {"results": {"steps": int(steps), "mean_u": round(float(u), 6), "mean_v": round(float(v), 6), "frames": count(run)}}


def count(run):
    try:
        return sum(name.endswith(".npy") for name in os.listdir(os.path.join(run.dir, FRAMES)))
    except FileNotFoundError:
        return 0


def mass_curve(run):
    """Rows of step, mean u, mean v: the complete lines that are there by now."""
    try:
        with open(os.path.join(run.dir, MASS), encoding="ascii") as file:
            lines = [line for line in file if line.endswith("\n")][1:]
    except FileNotFoundError:
        lines = []
    if not lines:
        raise ValueError("There is no step yet: the run has only just begun.")
    return np.array([line.split(",") for line in lines], np.float64)


def report(run, name, frame):
    return mass(run) if name == "mass" else picture(run, frame)


def picture(run, frame):
    size, steps, frames = plan(run)
    have = count(run)
    if frame < 0:
        frame = have - 1
    if frame < 0 or frame >= have:
        raise ValueError(
            f"There is no frame {frame + 1} yet: {have} of {frames} have been written." if have else "There is no frame yet."
        )
    field = np.load(frame_path(run.dir, frame), allow_pickle=False)
    coarse = -(-size // PICTURE)
    if coarse > 1:
        field = field[: size // coarse * coarse, : size // coarse * coarse]
        field = field.reshape(size // coarse, coarse, size // coarse, coarse).mean(axis=(1, 3))
    step = -(-(frame + 1) * steps // frames)
    axis = {"showgrid": False, "zeroline": False, "ticks": "", "constrain": "domain"}
    return {
        "data": [
            {
                "type": "heatmap",
                "z": np.ascontiguousarray(field, np.float32),
                "x0": 0, "dx": coarse, "y0": 0, "dy": coarse,
                "zmin": 0, "zmax": 0.4, "zsmooth": "best" if size < 256 else False,
                "colorscale": [[i / (len(COLOURS) - 1), colour] for i, colour in enumerate(COLOURS)],
                "colorbar": {"title": {"text": "v", "side": "top"}, "thickness": 12, "outlinewidth": 0, "nticks": 5},
                "hovertemplate": "x %{x}, y %{y}<br>v = %{z:.3f}<extra></extra>",
            }
        ],
        "layout": {
            "title": {"text": f"Step {step:,} of {steps:,}"},
            "xaxis": {**axis, "title": {"text": "x [cells]"}},
            "yaxis": {**axis, "title": {"text": "y [cells]"}, "scaleanchor": "x"},
            "margin": {"l": 56, "r": 16, "t": 48, "b": 48},
            "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        },
    }  # fmt: skip


def mass(run):
    steps, u, v = mass_curve(run).T
    line = {"type": "scatter", "mode": "lines", "x": steps.astype(np.int32)}
    return {
        "data": [
            {**line, "y": u.astype(np.float32), "name": "u", "line": {"color": "#0072b2", "width": 2}},
            {**line, "y": v.astype(np.float32), "name": "v", "line": {"color": "#e69f00", "width": 2}},
        ],
        "layout": {
            "title": {"text": "Mean concentrations"},
            "xaxis": {"title": {"text": "step"}, "zeroline": False, "gridcolor": GRID},
            "yaxis": {"title": {"text": "mean of u and of v"}, "rangemode": "tozero", "zeroline": False, "gridcolor": GRID},
            "hovermode": "x unified",
            "legend": {"orientation": "h", "x": 1, "xanchor": "right", "y": 1.02, "yanchor": "bottom"},
            "margin": {"l": 64, "r": 16, "t": 48, "b": 48},
            "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        },
    }  # fmt: skip
