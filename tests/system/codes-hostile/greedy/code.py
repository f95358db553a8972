"""A code that takes memory, in one gulp or in pieces, and says which limits it sees."""

from __future__ import annotations

import json
import mmap
import os
import resource
import time
from typing import Any


def prepare(run: Any) -> Any:
    return take


def take(run: Any) -> None:
    wanted = run.inputs["megabytes"] << 20
    if run.inputs["at_once"]:
        # the kernel fills it in one call, faster than anybody could look at it
        held: Any = mmap.mmap(-1, wanted, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | mmap.MAP_POPULATE)
    else:
        held = []
        while len(held) << 20 < wanted:
            held.append(bytearray(b"x" * (1 << 20)))
            time.sleep(0.001)
    until = time.monotonic() + run.inputs["seconds"]
    while time.monotonic() < until and not os.path.exists("enough"):
        run.progress(message=f"{run.inputs['megabytes']} MiB taken")
        time.sleep(0.1)
    with open("limits.json", "w", encoding="utf-8") as file:
        json.dump({"cores": sorted(os.sched_getaffinity(0)), "core": resource.getrlimit(resource.RLIMIT_CORE)[1]}, file)


def finish(run: Any) -> Any:
    if run.exit_code != 0:
        return None
    with open("limits.json", encoding="utf-8") as file:
        limits = json.load(file)
    return {"results": {"cores": " ".join(map(str, limits["cores"])), "core": limits["core"]}}
