"""What is between a question and its plot before the page draws it: a Twiss of MAD-X's built-in ring, asked for over HTTP."""

from __future__ import annotations

import http.client
import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.figures import Row, median, ms, percentile
from bench.yard import Yard
from tests.system.page_kit import install_madx

MADX = Path(__file__).parents[1] / "src" / "simyard" / "codes" / "madx"
#: MAD-X in one process whose library is loaded: a fork for each job, because a MAD-X is used once.
BARE = """
import json, os, sys, time
from cpymad import libmadx
job, times = sys.argv[1], int(sys.argv[2])
out = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
took = []
for _ in range(times):
    began = time.perf_counter()
    pid = os.fork()
    if not pid:
        libmadx.start()
        libmadx.input("call, file='%s';" % job)
        libmadx.finish()
        os._exit(0)
    os.waitpid(pid, 0)
    took.append(time.perf_counter() - began)
os.write(out, json.dumps(took).encode())
"""


def answer(times: int) -> Row:
    """`POST …/runs` with `Prefer: wait` → the answer, with the report in it; each with another input."""
    with tempfile.TemporaryDirectory(prefix="y-") as folder:
        home = Path(folder)
        install_madx(home)
        with Yard(home) as yard:
            simulation = yard.client.create_simulation("madx", "ring")
            connection = http.client.HTTPConnection(yard.url.split("//")[1].rstrip("/"))
            took, size, run = [], 0, ""
            for number in range(times + 3):
                energy = {"inputs": {"energy": 3.0 + number * 1e-4}}
                _ask(yard, connection, "PATCH", f"/simulations/{simulation['id']}", energy)
                began = time.perf_counter()
                size, found = _ask(yard, connection, "POST", f"/simulations/{simulation['id']}/runs", {"model": "twiss"})
                took.append(time.perf_counter() - began)
                if found["state"] != "completed" or not found["report"]:
                    raise RuntimeError(f"{found['id']} is {found['state']}: {found['reason']}")
                run = found["id"]
            connection.close()
            job = home / "users" / "me" / "runs" / run / "work" / "ring.madx"
            python = next((home / "envs" / "madx" / "bin").glob("python"))
            bare = json.loads(
                subprocess.run([python, "-c", BARE, job, str(times)], check=True, stdout=subprocess.PIPE, cwd=folder).stdout
            )
    ours, ratio = took[3:], median(took[3:]) / median(bare)
    return Row(
        what="Twiss of MAD-X's built-in ring, request → answer with its report, over HTTP (a new input each time)",
        measured=f"{ms(median(ours))} median, {ms(percentile(ours, 90))} p90 ({times} runs, {size >> 10} KiB each)",
        beside=f"MAD-X alone, forked with its library loaded: {ms(median(bare))}",
        ratio=f"{ratio:.2f} ×",
        budget="≤ 120 ms",
        meets=median(ours) <= 0.120,
    )


def _ask(yard: Yard, connection: http.client.HTTPConnection, method: str, path: str, body: Any) -> tuple[int, Any]:
    headers = {"Authorization": f"Bearer {yard.token}", "Content-Type": "application/json", "Prefer": "wait=30"}
    connection.request(method, f"/api/v1{path}", json.dumps(body), headers)
    response = connection.getresponse()
    data = response.read()
    if response.status >= 300:
        raise RuntimeError(f"{method} {path}: {response.status} {data[:300]!r}")
    return len(data), json.loads(data)
