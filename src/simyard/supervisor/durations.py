"""How long runs of a model took lately: what an estimate is made of. State only, and bounded."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable

from simyard.protocol.jobs import Run, State

#: Models that are remembered, and runs of each.
MAX_MODELS, MAX_RUNS = 2000, 20

#: (code, model)
ModelKey = tuple[str, str]


class Durations:
    """Of each (code, model), how long its last completed runs took (seconds)."""

    def __init__(self) -> None:
        self._known: OrderedDict[ModelKey, deque[float]] = OrderedDict()

    def learn(self, run: Run) -> None:
        """A run has ended; only one that was completed says how long such runs take."""
        if run.state is not State.COMPLETED or run.usage is None or run.usage.wall <= 0:
            return
        key = (run.code, run.model)
        self._known.setdefault(key, deque(maxlen=MAX_RUNS)).append(run.usage.wall)
        self._known.move_to_end(key)
        if len(self._known) > MAX_MODELS:
            self._known.popitem(last=False)

    def learn_all(self, runs: Iterable[Run]) -> None:
        """Runs of the past, in any order."""
        for run in sorted(runs, key=lambda one: one.ended or 0.0):
            self.learn(run)

    def of(self, code: str, model: str) -> tuple[float, float] | None:
        """Between how many seconds such runs took, the odd ones at either end left out; None where none is known."""
        walls = sorted(self._known.get((code, model), ()))
        if not walls:
            return None
        odd = len(walls) // 10
        return walls[odd], walls[-1 - odd]
