"""Which cores each run is held to: those that the fewest other runs of this agent have, and of these the idlest of the machine.

An agent knows of no other agent. What others hold, for instance those in other containers on the same host, shows by how busy
the cores are.
"""

from __future__ import annotations

import os
import time
import zlib
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

#: How busy the cores are is measured over at least this long (seconds).
APART = 2.0
#: Cores whose use differs by less than this part count as equally busy: runs then keep together, not one here and one there.
ALIKE = 0.25

#: (time that it did something, time in all) of each core, in any unit.
Ticks = Mapping[int, Tuple[int, int]]


def ticks() -> Ticks:
    """Of each core since the machine was started; {} where /proc does not say."""
    found: Dict[int, Tuple[int, int]] = {}
    try:
        with open("/proc/stat", "rb") as file:
            for line in file:
                name, *numbers = line.split()
                if not name.startswith(b"cpu"):
                    break
                if name[3:].isdigit():
                    # user nice system idle iowait irq softirq steal; what follows is part of these
                    spent = [int(number) for number in numbers[:8]]
                    found[int(name[3:])] = (sum(spent) - sum(spent[3:5]), sum(spent))
    except (OSError, ValueError):
        return {}
    return found


class Cores:
    """The cores that this agent may use, and which of its runs hold which. `name` is the agent's own: by it different agents
    on an idle machine begin with different cores."""

    def __init__(
        self,
        name: str,
        available: Optional[Sequence[int]] = None,
        read: Callable[[], Ticks] = ticks,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._available = sorted(os.sched_getaffinity(0)) if available is None else list(available)
        first = zlib.crc32(name.encode("utf-8", "replace")) % len(self._available)
        self._order = self._available[first:] + self._available[:first]
        self._held: Dict[str, Tuple[int, ...]] = {}
        self._read, self._clock = read, clock
        self._ticks, self._read_at = read(), clock()
        self._busy: Dict[int, float] = {}

    def take(self, run: str, count: int) -> List[int]:
        """The cores for a run, [] for all that there are. They are its own until `give`."""
        self.look()
        self._held.pop(run, None)
        if count >= len(self._available):
            return []
        holders = {core: sum(core in held for held in self._held.values()) for core in self._available}
        by_rank = sorted(self._order, key=lambda core: (holders[core], int(self._busy.get(core, 0.0) / ALIKE)))
        self._held[run] = tuple(sorted(by_rank[: max(1, count)]))
        return list(self._held[run])

    def adopt(self, run: str, cores: object) -> None:
        """A run that an earlier agent has started has these cores, as its directory says."""
        if isinstance(cores, list) and all(core in self._available for core in cores):
            self._held[run] = tuple(cores)

    def give(self, run: str) -> None:
        """A run does not need its cores any more. Repeating it is harmless."""
        self._held.pop(run, None)

    def look(self) -> None:
        """See how busy the cores were since the last look, if that is long enough ago. Called now and then besides."""
        now = self._clock()
        if now - self._read_at < APART:
            return
        before, self._ticks, self._read_at = self._ticks, self._read(), now
        self._busy = {}
        for core, (busy, total) in self._ticks.items():
            was_busy, was_total = before.get(core, (0, 0))
            if total > was_total:
                self._busy[core] = (busy - was_busy) / (total - was_total)
