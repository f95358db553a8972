"""Heat on a plate, by explicit steps, on as many tasks as there are: each has a strip of rows and asks its neighbours for theirs.

du/dt = (u_north + u_south + u_west + u_east - 4 u) / 5 on cells of 1, 0 outside. SIGUSR1: write a checkpoint, and end with status 0.
"""

import json
import os
import signal
import time

import numpy as np
from mpi4py import MPI

WORLD = MPI.COMM_WORLD
RANK, TASKS = WORLD.rank, WORLD.size
#: Steps between two looks whether it is time to stop.
LOOK = 5
STOP = []


def main():
    signal.signal(signal.SIGUSR1, lambda *_: STOP.append(1))
    with open("parameters.json") as file:
        wanted = json.load(file)
    size, steps, frames = (wanted[name] for name in ("size", "steps", "frames"))
    frames = min(frames, steps)
    rows = [size * task // TASKS for task in range(TASKS + 1)]
    step, parts, whole = begin(size, wanted["resumed"])
    # a border of one cell around each strip: the neighbours' rows, or what is outside
    strip = np.zeros((rows[RANK + 1] - rows[RANK] + 2, size + 2))
    strip[1:-1, 1:-1] = whole[rows[RANK] : rows[RANK + 1]]
    kept = step * frames // steps
    while step < steps:
        exchange(strip)
        inner = strip[1:-1, 1:-1]
        inner += (strip[:-2, 1:-1] + strip[2:, 1:-1] + strip[1:-1, :-2] + strip[1:-1, 2:] - 4 * inner) / 5
        step += 1
        if step * frames // steps > kept:
            kept = step * frames // steps
            show(gathered(strip), step, steps, kept)
            time.sleep(wanted["pause"])
        # all together, or one of them would wait for its neighbours for ever
        if step % LOOK == 0 and step < steps and WORLD.allreduce(len(STOP), MPI.MAX):
            save(gathered(strip), step, parts)
            return
    whole = gathered(strip)
    nodes = WORLD.gather(os.environ.get("SLURMD_NODENAME", ""))
    if RANK == 0:
        write("result.json", {"tasks": TASKS, "nodes": sorted(set(nodes)), "heat": round(float(whole.sum()), 6), "parts": parts})


def begin(size, resumed):
    """(steps that are done, parts with this one, the plate)."""
    if resumed and os.path.exists("checkpoint.npz"):
        with np.load("checkpoint.npz") as saved:
            return int(saved["step"]), int(saved["parts"]) + 1, saved["plate"]
    plate = np.zeros((size, size))
    plate[size // 4 : size // 2, size // 4 : size // 2] = 1.0
    if RANK == 0:
        with open("heat.csv", "w") as file:
            file.write("step,heat\n0,%.9g\n" % plate.sum())
    return 0, 1, plate


def exchange(strip):
    """Give the neighbours the outermost rows of this strip, and take theirs."""
    above, below = RANK - 1 if RANK else MPI.PROC_NULL, RANK + 1 if RANK < TASKS - 1 else MPI.PROC_NULL
    WORLD.Sendrecv(strip[1], above, recvbuf=strip[-1], source=below)
    WORLD.Sendrecv(strip[-2], below, recvbuf=strip[0], source=above)


def gathered(strip):
    """The whole plate, at the first task."""
    strips = WORLD.gather(strip[1:-1, 1:-1])
    return np.concatenate(strips) if RANK == 0 else None


def show(plate, step, steps, frames):
    if RANK == 0:
        np.save(os.path.join("frames", "%04d.npy" % (frames - 1)), plate)
        with open("heat.csv", "a") as file:
            file.write("%d,%.9g\n" % (step, plate.sum()))
        write("progress.json", {"fraction": step / steps, "frames": frames, "message": "step %d of %d" % (step, steps)})
        print("step %d of %d" % (step, steps), flush=True)


def save(plate, step, parts):
    if RANK == 0:
        with open("checkpoint.new", "wb") as file:
            np.savez(file, step=step, parts=parts, plate=plate)
        os.rename("checkpoint.new", "checkpoint.npz")
        print("checkpoint at step %d" % step, flush=True)


def write(path, what):
    with open(path + ".new", "w") as file:
        json.dump(what, file)
    os.rename(path + ".new", path)


main()
