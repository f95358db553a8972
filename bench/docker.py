"""Targets of kind docker beside `local`, in one run: a trivial run, a report, and a user's first container."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.figures import Row, median, ms, percentile
from bench.yard import Yard
from simyard.client import RemoteRun
from simyard.drivers.docker import rootfs
from tests.docker_engine import Engine, root_file_system

IMAGE = "simyard-bench"
_TARGET = f'[targets.box]\nkind = "docker"\n[docker]\nimage = "{IMAGE}"\nowner = 10001\nhosts = '


def docker(times: int, reports: int, starts: int) -> list[Row]:
    """`times` runs and `reports` reports on each, in turns; `starts` fresh users. Needs root and the packages of tools/debian."""
    with _engine() as engine:
        settings = f'{_TARGET}["{engine.url}"]\n'
        with Yard(settings=settings) as yard:
            _make_image(yard)
            rows = [_runs(yard, times), _reports(yard, reports)]
        return [*rows, _first(engine, settings, starts)]


def _runs(yard: Yard, times: int) -> Row:
    simulation = yard.client.create_simulation("trivial", "docker")
    took: dict[str, list[float]] = {"local": [], "box": []}
    for target in took:
        _run(yard, simulation, target)
    for _ in range(times):
        for target, values in took.items():
            began = time.perf_counter()
            _run(yard, simulation, target)
            values.append(time.perf_counter() - began)
    here, there = took["local"], took["box"]
    return Row(
        what="trivial warm run in a container, submit → final at the client",
        measured=f"{ms(median(there))} median, {ms(percentile(there, 99))} p99 ({times} runs)",
        beside=f"`local`, in turns: {ms(median(here))} median, {ms(percentile(here, 99))} p99",
        ratio=f"{ms(median(there) - median(here))} more",
        budget="≤ 5 ms more",
        meets=median(there) - median(here) <= 0.005,
    )


def _reports(yard: Yard, times: int) -> Row:
    simulation = yard.client.create_simulation("trivial", "docker reports")
    runs = {target: _run(yard, simulation, target) for target in ("local", "box")}
    took: dict[str, list[float]] = {target: [] for target in runs}
    for frame in range(times):
        for target, run in runs.items():
            began = time.perf_counter()
            run.report("curve", frame)
            took[target].append(time.perf_counter() - began)
    here, there = median(took["local"]), median(took["box"])
    return Row(
        what="report of a warm code in a container, over HTTP",
        measured=f"{ms(there)} median ({times} reports)",
        beside=f"`local`, in turns: {ms(here)}",
        ratio=f"{there / here:.2f} ×",
        budget="≤ 1.5 ×",
        meets=there <= 1.5 * here,
    )


def _first(engine: Engine, settings: str, times: int) -> Row:
    """A run of a user who has no container yet: it is made, its agent started, the code's interpreter too."""
    took: list[float] = []
    bare: list[float] = []
    here: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        engine.docker("run", "--rm", "--network=none", "--init", IMAGE, "/usr/bin/python3", "-c", "pass")
        bare.append(time.perf_counter() - began)
        for target, values in (("box", took), ("local", here)):
            with Yard(settings=settings) as yard:
                simulation = yard.client.create_simulation("trivial", "first")
                began = time.perf_counter()
                _run(yard, simulation, target)
                values.append(time.perf_counter() - began)
            engine.remove_everything()
    return Row(
        what="a user's first run in a container: made, agent started, run, submit → final",
        measured=f"{ms(median(took))} median ({times} users)",
        beside=f"a bare `docker run`: {ms(median(bare))}; a first run on `local`: {ms(median(here))}",
        ratio=f"{ms(median(took) - median(bare))} more than the bare container",
        budget="≤ 2 s more",
        meets=median(took) - median(bare) <= 2.0,
    )


def _run(yard: Yard, simulation: dict[str, Any], target: str) -> RemoteRun:
    run = yard.client.start(simulation["id"], "true", target=target, reuse=False, wait=60)
    if run.state != "completed":
        raise RuntimeError(f"{run.id} is {run.state}: {run.reason}")
    return run


@contextmanager
def _engine() -> Iterator[Engine]:
    if os.getuid() != 0 or not shutil.which("dockerd"):
        raise RuntimeError("The row docker starts a Docker daemon of its own: it needs root, and the packages of tools/debian.")
    folder = Path(tempfile.mkdtemp(prefix="simyard-bench-"))
    made = Engine(folder)
    made.start()
    try:
        yield made
    finally:
        made.remove_everything()
        made.stop()
        for line in Path("/proc/mounts").read_text().splitlines():
            if line.split()[1].startswith(f"{folder}/"):
                subprocess.run(["umount", "-l", line.split()[1]], check=False)
        shutil.rmtree(folder, ignore_errors=True)


def _make_image(yard: Yard) -> None:
    """As somebody would, on a base that is kept: making that one is debootstrap's time."""
    kept = yard.home / "image" / f"{rootfs.SUITE}.tar"
    kept.parent.mkdir(mode=0o700)
    kept.symlink_to(root_file_system())
    yard.simyard("image", "build", "--code", "trivial")
