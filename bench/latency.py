"""How long one thing takes: a run, a change of state on its way to a client, a report, a cancel."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from bench.figures import Row, median, ms, percentile
from bench.yard import CODES, Yard, exit_of
from simyard.client import sse
from simyard.client.http import path


def run(yard: Yard, times: int) -> Row:
    """Submit → final at the client, over HTTP, beside a bare subprocess.run of the same command."""
    simulation = yard.warm()
    bare, ours = [], []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run(["true"], check=True)
        bare.append(time.perf_counter() - began)
        began = time.perf_counter()
        yard.run(simulation, "true")
        ours.append(time.perf_counter() - began)
    over, over99 = median(ours) - median(bare), percentile(ours, 99) - median(bare)
    return Row(
        what="trivial warm run over HTTP, submit → final at the client",
        measured=f"{ms(median(ours))} median, {ms(percentile(ours, 99))} p99 ({times} runs)",
        beside=f"`subprocess.run`: {ms(median(bare))}",
        ratio=f"+{ms(over)} median, +{ms(over99)} p99",
        budget="≤ +10 ms median, ≤ +25 ms p99",
        meets=over <= 0.010 and over99 <= 0.025,
    )


def change(yard: Yard, times: int) -> Row:
    """The job cmd writes its final event → the client has the run's new state, over the event stream."""
    simulation = yard.warm()
    heard: dict[str, float] = {}
    ready, stop = threading.Event(), threading.Event()

    def listen() -> None:
        with yard.client.streaming(60).open("GET", path("events"), headers={"Accept": "text/event-stream"}) as stream:
            for event in sse.events(stream):
                now = time.time()
                ready.set()
                if event is not None and event.event == "run":
                    data = json.loads(event.data)
                    if data["state"] == "completed":
                        heard[data["id"]] = now
                if stop.is_set():
                    return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    ready.wait(10)
    lags = []
    for _ in range(times):
        run = yard.run(simulation, "true")
        limit = time.monotonic() + 10
        while run.id not in heard and time.monotonic() < limit:
            time.sleep(0.0005)
        lines = (yard.home / "users" / "me" / "runs" / run.id / "events.jsonl").read_text().splitlines()
        lags.append(heard[run.id] - json.loads(lines[-1])["at"])
    stop.set()
    yard.run(simulation, "true")
    listener.join(10)
    return Row(
        what="state change in the run's folder → the client has it",
        measured=f"{ms(median(lags))} median, {ms(percentile(lags, 99))} p99 ({times} changes)",
        beside="the time that the job cmd wrote",
        ratio=f"+{ms(median(lags))}",
        budget="≤ 20 ms",
        meets=median(lags) <= 0.020,
    )


def report(yard: Yard, times: int) -> Row:
    """A report of a warm code over HTTP, each made anew, beside a bare fork server with numpy that makes the same."""
    run = yard.run(yard.warm(), "true")
    command = [sys.executable, str(Path(__file__).with_name("fork_server.py")), str(CODES / "trivial")]
    bare, ours = [], []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        server.stdout.readline()
        for frame in range(times):
            began = time.perf_counter()
            server.stdin.write(b"%d\n" % frame)
            server.stdin.flush()
            server.stdout.readline()
            bare.append(time.perf_counter() - began)
            began = time.perf_counter()
            run.report("curve", frame)
            ours.append(time.perf_counter() - began)
        server.stdin.close()
    ratio = median(ours) / median(bare)
    return Row(
        what="report of a warm code, in a process of its own, over HTTP",
        measured=f"{ms(median(ours))} median ({times} reports)",
        beside=f"a bare fork of a warm numpy process that makes the same: {ms(median(bare))}",
        ratio=f"{ratio:.2f} ×",
        budget="≤ 2 ×",
        meets=ratio <= 2,
    )


def cancel(yard: Yard, times: int) -> Row:
    """Cancel asked for → the code's process is gone, where TERM is obeyed."""
    simulation = yard.client.create_simulation("trivial", "cancel", inputs={"seconds": 1000.0})
    took = []
    for _ in range(times):
        run = yard.client.start(simulation["id"], "sleep", reuse=False)
        events = yard.home / "users" / "me" / "runs" / run.id / "events.jsonl"
        pid = 0
        limit = time.monotonic() + 30
        while not pid and time.monotonic() < limit:
            lines = events.read_text().splitlines() if events.exists() else []
            pid = next((json.loads(line)["data"]["pid"] for line in lines if '"started"' in line), 0)
            time.sleep(0.002)
        while run.refresh().state != "running" or Path(f"/proc/{pid}/comm").read_text() != "sleep\n":
            time.sleep(0.002)
        with exit_of(pid) as gone:
            began = time.monotonic()
            run.cancel()
            took.append(gone() - began)
        run.wait(10)
    kill = []
    for _ in range(times):
        with subprocess.Popen(["sleep", "1000"]) as process:
            time.sleep(0.01)
            with exit_of(process.pid) as gone:
                began = time.monotonic()
                os.kill(process.pid, 15)
                kill.append(gone() - began)
    return Row(
        what="cancel → process group gone (TERM obeyed)",
        measured=f"{ms(median(took))} median, {ms(max(took))} at most ({times} runs)",
        beside=f"a bare `kill`: {ms(median(kill))}",
        ratio=f"+{ms(median(took) - median(kill))}",
        budget="≤ 50 ms",
        meets=median(took) <= 0.050,
    )
