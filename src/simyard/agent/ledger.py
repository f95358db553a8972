"""What a user's folder holds, by what was weighed, and which runs have written too much. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Optional, Set

from simyard.protocol.amounts import share, size

#: A run may write this much (bytes; or a hundredth of the limit, between the two) after there was room last, before it is ended:
#: one that only goes on with its log is not ended for what another one writes.
LEAST_SLACK, MOST_SLACK = 1 << 20, 64 << 20


@dataclass(frozen=True)
class Excess:
    """A run that has to end, and why, for its user."""

    run: str
    reason: str


class Ledger:
    """`quota` is what all of the folder may take, `keep` what must stay free around it (bytes; 0: no limit)."""

    def __init__(self) -> None:
        self.quota = self.keep = 0
        self.free: Optional[int] = None
        self._rest: Optional[int] = None
        self._sizes: Dict[str, int] = {}
        #: What each run had when there was room last.
        self._marks: Dict[str, int] = {}
        self._looked = False
        #: Runs that went to the rest while that is being weighed anew.
        self._meanwhile: Optional[Dict[str, int]] = None

    @property
    def used(self) -> Optional[int]:
        """What all of the folder takes; None before all of it was weighed."""
        return None if self._rest is None else self._rest + sum(self._sizes.values())

    @property
    def is_over(self) -> bool:
        """Whether nobody should write any more."""
        return self._over_quota or self._too_full

    @property
    def _over_quota(self) -> bool:
        return self.quota > 0 and (self.used or 0) >= self.quota

    @property
    def _too_full(self) -> bool:
        return self.keep > 0 and self.free is not None and self.free < self.keep

    @property
    def room(self) -> Optional[int]:
        """How many bytes may still be written (negative: too many were); None where nobody knows."""
        rooms = [self.quota - self.used] if self.quota > 0 and self.used is not None else []
        rooms += [self.free - self.keep] if self.keep > 0 and self.free is not None else []
        return min(rooms, default=None)

    @property
    def slack(self) -> int:
        """What a run may write beyond (bytes)."""
        return max(LEAST_SLACK, min(MOST_SLACK, (self.quota or self.keep) // 100))

    def allowance(self, asked: int) -> int:
        """What a run that starts now may write, given what it was allowed when it was made (bytes; 0: no limit)."""
        limits = [asked] if asked > 0 else []
        if self.quota > 0:
            limits.append(max(self.slack, self.quota - (self.used or 0)))
        if self.keep > 0 and self.free is not None:
            limits.append(max(self.slack, self.free - self.keep))
        return min(limits, default=0)

    # ── what was weighed ────────────────────────────────────────────────────────────────────────────────────────────

    def begin_rest(self) -> None:
        """From now on everything but the runs that are looked after is weighed."""
        self._meanwhile = {}

    def weighed_rest(self, rest: int, left_out: Set[str]) -> None:
        """It was, but for the runs that were left out: those that are over by now belong to the rest all the same."""
        over = self._meanwhile or {}
        self._meanwhile = None
        self._rest = rest + sum(weight for run, weight in over.items() if run in left_out)

    def weighed(self, sizes: Dict[str, int], departed: Set[str], free: Optional[int]) -> List[Excess]:
        """These runs have these sizes now; `departed` among them are looked after no more. Answers which have to end."""
        self.free = free
        for run in self._sizes.keys() - sizes.keys():
            sizes = {**sizes, run: self._sizes[run]}
            departed = departed | {run}
        for run in departed:
            self._depart(run, sizes.get(run, 0))
        self._sizes = {run: weight for run, weight in sizes.items() if run not in departed}
        found = self._exceeding() if self.is_over else []
        if not self.is_over or found:
            # who is let go on has written little, and may write as little again
            self._marks = dict(self._sizes)
        self._looked = True
        return found

    def _depart(self, run: str, weight: int) -> None:
        if self._rest is not None:
            self._rest += weight
        if self._meanwhile is not None:
            self._meanwhile[run] = weight

    def _exceeding(self) -> List[Excess]:
        """The run that has written the most since there was room, and those like it."""
        for run, weight in self._sizes.items():
            # what was there before anybody looked was not written since
            self._marks.setdefault(run, 0 if self._looked else weight)
        grown = {run: weight - self._marks[run] for run, weight in self._sizes.items()}
        most = max(grown.values(), default=0)
        bound = max(self.slack, most // 2)
        return [Excess(run, self._words(self._sizes[run])) for run, more in sorted(grown.items()) if more > bound]

    def _words(self, weight: int) -> str:
        if self._over_quota:
            return (
                f"Disk quota: your files and runs take {share(self.used or 0, self.quota)}, {size(weight)} of it this run's, so it was "
                "stopped. Delete runs or files that you do not need, or ask the site for more room; then run it again."
            )
        return (
            f"Disk: {share(self.free or 0, self.keep)} that must stay free are left where the runs are kept, and this run was writing "
            f"({size(weight)} so far), so it was stopped. Delete runs that you do not need, or ask the site; then run it again."
        )
