"""Events: everything that changes, once and in order, whatever breaks in between."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import gevent
import pytest
from gevent.event import Event
from gevent.queue import Queue

from simyard.errors import Unavailable
from simyard.protocol import asking
from simyard.protocol.asking import ANSWER, Change
from simyard.protocol.jobs import Run
from simyard.testing import FakeDoor, FakeSupervisor
from simyard.web import api_events, fanout, present
from simyard.web.fanout import Fanout, Listener, Told
from tests.unit.web.conftest import Web
from tests.unit.web.test_simulations import problem


@dataclass
class Feed:
    """The change stream as gevent knows it: the test puts lines in, None breaks it."""

    lines: Queue = field(default_factory=Queue)
    size: int = -1
    media_type: str = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass

    def __iter__(self) -> Iterator[bytes]:
        while (line := self.lines.get()) is not None:
            yield line
        raise Unavailable("broken-off", "The transfer broke off.")


class Door(FakeDoor):
    """A door that the test can shut."""

    def __init__(self, supervisor: FakeSupervisor) -> None:
        super().__init__(supervisor)
        self.feed = Feed()
        self.opened: list[int] = []
        self.is_away = False
        self.takes = Event()
        self.takes.set()

    def ask(self, question: Any, wait: float = 0.0) -> Any:
        if self.is_away:
            raise Unavailable("supervisor-away", "It is away.")
        return super().ask(question, wait)

    def changes(self, after: int) -> Any:
        if self.is_away:
            raise Unavailable("supervisor-away", "It is away.")
        self.opened.append(after)
        self.takes.wait()
        self.feed = Feed()
        return self.feed

    def tell(self, run: Run, report: str = "") -> None:
        self.feed.lines.put(ANSWER.encode(Change(run=run, report=report)).encode() + b"\n")

    def shut(self) -> None:
        self.is_away = True
        self.feed.lines.put(None)


@dataclass
class Events:
    """One browser's stream, read an event at a time."""

    chunks: Iterator[bytes]

    def next(self) -> dict[str, Any]:
        with gevent.Timeout(60):
            while True:
                text = next(self.chunks).decode()
                fields = dict(line.split(": ", 1) for line in text.strip().split("\n") if not line.startswith((":", "retry")))
                if fields:
                    return {**fields, "data": json.loads(fields["data"])}

    def nothing(self, seconds: float = 0.1) -> bool:
        """Whether nothing comes for a while."""
        with gevent.Timeout(seconds, False):
            self.next()
            return False
        return True


@pytest.fixture
def door(web: Web) -> Door:
    found = Door(web.supervisor)
    web.services.door = found
    web.services.fanout = Fanout(found, api_events.Show(web.services.shelf, web.services.notes))
    return found


@pytest.fixture
def listen(web: Web, door: Door) -> Callable[..., Events]:
    def start(after: int | None = None, user: str = "me", first: bytes = b"") -> Events:
        stream = api_events._stream(web.services, user, after, first)
        opened.append(stream)
        assert next(stream) == b"retry: 1000\n\n"
        return Events(stream)

    opened: list[Any] = []
    return start


def new_run(web: Web) -> str:
    found: str = web.run(web.simulation()["id"])["id"]
    return found


def test_a_fresh_stream_says_where_it_begins_and_tells_no_history(web: Web, door: Door, listen: Callable[..., Events]) -> None:
    run = new_run(web)
    events = listen()
    assert events.next() == {"event": "open", "id": "1", "data": {"change": 1}}
    door.tell(web.supervisor.start(run))
    found = events.next()
    assert (found["event"], found["id"], found["data"]["id"], found["data"]["state"]) == ("run", "3", run, "running")


def test_what_changes_after_the_answers_head_is_told_however_late_the_stream_is_read(web: Web, door: Door) -> None:
    run = new_run(web)
    key = {"Authorization": f"Bearer {web.services.keys.token}"}
    with web.app.test_request_context("/api/v1/events", headers=key):
        answer = web.app.full_dispatch_request()
    web.supervisor.start(run)  # before anything of the stream was made, and heard by no feed
    events = Events(answer.iter_encoded())
    assert events.next()["event"] == "open"
    found = events.next()
    assert (found["event"], found["data"]["id"], found["data"]["state"]) == ("run", run, "running")
    answer.close()


def test_a_stream_that_was_cut_goes_on_after_its_last_event(web: Web, door: Door, listen: Callable[..., Events]) -> None:
    first, second = new_run(web), new_run(web)
    web.supervisor.start(first)
    events = listen(after=1)
    assert [events.next()["id"] for _ in range(2)] == ["2", "4"]
    door.tell(web.supervisor.runs[second])  # it comes again, and is told already
    door.tell(web.supervisor.complete(first))
    assert events.next()["data"]["state"] == "completed"


def test_a_report_comes_before_the_end_of_its_run(web: Web, door: Door, listen: Callable[..., Events]) -> None:
    run = new_run(web)
    events = listen()
    events.next()
    door.tell(web.supervisor.complete(run, report="field"), report='{"data": [1]}')
    text = next(events.chunks).decode()
    assert text.index("event: report") < text.index("event: run")
    told = json.loads(text.split("\n")[1].removeprefix("data: "))
    assert told == {"run": run, "report": "field", "figure": {"data": [1]}}


def test_a_report_that_is_not_json_harms_nobody(web: Web, door: Door, listen: Callable[..., Events]) -> None:
    run = new_run(web)
    events = listen()
    events.next()
    door.tell(web.supervisor.complete(run), report='{"data": [NaN')
    assert events.next()["event"] == "run"


def test_a_report_in_several_lines_is_one_event_and_no_other(web: Web, door: Door, listen: Callable[..., Events]) -> None:
    first, second = new_run(web), new_run(web)
    events = listen()
    events.next()
    door.tell(web.supervisor.complete(first, report="field"), report='{"data":\n\nevent: run\ndata: {}\n\n[1]}')
    assert events.next()["event"] == "run"  # it is not JSON
    door.tell(web.supervisor.complete(second, report="field"), report='{"data":\r\n\n[1]}')
    text = next(events.chunks).decode()
    assert text.count("event: ") == text.count("\n\n") == 2
    assert json.loads(text.split("\n")[1].removeprefix("data: "))["figure"] == {"data": [1]}


def test_a_report_with_half_a_surrogate_pair_reaches_the_page_all_the_same(
    web: Web, door: Door, listen: Callable[..., Events]
) -> None:
    run = new_run(web)
    events = listen()
    events.next()
    door.tell(web.supervisor.complete(run), report=r'{"data": [{"name": "file \udcff"}]}')
    assert json.loads(next(events.chunks).decode().split("\n")[1].removeprefix("data: "))["figure"] == {
        "data": [{"name": "file ?"}]
    }


def test_a_change_that_cannot_be_shown_does_not_end_the_stream_of_the_others(
    web: Web, door: Door, listen: Callable[..., Events], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = new_run(web), new_run(web)
    events = listen()
    events.next()
    show = present.run
    monkeypatch.setattr(present, "run", lambda run, *more: 1 / 0 if run.id == bad else show(run, *more))
    door.tell(web.supervisor.complete(bad))
    door.tell(web.supervisor.start(good))
    assert events.next()["data"]["id"] == good


def test_nobody_hears_of_anothers_runs(web: Web, door: Door, listen: Callable[..., Events]) -> None:
    run = new_run(web)
    stranger, mine = listen(user="somebody"), listen()
    assert stranger.next()["event"] == mine.next()["event"] == "open"
    door.tell(web.supervisor.start(run))
    assert mine.next()["data"]["id"] == run
    assert stranger.nothing()


def test_who_listens_is_told_that_the_supervisor_is_away_and_back_and_misses_nothing(
    web: Web, door: Door, listen: Callable[..., Events], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fanout, "_LAST_PAUSE", 0.05)
    run = new_run(web)
    events = listen()
    events.next()
    door.shut()
    assert events.next() == {"event": "supervisor", "data": {"connected": False}}
    done = web.supervisor.complete(run)
    door.is_away = False
    assert events.next() == {"event": "supervisor", "data": {"connected": True}}
    assert door.opened == [1, 1]  # from where it was cut
    door.tell(done)
    assert events.next()["data"]["state"] == "completed"


def test_a_stream_begins_once_the_supervisors_is_open_however_long_that_takes(
    web: Web, door: Door, listen: Callable[..., Events]
) -> None:
    door.takes.clear()
    events = listen(first=fanout.event("open", {"change": 0}, 0))
    later = gevent.spawn(events.next)
    assert not later.ready()
    while not door.opened:
        gevent.sleep(0.001)
    with gevent.Timeout(0.1, False):
        later.join()
    assert not later.ready(), "who looks at everything now would miss what other workers tell before they are heard"
    door.takes.set()
    assert later.get()["event"] == "open"


def test_that_the_supervisor_is_away_is_told_as_soon_as_it_is_known(
    web: Web, door: Door, listen: Callable[..., Events], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_events, "OPENING", 3600.0)
    door.is_away = True
    events = listen(first=fanout.event("open", {"change": 0}, 0))
    assert events.next()["event"] == "open"
    assert events.next() == {"event": "supervisor", "data": {"connected": False}}


def test_who_comes_while_the_supervisor_is_away_begins_when_it_is_back(
    web: Web, door: Door, listen: Callable[..., Events]
) -> None:
    door.is_away = True
    events = listen()
    assert events.next() == {"event": "supervisor", "data": {"connected": False}}
    door.is_away = False
    assert events.next()["event"] == "supervisor"
    assert events.next()["event"] == "open"


def test_who_is_too_slow_asks_for_what_was_dropped(web: Web, door: Door, listen: Callable[..., Events]) -> None:
    run = new_run(web)
    events = listen()
    events.next()
    web.supervisor.start(run)
    for i in range(fanout.MAX_WAITING + 50):
        door.tell(web.supervisor.change(run, reason=f"no. {i}"))
    while not door.feed.lines.empty():
        gevent.sleep(0.001)
    seen = [events.next()["data"]]
    while seen[-1]["change"] < web.supervisor.last:
        seen.append(events.next()["data"])
    assert seen[-1]["reason"] == f"no. {fanout.MAX_WAITING + 49}"
    assert [one["change"] for one in seen] == sorted({one["change"] for one in seen})
    assert events.nothing()


def test_a_backlog_longer_than_a_page_is_told_whole(
    web: Web, door: Door, listen: Callable[..., Events], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_events, "_PAGE", 3)
    runs = [new_run(web) for _ in range(7)]
    events = listen(after=0)
    assert [events.next()["data"]["id"] for _ in runs] == runs


def test_one_stream_feeds_all_browsers(web: Web, door: Door, listen: Callable[..., Events]) -> None:
    some = [listen() for _ in range(5)]
    for events in some:
        assert events.next()["event"] == "open"
    assert len(door.opened) == 1
    assert web.services.metrics.streams == 5


def test_a_silent_stream_is_kept_alive(
    web: Web, door: Door, listen: Callable[..., Events], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_events, "KEEP_ALIVE", 0.05)
    events = listen()
    events.next()
    with gevent.Timeout(60):
        assert next(events.chunks) == b":\n\n"


def test_streams_end_when_web_is_told_to_stop(web: Web, door: Door, listen: Callable[..., Events]) -> None:
    events = listen()
    events.next()
    web.services.fanout.close()
    with pytest.raises(StopIteration), gevent.Timeout(60):
        next(events.chunks)
    assert web.services.metrics.streams == 0


def test_a_queue_is_bounded_in_bytes_too() -> None:
    listener = Listener("me")
    listener.catch_up()
    listener.put(Told(change=1, text=b"x" * (fanout.MAX_BYTES - 1)))
    assert not listener.behind
    listener.put(Told(change=2, text=b"xx"))
    assert listener.behind
    assert listener.take() is None


@pytest.mark.parametrize("given", ["x", "-1", "1" * 20, "١"])
def test_an_event_id_that_is_none_is_refused(web: Web, given: str) -> None:
    assert problem(web.get("/events", headers={"Last-Event-ID": given})) == (422, "stale-event-id")


def test_too_many_streams_are_refused(web: Web) -> None:
    web.services.metrics.streams = api_events.MAX_STREAMS
    assert problem(web.get("/events")) == (429, "too-many-streams")


def test_who_arrives_is_announced_once(web: Web) -> None:
    web.get("/codes/grayscott")
    web.get("/codes/grayscott")
    gevent.sleep(0)
    gevent.sleep(0)
    assert [one for one in web.supervisor.asked if isinstance(one, asking.Arrive)] == [asking.Arrive(user="me", code="grayscott")]
