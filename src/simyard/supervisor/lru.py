"""A bounded memory: what was used last is kept, up to a total weight in bytes."""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Lru(Generic[K, V]):
    """Values by key, never heavier together than `limit` bytes; what is heavier alone is not kept."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.weight = 0
        self._kept: OrderedDict[K, tuple[V, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, key: K) -> V | None:
        """The value, which counts as used now; None if it is not there (any more)."""
        found = self._kept.get(key)
        if found is None:
            return None
        self._kept.move_to_end(key)
        return found[0]

    def put(self, key: K, value: V, weight: int) -> None:
        """Keep it in place of what was there, and let go of what was used longest ago."""
        self.drop(key)
        if weight > self.limit:
            return
        self._kept[key] = (value, weight)
        self.weight += weight
        while self.weight > self.limit:
            _, (_, gone) = self._kept.popitem(last=False)
            self.weight -= gone

    def drop(self, key: K) -> None:
        found = self._kept.pop(key, None)
        if found is not None:
            self.weight -= found[1]
