"""What history costs: status, list and restart with many kept runs, beside the same with few."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import random
import shutil
import signal
import tempfile
import time
from pathlib import Path

from bench.figures import Row, median, ms
from bench.yard import Yard
from simyard import config
from simyard.client.http import path
from simyard.protocol.ids import ulid
from simyard.protocol.jobs import Run, RunSpec
from simyard.store.engine import make_engine
from simyard.store.records import Batch
from simyard.store.runs import RunStore

BATCH = 20_000


def fill(home: Path, runs: int) -> list[str]:
    """Put so many completed runs into the database, like one that was there; answers with some of their ids."""
    store = RunStore(make_engine(config.load({}, home).jobs_url))
    one: Run = store.page("me", 1)[0]
    spec: RunSpec = store.specs([one.id])[one.id]
    change, made, some = store.last_change(), time.time() - runs, []
    for first in range(0, runs, BATCH):
        batch: dict[str, Run] = {}
        specs: dict[str, RunSpec] = {}
        for n in range(first, min(first + BATCH, runs)):
            name = ulid(made + n, os.urandom)
            change += 1
            simulation = f"S{n % 1000:04}"
            batch[name] = dataclasses.replace(
                one,
                id=name,
                simulation=simulation,
                jid=f"me.{simulation}.{one.model}",
                identity=hashlib.sha256(name.encode()).hexdigest(),
                change=change,
                key="",
                created=made + n,
                queued=made + n,
            )
            specs[name] = dataclasses.replace(spec, run=name)
            if n % max(1, runs // 500) == 0:
                some.append(name)
        store.commit(Batch(runs=batch, specs=specs))
    store.close()
    return some


class Kept:
    """A Simyard with so many runs in its past."""

    def __init__(self, runs: int) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="simyard-bench-"))
        with Yard(self.home) as yard:
            yard.warm()
        self.ids = fill(self.home, runs)
        self.yard = Yard(self.home)
        self.yard.__enter__()
        random.shuffle(self.ids)

    def status(self, n: int) -> float:
        began = time.perf_counter()
        self.yard.client.http.get(path("runs", self.ids[n % len(self.ids)]))
        return time.perf_counter() - began

    def list(self, n: int) -> float:
        filters = [{}, {"simulation": ""}, {"state": "completed"}, {"model": "true"}][n % 4]
        began = time.perf_counter()
        self.yard.client.http.get(path("runs"), limit=50, cursor=self.ids[n % len(self.ids)], **filters)
        return time.perf_counter() - began

    def restart(self, n: int) -> float:
        """Kill -9 of the supervisor → it has answered a request."""
        began = time.perf_counter()
        os.kill(self.yard.pids()["supervisor"], signal.SIGKILL)
        self.status(n)
        return time.perf_counter() - began

    def close(self) -> None:
        self.yard.__exit__(None, None, None)
        shutil.rmtree(self.home, ignore_errors=True)


def kept(few: int, many: int) -> list[Row]:
    small, large = Kept(few), Kept(many)
    try:
        rows = []
        for what, name, times in (("status of a run", "status", 400), ("a page of 50 runs", "list", 200)):
            ours, bare = [], []
            for n in range(times):
                bare.append(getattr(small, name)(n))
                ours.append(getattr(large, name)(n))
            ratio = median(ours) / median(bare)
            rows.append(
                Row(
                    what=f"{what}, {many:,} runs kept",
                    measured=f"{ms(median(ours))} median ({times} requests)",
                    beside=f"{few:,} kept: {ms(median(bare))}",
                    ratio=f"{ratio:.2f} ×",
                    budget="≤ 1.2 ×",
                    meets=ratio <= 1.2,
                )
            )
        ours, bare = [], []
        for n in range(5):
            bare.append(small.restart(n))
            ours.append(large.restart(n))
        rows.append(
            Row(
                what=f"kill -9 of the supervisor → first answer, {many:,} runs kept",
                measured=f"{ms(median(ours))} median, {ms(max(ours))} at most",
                beside=f"{few:,} kept: {ms(median(bare))}",
                ratio=f"{median(ours) / median(bare):.2f} ×",
                budget="≤ 1 s",
                meets=median(ours) <= 1,
            )
        )
        return rows
    finally:
        small.close()
        large.close()
