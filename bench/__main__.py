"""`python -m bench [ROW …]`: measure, print the table, and write docs/benchmarks.md when all rows were measured."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from bench import docker, kept, latency, plots, slurm, start, status, throughput, twiss, visits
from bench.figures import Row, page, table
from bench.yard import Yard

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what Simyard costs.")
    parser.add_argument("rows", nargs="*", metavar="ROW", help="only these rows")
    parser.add_argument("--list", action="store_true", help="list the rows")
    parser.add_argument("--quick", action="store_true", help="a tenth of the work: to see that it works, not for figures to keep")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long the row tab watches a live run")
    asked = parser.parse_args()
    share = 10 if asked.quick else 1
    shared: dict[str, Callable[[Yard], Row]] = {
        "run": lambda yard: latency.run(yard, 400 // share),
        "change": lambda yard: latency.change(yard, 200 // share),
        "report": lambda yard: latency.report(yard, 200 // share),
        "cancel": lambda yard: latency.cancel(yard, 30 // share),
        "status": lambda yard: status.status(yard, 5, 2000 // share),
    }
    alone: dict[str, Callable[[], list[Row]]] = {
        "visit": lambda: visits.first_load(7 if share == 1 else 2),
        "seen": lambda: visits.change(30 if share == 1 else 5),
        "answer": lambda: [twiss.answer(40 if share == 1 else 8)],
        "plot": lambda: plots.follow(20 if share == 1 else 4),
        "film": lambda: plots.film(500 // share),
        "tab": lambda: plots.tab(asked.minutes if share == 1 else 1.0),
        "docker": lambda: docker.docker(200 // share, 100 // share, 5 if share == 1 else 2),
        "slurm": lambda: slurm.slurm(20 if share == 1 else 3),
        "start": lambda: start.start(5 if share == 1 else 2),
        "memory": start.memory,
        "throughput": lambda: throughput.throughput(500 // share, 3_000 // share),
        "kept": lambda: kept.kept(1_000, 1_000_000 // share),
    }
    if asked.list:
        print(*shared, *alone, sep="\n")
        return 0
    wanted = asked.rows or [*shared, *alone]
    if unknown := set(wanted) - set(shared) - set(alone):
        parser.error(f"there is no row {min(unknown)!r}; there are {', '.join([*shared, *alone])}")
    rows: list[Row] = []

    def note(name: str, found: list[Row]) -> None:
        rows.extend(found)
        for row in found:
            print(
                f"{name}: {row.measured} · {row.beside} · {row.ratio} · {row.budget} · {'met' if row.meets else 'MISSED'}",
                flush=True,
            )

    if set(wanted) & set(shared):
        with Yard() as yard:
            for name in [one for one in shared if one in wanted]:
                note(name, [shared[name](yard)])
            note("stalls", [start.stalls(yard)])
    for name in [one for one in alone if one in wanted]:
        note(name, alone[name]())
    print(table(rows))
    if not asked.rows and not asked.quick:
        PAGE.write_text(page(rows, NOTES), "utf-8")
        print(f"written to {PAGE}")
    return 0


NOTES = (
    (
        "`subprocess.run` starts the same command (`true`) without keeping anything; the difference is what it costs that the run is durable,"
        " supervised, and reported over HTTP."
    ),
    "The bare pair is a Flask handler under the same gunicorn and gevent that asks a Tornado process over a Unix socket, which answers a constant.",
    "Not measured here: HyperQueue and Parsl (their rates on such a machine are quoted as the budget), and 10,000 agents on one supervisor.",
)

if __name__ == "__main__":
    sys.exit(main())
