"""How often a container may knock at the agents' door."""

from __future__ import annotations

from typing import Any, cast

from simyard.supervisor.agents_server import BURST, MOST, RATE, Visitor


class Stream:
    def __init__(self) -> None:
        self.is_closed = False

    def closed(self) -> bool:
        return self.is_closed


def test_who_knocks_without_an_end_is_let_in_now_and_then_and_otherwise_refused() -> None:
    visitor = Visitor(0.0)
    entered = [visitor.may_enter(at / 1000) for at in range(10_000)]
    assert BURST + 9 * RATE <= sum(entered) <= BURST + 10 * RATE
    assert all(entered[: int(BURST)])
    assert visitor.may_enter(11.0)


def test_who_holds_all_the_connections_that_it_may_have_gets_another_when_one_is_closed() -> None:
    visitor = Visitor(0.0)
    streams = [Stream() for _ in range(MOST)]
    visitor.streams = cast("Any", streams)
    assert not visitor.may_enter(100.0)
    streams[0].is_closed = True
    assert visitor.may_enter(200.0)
    assert not visitor.is_gone(1000.0)
    for stream in streams:
        stream.is_closed = True
    assert visitor.is_gone(1000.0)
