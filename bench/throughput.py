"""Runs a second with two slots, few and many waiting; what a waiting run costs; and one user's run behind another's queue."""

from __future__ import annotations

import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from bench.figures import Row, median, ms
from bench.yard import Door, Yard, memory
from simyard.protocol.asking import Ping, RunCancel, RunSimulation
from simyard.protocol.jobs import Resources, Run

CORES = 2
SETTINGS = f'[targets.local]\ncores = {CORES}\nmemory = "64 GiB"\nactive_runs = 1000000\nqueued_runs = 1000000\n'
#: Twice what is quoted for HyperQueue on such a machine.
BUDGET = 900.0


def question(number: int, model: str = "true", user: str = "me", **more: float) -> RunSimulation:
    return RunSimulation(
        user=user,
        simulation=f"B{number}",
        simulation_revision="1",
        code="trivial",
        model=model,
        inputs={"n": number, "seconds": float(more.get("seconds", 0.0))},
        files={},
        resources=Resources(cores=1, memory=1 << 20),
        reuse=False,
        wait=more.get("wait", 0.0),
    )


def bare(runs: int) -> float:
    """The same command by two threads that do nothing else, a second."""
    began = time.perf_counter()
    with ThreadPoolExecutor(CORES) as pool:
        list(pool.map(lambda _: subprocess.run(["true"], check=True), range(runs)))
    return runs / (time.perf_counter() - began)


class Queue:
    """So many runs behind two that hold both slots; `drain` lets them go, and answers with the rate at which they end."""

    def __init__(self, yard: Yard, door: Door, first: int, runs: int) -> None:
        self.door = door
        self.runs = runs
        self.holders: list[Run] = [door.ask(question(first + n, "sleep", seconds=100000.0)).run for n in range(CORES)]
        time.sleep(1)
        before = memory(yard.pids()["supervisor"])
        threads = [threading.Thread(target=self._submit, args=(yard, first + CORES + n)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        time.sleep(1)
        self.each = (memory(yard.pids()["supervisor"]) - before) / runs

    def _submit(self, yard: Yard, first: int) -> None:
        door = Door(yard.home)
        for number in range(first, first + self.runs, 4):
            door.ask(question(number))
        door.close()

    def drain(self) -> float:
        for run in self.holders:
            self.door.ask(RunCancel(user="me", run=run.id))
        began = time.perf_counter()
        while self.door.ask(Ping()).active:
            time.sleep(0.05)
        return self.runs / (time.perf_counter() - began)


def throughput(few: int, many: int) -> list[Row]:
    with Yard(settings=SETTINGS) as yard:
        door = Door(yard.home)
        for user in ("me", "other"):
            door.ask(question(1, user=user, wait=30.0))
        rates, peers = [], []
        for n in range(3):
            peers.append(bare(few))
            rates.append(Queue(yard, door, 1_000_000 * (n + 1), few).drain())
        queue = Queue(yard, door, 10_000_000, many)
        waits = []
        stop = threading.Event()

        def ask_beside() -> None:
            beside, number = Door(yard.home), 0
            while not stop.wait(0.2):
                number += 1
                run = beside.ask(question(20_000_000 + number, user="other", wait=30.0)).run
                waits.append((run.started or run.created) - run.created)
            beside.close()

        thread = threading.Thread(target=ask_beside)
        thread.start()
        long_rate = queue.drain()
        stop.set()
        thread.join()
        door.close()
    duration = CORES / long_rate
    return [
        Row(
            what=f"trivial runs a second, {CORES} slots",
            measured=f"{median(rates):.0f}/s (3 × {few} runs)",
            beside=f"`subprocess.run` by {CORES} threads: {median(peers):.0f}/s",
            ratio=f"{median(rates) / median(peers):.0%}",
            budget=f"≥ {BUDGET:.0f}/s (2 × HyperQueue)",
            meets=median(rates) >= BUDGET,
        ),
        Row(
            what=f"the same with {many:,} queued",
            measured=f"{long_rate:.0f}/s",
            beside=f"with {few:,} queued: {median(rates):.0f}/s",
            ratio=f"{long_rate / median(rates):.2f} ×",
            budget="≥ 0.95 ×",
            meets=long_rate >= 0.95 * median(rates),
        ),
        Row(
            what="a waiting run in the supervisor's memory",
            measured=f"{queue.each:.0f} bytes ({many:,} waiting)",
            beside="none waiting",
            ratio=f"+{queue.each:.0f} bytes",
            budget="≤ 1 KiB",
            meets=queue.each <= 1024,
        ),
        Row(
            what=f"one user's single run behind another's {many:,}: request → it runs",
            measured=f"{ms(median(waits))} median, {ms(max(waits))} at most ({len(waits)} runs)",
            beside=f"one run's turn: {ms(duration)}",
            ratio=f"+{ms(median(waits) - duration)}",
            budget="≤ one run + 10 ms",
            meets=median(waits) <= duration + 0.010,
        ),
    ]
