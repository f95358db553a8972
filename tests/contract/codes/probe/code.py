# -*- coding: utf-8 -*-
"""A test code that does what its inputs say. Runs under Python 2.7 and 3.6 and newer."""
from __future__ import print_function

import array
import ctypes
import json
import os
import random
import signal
import sys
import time

import beside


def prepare(run):
    if run.inputs.get("prepare") == "hang":
        touch("preparing")
        while True:
            time.sleep(60)
    if run.inputs.get("prepare") == "raise":
        raise ValueError(u"energy must be positive, not −1 GeV")
    if run.inputs.get("prepare") == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if run.inputs.get("prepare") == "nonsense":
        return 7
    if run.inputs.get("prepare") == "write":
        write()
    if run.inputs.get("prepare") == "greedy":
        return "x" * (1 << 30)
    if run.inputs.get("prepare") == "hoard":
        hoard()
    if run.inputs.get("prepare") == "later":
        time.sleep(1.2)
    if run.inputs.get("prepare") == "resumed":
        os.environ["RESUMED"] = "yes" if run.resumed else "no"
    if "command" in run.inputs:
        return [sys.executable if word == "PYTHON" else word for word in run.inputs["command"]]
    return WORK[run.inputs["do"]]


def write():
    print("never shown")
    os.mkdir("in")
    for name, data in ((os.path.join("in", "job.txt"), u"energy = 1 GeV, čau".encode("utf-8")), ("grid.bin", b"\0\1\2" * 100),
                       ("long.txt", u"ž".encode("utf-8") * 100000), ("mine.txt", b"changed")):
        with open(name, "wb") as file:
            file.write(data)
    os.symlink("/etc/passwd", "link.txt")


def show_input(run):
    return run.inputs.get("show")


def hoard():
    held = []
    while True:
        held.append(bytearray(b"x" * (16 << 20)))
        time.sleep(0.002)


def touch(name):
    with open(name, "w") as file:
        file.write(str(os.getpid()))


def words(run):
    print(u"žluťoučký kůň 水")
    run.log(u"→ logged")
    with open(u"výstup.txt".encode("utf-8"), "wb") as file:
        file.write(run.inputs[u"přání"].encode("utf-8"))
    run.progress(fraction=0.5, message=u"půl")


def frames(run):
    count = run.inputs["count"]
    for n in range(count):
        run.progress(fraction=(n + 1.0) / count, frames=n + 1, message="step %d" % (n + 1))
        time.sleep(run.inputs.get("pause", 0))


def ticks(run):
    """Frames until it is told to go, however long that takes."""
    n = 0
    while not os.path.exists("go"):
        n += 1
        run.progress(frames=n)
        time.sleep(0.05)


def fail(run):
    raise RuntimeError(u"the beam was lost at s = 3.2 m — čau")


def leave(run):
    sys.exit(run.inputs["status"])


def crash(run):
    ctypes.string_at(0)


def killed(run):
    os.kill(os.getpid(), signal.SIGKILL)


def vanish(run):
    os._exit(0)


def no_memory(run):
    raise MemoryError()


def no_disk(run):
    raise OSError(28, "No space left on device")


def burn(run):
    block = bytearray(run.inputs["bytes"])
    block[:: 4096] = b"x" * len(block[:: 4096])
    until = time.time() + run.inputs["seconds"]
    while time.time() < until:
        pass


def wait(run):
    touch("waiting")
    while True:
        time.sleep(60)


def deaf(run):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    wait(run)


def orderly(run):
    def stop(number, frame):
        touch("orderly")
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    wait(run)


def detach(run):
    """Leave a process behind that has a session of its own, no parent, no descriptors and no working directory here."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.chdir("/")
            os.closerange(0, 64)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                time.sleep(60)
        os._exit(0)
    os.wait()
    if run.inputs.get("then") == "wait":
        wait(run)


def output(run):
    line = "x" * 99 + "\n"
    for _ in range(run.inputs["bytes"] // 100 // 1000):
        sys.stdout.write(line * 1000)


def draw(run):
    with open("drawn", "w") as file:
        file.write(repr(random.random()))


def fill(run):
    with open("fill", "wb") as file:
        while True:
            file.write(b"x" * 65536)
            file.flush()


def nothing(run):
    pass


def environment(run):
    with open("told", "w") as file:
        names = ("OMP_NUM_THREADS", "SIMYARD_CORES")
        json.dump([run.launcher, run.tasks] + [os.environ[name] for name in names], file)


def steps(run):
    """Count to `count`, from the checkpoint on where there is one; wait at `hold` until it must stop, or is let."""
    step = 0
    if run.resumed:
        with open("checkpoint") as file:
            step = int(file.read())
    while step < run.inputs["count"]:
        step += 1
        run.log("step %d" % step)
        with open("checkpoint", "w") as file:
            file.write(str(step))
        run.progress(fraction=float(step) / run.inputs["count"], frames=step)
        if step == run.inputs.get("hold") and not run.resumed:
            touch("waiting")
            while not run.must_stop:
                time.sleep(0.01)
        if run.must_stop and not run.inputs.get("deaf"):
            return


WORK = {
    function.__name__: function
    for function in (words, frames, ticks, fail, leave, crash, killed, vanish, no_memory, no_disk, burn, wait, deaf, orderly, detach, output, draw,
                     fill, nothing, steps, environment)
}


def progress(run):
    how = run.inputs.get("progress")
    if how == "raise":
        raise RuntimeError("no progress")
    if how == "count":
        return {"message": "%.3f" % time.time()}
    if how == "fraction" and os.path.exists("fraction"):
        return {"fraction": 1.0}
    if how == "file" and os.path.exists("frames"):
        with open("frames") as file:
            return {"frames": int(file.read() or 0), "fraction": 0.25}
    return {}


def finish(run):
    how = run.inputs.get("finish")
    if how == "raise":
        raise ValueError("no table was written")
    if how == "hang":
        touch("finishing")
        while True:
            time.sleep(60)
    if how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "hoard":
        hoard()
    if how == "huge":
        return {"results": {"text": "x" * 100000}, "warnings": ["w" * 1000] * 100}
    if how == "slow":
        touch("finishing")
        time.sleep(0.5)
    if how == "explain":
        return {"reason": u"MAD-X: fatal error in line 3 – čára", "warnings": [u"pozor"]}
    if how == "refuse":
        return {"reason": u"no beam – čára", "cause": "input", "results": {"turns": 3}}
    return {"results": {"exit_code": run.exit_code, "signal": run.signal, "frames": run.frames, "beside": beside.WORDS}}


def report(run, name, frame):
    if name == "big":
        return {"data": [{"y": array.array("d", [0.5]) * (run.inputs.get("report_bytes", 1 << 20) // 8)}], "layout": {}}
    if name == "hang":
        while True:
            time.sleep(60)
    if name == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if name == "greedy":
        return {"data": [{"text": "x" * (1 << 30)}]}
    if name == "fail":
        raise ValueError(u"no such column: βx")
    if name == "nonsense":
        return [1, 2]
    if name == "together":  # as many as there are to be of it, side by side
        touch("together-%d" % frame)
        while not all(os.path.exists("together-%d" % n) for n in range(1, run.inputs["together"] + 1)):
            time.sleep(0.01)
    if name == "child":
        pid = os.fork()
        if pid == 0:
            while True:
                time.sleep(60)
        with open("report-child", "w") as file:
            file.write(str(pid))
    if name == "once":
        return {"data": [{"frame": frame, "made": repr(time.time())}]}
    return {
        "data": [{"y": array.array("d", [1.0, 2.5]), "x": [1, float("nan")], "name": u"čára", "frame": frame}],
        "layout": {"title": {"text": u"%s of %s, %d frames" % (name, run.model, run.frames)}},
    }
