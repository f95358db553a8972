"""Starting: up → first page, first run; and what Simyard holds in memory when it has nothing to do."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from bench.figures import Row, median, ms
from bench.yard import SIMYARD, Yard
from bench.yard import memory as pss
from simyard.client import Client


def start(times: int) -> list[Row]:
    """`simyard up` in a fresh home folder → the first page, and → the first run has completed."""
    pages, runs, bare = [], [], []
    for _ in range(times):
        began = time.perf_counter()
        subprocess.run([SIMYARD, "--version"], check=True, stdout=subprocess.DEVNULL)
        bare.append(time.perf_counter() - began)
        home = Path(tempfile.mkdtemp(prefix="simyard-bench-"))
        began = time.perf_counter()
        with subprocess.Popen([SIMYARD, "--home", home, "up", "--port", "0"], stdout=subprocess.PIPE, text=True) as keeper:
            try:
                assert keeper.stdout is not None
                address = next(line.strip() for line in keeper.stdout if "login?once=" in line)
                with urllib.request.urlopen(address, timeout=10) as page:
                    page.read()
                pages.append(time.perf_counter() - began)
                with Client(home=home) as client:
                    run = client.run("grayscott", "preview", example="tiny", wait=30).wait(30)
                if run.state != "completed":
                    raise RuntimeError(f"{run.id} is {run.state}: {run.reason}")
                runs.append(time.perf_counter() - began)
            finally:
                keeper.terminate()
                keeper.communicate()
                shutil.rmtree(home, ignore_errors=True)
    beside = f"`simyard --version`: {ms(median(bare))}"
    return [
        Row(
            what="`simyard up` in a fresh home folder → first page",
            measured=f"{ms(median(pages))} ({times} starts)",
            beside=beside,
            ratio=f"+{ms(median(pages) - median(bare))}",
            budget="≤ 2 s",
            meets=median(pages) <= 2,
        ),
        Row(
            what="`simyard up` in a fresh home folder → first run has completed (Gray–Scott, tiny)",
            measured=f"{ms(median(runs))} ({times} starts)",
            beside=beside,
            ratio=f"+{ms(median(runs) - median(bare))}",
            budget="≤ 3 s",
            meets=median(runs) <= 3,
        ),
    ]


def memory() -> list[Row]:
    """What is in memory when nothing runs: web, supervisor, keeper, one agent with a warm code (numpy)."""
    with Yard() as yard:
        with Client(home=yard.home) as client:
            client.run("grayscott", "preview", example="tiny", wait=30).wait(30)
        time.sleep(3)  # what a start has used and does not need is given back
        found = {name: pss(pid) for name, pid in yard.pids().items()}
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as python:
        time.sleep(0.3)
        bare = pss(python.pid)
        python.communicate()
    total = sum(found.values())
    each = ", ".join(f"{name} {size / 2**20:.0f}" for name, size in found.items())
    return [
        Row(
            what="memory idle: keeper, web, supervisor, one agent with a warm code (numpy)",
            measured=f"{total / 2**20:.0f} MiB PSS ({each})",
            beside=f"a bare Python: {bare / 2**20:.0f} MiB",
            ratio=f"{total / bare:.1f} ×",
            budget="≤ 150 MiB",
            meets=total <= 150 * 2**20,
        )
    ]


def stalls(yard: Yard) -> Row:
    """The longest time for which the supervisor's event loop was late in all that this bench has done with it."""
    with yard.client.http.open("GET", "/metrics") as answer:
        text = answer.read().decode()
    longest = float(next(line.split()[1] for line in text.splitlines() if line.startswith("simyard_longest_stall_seconds ")))
    return Row(
        what="longest stall of the supervisor's event loop in the above",
        measured=ms(longest),
        beside="a loop that is never late: 0 ms",
        ratio=f"+{ms(longest)}",
        budget="≤ 50 ms",
        meets=longest <= 0.050,
    )
