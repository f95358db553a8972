"""`make demo`: MAD-X on the built-in storage ring, from installation to the plot, in a home folder that is thrown away."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

KEPT = Path(__file__).parent.parent / ".demo"
SIMYARD = Path(sys.executable).parent / "simyard"


def simyard(home: Path, *arguments: str) -> str:
    """Run a command of Simyard; answers with what it wrote to stdout. Its words for people are shown."""
    return subprocess.run([SIMYARD, "--home", home, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def left_over(home: Path) -> list[str]:
    """Command lines of processes that still name the home folder."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = Path(entry.path, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                environment = Path(entry.path, "environ").read_bytes()
            except OSError:
                continue
            if str(home) in command or str(home).encode() in environment:
                found.append(f"{entry.name}: {command[:100]}")
    return found


def say(*lines: str) -> None:
    print(*lines, sep="\n", flush=True)


def main() -> int:
    began = time.monotonic()
    KEPT.mkdir(exist_ok=True)
    # the environment of MAD-X is kept between demos; all else is new each time
    simyard(KEPT, "code", "install", "madx")
    home = Path(tempfile.mkdtemp(prefix="simyard-demo-"))
    try:
        (home / "envs").symlink_to(KEPT / "envs")
        up = json.loads(simyard(home, "up", "--detach", "--port", "0", "--json"))
        say(f"Simyard is up at {up['url']}. Running MAD-X twiss on a storage ring of 24 FODO cells, 78° and 66° each …")
        run = json.loads(
            simyard(
                home,
                "run",
                "madx",
                "--example",
                "storage_ring",
                "--model",
                "twiss",
                "--wait",
                "--out",
                str(KEPT / "ring"),
                "--json",
            )
        )
        report = KEPT / "twiss.html"
        simyard(home, "run", "report", run["id"], "--out", str(report))
        results = run["results"]
        say(
            "",
            f"  tunes           Qx = {results['tune_x']:.6f}   Qy = {results['tune_y']:.6f}   (24 · 78°/360° = 5.2, 24 · 66°/360° = 4.4)",
            f"  chromaticities  {results['chromaticity_x']:z.4f}, {results['chromaticity_y']:z.4f}   (corrected by the sextupoles)",
            f"  run             {run['state']} in {run['usage']['wall']:.2f} s",
            "",
            f"  report          file://{report}",
            f"  MAD-X's output  {KEPT / 'ring' / 'twiss.tfs'}",
            "",
        )
    finally:
        simyard(home, "down", "--stop-runs")
        left = left_over(home)
        shutil.rmtree(home, ignore_errors=True)
    if left:
        say("These processes were left behind:", *left)
        return 1
    say(f"The demo took {time.monotonic() - began:.1f} s. `make up` starts Simyard for you.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
