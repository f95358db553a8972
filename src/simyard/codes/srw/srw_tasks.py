"""Code srw: the whole beam on several tasks of MPI. The first hands out shares of electrons, adds up what comes back in the order of the
shares, and works on some itself; the others work.

Nobody waits within MPI, which would take a core for it: each looks whether there is something, and sleeps for a moment. Those
who work look after each electron.
"""

import os
import time
import traceback

import numpy as np
import srw_electrons
import srw_mpi
from mpi4py import MPI

SHARE, RESULT, OVER = 1, 2, 3
#: Shares that a task has at a time, so that it need not wait for the next one.
AHEAD = 2
#: Shares for each task that may be under way or wait for an earlier one.
WAITING = 3
#: Seconds between two looks, and between two words of progress.
LOOK, TELL = 0.002, 0.1


class Over(Exception):
    """No share is wanted any more."""


class Crew:
    """The other tasks, as the first one sees them."""

    def __init__(self, world, points):
        self.world, self.points = world, points
        self.left, self.done, self.wanted = [], {}, 0
        self.has = dict.fromkeys(range(1, world.size), 0)
        # its number, the light, and the picture
        self.places = {rank: np.empty(3 + points * points) for rank in self.has}
        self.coming = {rank: self.listen(rank) for rank in self.has}

    def listen(self, rank):
        return self.world.Irecv(self.places[rank], rank, RESULT)

    def work(self, inputs, shares):
        """Each share with its result, in order."""
        self.left, limit = [*enumerate(shares)][::-1], WAITING * self.world.size
        for number, share in enumerate(shares):
            self.wanted = number + limit
            while number not in self.done:
                self.serve()
                if mine := self.take():
                    self.done[mine[0]] = srw_electrons.of_electrons(inputs, *mine[1], self.serve)
                elif number not in self.done:
                    time.sleep(LOOK)
            yield share, self.done.pop(number)

    def take(self):
        """The next (number, share), if there is one that may be begun."""
        return self.left.pop() if self.left and self.left[-1][0] < self.wanted else None

    def serve(self):
        """Takes what has come, and hands out what is next."""
        self.collect()
        for many in range(1, AHEAD + 1):
            for rank in self.coming:
                if self.has[rank] < many and (one := self.take()):
                    self.world.Send(np.array([one[0], *one[1]], np.int64), rank, SHARE)
                    self.has[rank] += 1

    def collect(self):
        status = MPI.Status()
        for rank in [*self.coming]:
            if not self.coming[rank].Test(status):
                continue
            if not status.Get_count(MPI.DOUBLE):  # its farewell
                del self.coming[rank]
                continue
            place = self.places[rank]
            self.done[int(place[0])] = (place[3:].reshape(self.points, -1).copy(), place[1:3].copy())
            self.has[rank] -= 1
            self.coming[rank] = self.listen(rank)

    def dismiss(self):
        """Tells them that nothing more is wanted, and waits until each has said that it goes."""
        for rank in self.coming:
            self.world.Send(np.empty(0), rank, OVER)
        until(lambda: self.collect() or not self.coming)


def until(there):
    while not there():
        time.sleep(LOOK)


def work(world, inputs):
    """Shares of electrons, until nothing more is wanted."""

    def look():
        if world.Iprobe(0, OVER):
            raise Over

    share, sent, result = np.empty(3, np.int64), MPI.REQUEST_NULL, np.empty(0)
    try:
        while True:
            until(lambda: look() or world.Iprobe(0, SHARE))
            world.Recv(share, 0, SHARE)
            number, first, end = share.tolist()
            values, light = srw_electrons.of_electrons(inputs, first, end, look)
            until(sent.Test)
            result = np.concatenate([[number], light, values.ravel()])
            sent = world.Isend(result, 0, RESULT)
    except Over:
        until(sent.Test)
    while world.Iprobe(0, SHARE):
        world.Recv(share, 0, SHARE)
    world.Recv(np.empty(0), 0, OVER)
    world.Send(np.empty(0), 0, RESULT)


class Task:
    """What `run_all` asks of a run, at the first task."""

    def __init__(self, told):
        self.dir, self.inputs, self.resumed = os.getcwd(), told["inputs"], told["resumed"]
        self.file = os.environ.get("SIMYARD_MUST_STOP", "")
        self.told, self.next = {}, 0.0

    @property
    def must_stop(self):
        return bool(self.file) and os.path.exists(self.file)

    def progress(self, **told):
        self.told = told
        if time.monotonic() >= self.next:
            self.tell()
            self.next = time.monotonic() + TELL

    def tell(self):
        srw_mpi.write(os.path.join(self.dir, srw_mpi.PROGRESS), self.told)

    def log(self, text):
        print(text, flush=True)


def begin(world):
    # one reads: on another node a file may be seen later
    told = world.bcast(srw_mpi.read(srw_mpi.TASKS) if world.rank == 0 else None)
    if world.size != told["tasks"]:
        raise RuntimeError(
            f"SRW was to run as {told['tasks']} tasks that know of each other, but {world.size} do: what has started them belongs to another "
            "MPI than its mpi4py."
        )
    if world.rank:
        work(world, told["inputs"])
        return
    task, crew = Task(told), Crew(world, told["inputs"]["points"])
    task.log(f"Electrons are shared out to {world.size} tasks.")
    srw_electrons.run_all(task, crew.work)
    task.tell()
    crew.dismiss()


def main():
    try:
        begin(MPI.COMM_WORLD)
    except Exception as error:  # noqa: BLE001 - it is told, whatever it is, and ends all tasks
        traceback.print_exc()
        try:
            srw_mpi.fail(error)
        finally:
            MPI.COMM_WORLD.Abort(1)


if __name__ == "__main__":
    main()
