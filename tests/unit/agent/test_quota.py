"""How often an agent looks at the disk."""

from __future__ import annotations

import pytest

from simyard.agent.quota import LOOK, SOONEST, _pause

MIB = 1 << 20


@pytest.mark.parametrize(
    "before, now, pause",
    [
        (None, 100 * MIB, LOOK),
        (100 * MIB, None, LOOK),
        (100 * MIB, 100 * MIB, LOOK),
        (50 * MIB, 100 * MIB, LOOK),
        (1000 * MIB, 999 * MIB, LOOK),
        (100 * MIB, 40 * MIB, pytest.approx(2 / 3)),
        (100 * MIB, MIB, SOONEST),
        (100 * MIB, -MIB, LOOK),
    ],
)
def test_where_it_fills_fast_it_is_looked_at_sooner(before: int | None, now: int | None, pause: float) -> None:
    assert _pause(before, now, 2.0) == pause
