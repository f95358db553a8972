"""Every window of a user hears of what web itself changes: of this worker at once, of the others by way of the supervisor."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
import pytest

from simyard.errors import Unavailable
from simyard.protocol.asking import Change, Notice, RunGone, Tell
from simyard.web import fanout
from simyard.web.fanout import Fanout, Listener
from simyard.web.telling import Telling
from tests.unit.web.conftest import Web


def heard(listener: Listener) -> list[tuple[str, Any]]:
    """What a window was told that has no number."""
    found = []
    while (text := listener.take_notice()) is not None:
        name, data = text.decode().strip().split("\n")
        found.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


@contextmanager
def window(web: Web, user: str = "me") -> Iterator[Listener]:
    web.services.fanout._feeding = True  # the test hands on what the supervisor says
    with web.services.fanout.listen(user) as listener:
        yield listener


def test_what_happens_to_a_simulation_is_told_to_every_window(web: Web) -> None:
    with window(web) as one, window(web) as other, window(web, "somebody") as stranger:
        made = web.simulation()
        address = f"/api/v1/simulations/{made['id']}"
        web.client.patch(address, json={"name": "Renamed"})
        web.client.patch(address, json={"name": "Renamed"})  # changes nothing, and is not told
        web.client.delete(address)
        web.client.post(f"{address}/restore")
        web.client.delete(f"{address}?forever=true")
        told = heard(one)
        assert told == heard(other)
        assert heard(stranger) == []
    assert {name for name, _ in told} == {"simulation"}
    assert [data.get("name") for _, data in told] == [made["name"], "Renamed", "Renamed", "Renamed", None]
    assert [data.get("deleted") is not None for _, data in told] == [False, False, True, False, False]
    assert told[-1][1] == {"id": made["id"], "gone": True}
    assert told[0][1]["inputs"] == made["inputs"]


def test_a_login_that_has_changed_is_told_to_its_user_only(web: Web) -> None:
    with window(web) as one, window(web, "somebody") as stranger:
        web.services.fanout.on_notice(Notice(user="me", what="target", id="pool"))
        web.services.fanout.on_notice(Notice(user="me", what="moon", id="full"))
        assert heard(one) == [("target", {"name": "pool"})]
        assert heard(stranger) == []


def test_a_note_is_told_and_a_deletion_is(web: Web) -> None:
    run = web.run(web.simulation()["id"])["id"]
    web.supervisor.complete(run)
    with window(web) as one:
        web.client.patch(f"/api/v1/runs/{run}", json={"note": "good", "pinned": True})
        [(name, data)] = heard(one)
    assert (name, data) == ("note", {"run": run, "name": "", "note": "good", "pinned": True, "noted": "2027-01-15T08:00:00.000Z"})


def workers(web: Web) -> tuple[Telling, Fanout, Telling, Fanout]:
    """Two web workers of one Simyard."""
    made: list[Any] = []
    for _ in range(2):
        feed = Fanout(web.services.door, lambda _: b"", alone=False)
        telling = Telling(web.services.door, feed, web.services.simulations, web.services.notes, alone=False)
        feed._feeding = True
        made += [telling, feed]
    return tuple(made)


def test_the_other_workers_hear_of_it_from_the_supervisor_and_look_for_themselves(web: Web) -> None:
    first, here, _, there = workers(web)
    simulation = web.simulation()["id"]
    with here.listen("me") as mine, there.listen("me") as other:
        first.simulation("me", simulation)
        gevent.sleep(0.01)
        [asked] = [one for one in web.supervisor.asked if isinstance(one, Tell)]
        notice = Notice(user="me", what="simulation", id=simulation, origin=asked.origin)
        web.client.patch(f"/api/v1/simulations/{simulation}", json={"name": "Newer"})
        for feed in (here, there):
            feed._hand_on(notice)
        assert [data["name"] for _, data in heard(other)] == ["Newer"]
        assert len(heard(mine)) == 1  # at once, and its own notice is none to it


def test_while_the_supervisor_is_away_the_windows_of_this_worker_hear_of_it_all_the_same(
    web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_question: Any, _wait: float = 0.0) -> Any:
        raise Unavailable("supervisor-away", "It is not there.")

    monkeypatch.setattr(web.services.door, "ask", away)
    first, here, _, _ = workers(web)
    simulation = web.simulation()["id"]
    with here.listen("me") as mine:
        assert mine.behind  # of the runs: it cannot ask what it missed
        first.simulation("me", simulation)
        gevent.sleep(0.01)
        assert [data["id"] for _, data in heard(mine)] == [simulation]
        assert first._waiting == {}


def test_a_window_that_is_too_slow_is_told_that_it_missed_something() -> None:
    listener = Listener("me")
    for _ in range(fanout.MAX_WAITING + 1):
        listener.put_notice(b"x")
    assert listener.take_notice() is None
    assert listener.took_missed()
    assert not listener.took_missed()


def test_a_deletion_is_told_in_its_place_among_the_changes(web: Web) -> None:
    run = web.run(web.simulation()["id"])["id"]
    done = web.supervisor.complete(run)
    with window(web) as listener:
        listener.catch_up()
        web.services.fanout._hand_on(Change(run=done))
        web.services.fanout._hand_on(RunGone(user="me", run=run, change=done.change + 1))
        one, other = listener.take(), listener.take()
    assert one is not None
    assert other is not None
    assert (one.change + 1, other.text) == (other.change, b'event: gone\ndata: {"run":"' + run.encode() + b'"}\n\n')


def test_who_was_away_hears_of_deletions_among_what_changed_meanwhile(web: Web) -> None:
    from simyard.web import api_events

    first, second = (web.run(web.simulation()["id"])["id"] for _ in range(2))
    position = web.supervisor.last
    web.supervisor.complete(first)
    web.client.delete(f"/api/v1/runs/{first}")
    web.supervisor.start(second)
    told = [text.decode() for _, text in api_events._missed(web.services, "me", position)]
    assert [text.split("\n")[0] for text in told] == ["event: gone", "event: run"]
    assert "id:" not in told[0]
