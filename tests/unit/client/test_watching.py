"""Following a run: what breaks off is taken up again, nothing that matters is missed, and the end is the end."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from simyard.client import Client, RemoteRun
from tests.unit.client.small_server import Handler, Script, Server, problem, serving


def run(state: str, revision: int, **more: Any) -> dict[str, Any]:
    return {"id": "R1", "state": state, "revision": revision, "change": revision, **more}


class Story:
    """A server of one run: its state when it is asked for, and what each event stream says before it breaks off."""

    def __init__(self, *streams: list[str], states: list[dict[str, Any]]) -> None:
        self.streams = list(streams)
        self.states = states
        self.last_ids: list[str | None] = []
        self.before_hanging_up: Callable[[], Any] = lambda: None

    def __call__(self, handler: Handler) -> None:
        if not handler.path.endswith("/events"):
            handler.say(200, self.states.pop(0) if len(self.states) > 1 else self.states[0])
            return
        self.last_ids.append(handler.headers.get("Last-Event-ID"))
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        for text in self.streams.pop(0) if self.streams else []:
            handler.wfile.write(text.encode())
            handler.wfile.flush()
        self.before_hanging_up()
        handler.hang_up()


def event(data: dict[str, Any]) -> str:
    return f"event: run\nid: {data['change']}\ndata: {json.dumps(data)}\n\n"


@contextmanager
def watching(script: Script) -> Iterator[tuple[Server, RemoteRun]]:
    with serving(script) as server, Client(server.url, "t", patience=0.5) as client:
        yield server, RemoteRun(client, run("pending", 1))


def states(of: RemoteRun, **options: Any) -> list[str]:
    return [one.state for one in of.watch(**options)]


def test_each_change_is_told_until_the_run_is_final() -> None:
    story = Story([event(run("running", 3)), event(run("completed", 4))], states=[run("starting", 2)])
    with watching(story) as (_, one):
        assert states(one) == ["starting", "running", "completed"]
        assert one.final


def test_a_stream_that_breaks_off_is_taken_up_where_it_broke() -> None:
    story = Story([event(run("running", 3))], [event(run("completed", 5))], states=[run("starting", 2), run("running", 4)])
    with watching(story) as (_, one):
        assert states(one) == ["starting", "running", "running", "completed"]
        assert story.last_ids == [None, "3"]


def test_what_happened_while_nobody_listened_is_asked_for() -> None:
    story = Story([], [], states=[run("running", 2), run("failed", 9, reason="It ended with exit status 7.")])
    with watching(story) as (_, one):
        assert states(one) == ["running", "failed"]
        assert one.reason == "It ended with exit status 7."


def test_what_is_older_than_what_is_known_changes_nothing() -> None:
    story = Story([event(run("starting", 2)), event(run("completed", 6))], states=[run("running", 5)])
    with watching(story) as (_, one):
        assert states(one) == ["running", "completed"]


def test_another_runs_events_are_not_this_ones() -> None:
    other = {**run("completed", 9), "id": "R2"}
    story = Story([event(other), event(run("canceled", 3))], states=[run("running", 2)])
    with watching(story) as (_, one):
        assert states(one) == ["running", "canceled"]


def test_a_silence_has_the_run_asked_for() -> None:
    story = Story([":\n\n"], states=[run("running", 2), run("completed", 3)])
    with watching(story) as (_, one):
        assert states(one) == ["running", "completed"]


def test_a_limit_of_time_is_kept_and_the_run_goes_on() -> None:
    story = Story(*[[":\n\n"]] * 50, states=[run("running", 2)])
    with watching(story) as (_, one), pytest.raises(TimeoutError, match="it goes on"):
        one.wait(timeout=0.5)


@pytest.mark.parametrize("where", ["/events", "/runs/R1"])
def test_a_limit_of_time_is_kept_also_while_an_answer_is_waited_for(where: str) -> None:
    waited = threading.Event()
    story = Story([], states=[run("running", 2)])

    def script(handler: Handler) -> None:
        if handler.path.endswith(where):
            waited.wait(60)  # silent until the client has given up
            handler.hang_up()
        else:
            story(handler)

    with watching(script) as (_, one):
        try:
            with pytest.raises(TimeoutError, match="it goes on"):
                one.wait(timeout=0.5)
            assert not waited.is_set()
        finally:
            waited.set()


def test_a_limit_of_time_is_kept_also_while_a_stream_is_silent() -> None:
    waited = threading.Event()
    story = Story([":\n\n"], states=[run("running", 2)])
    story.before_hanging_up = lambda: waited.wait(60)
    with watching(story) as (_, one):
        try:
            with pytest.raises(TimeoutError, match="it goes on"):
                one.wait(timeout=0.5)
        finally:
            waited.set()


@pytest.mark.parametrize("answer", [Handler.hang_up, problem(503, "supervisor-away", "Ask again.")])
def test_a_limit_of_time_is_kept_also_while_a_server_that_is_away_is_asked_again(answer: Script) -> None:
    with serving(answer) as server, Client(server.url, "t", patience=600) as client:
        with pytest.raises(TimeoutError, match="it goes on"):
            RemoteRun(client, run("pending", 1)).wait(timeout=0.3)
        assert len(server.asked) > 1


def test_a_supervisor_that_is_away_is_waited_for() -> None:
    story = Story([], states=[run("completed", 3)])
    away = [problem(503, "supervisor-away", "Ask again.")] * 4

    def script(handler: Handler) -> None:
        (away.pop() if away and not handler.path.endswith("/events") else story)(handler)

    with watching(script) as (_, one):
        assert states(one) == ["completed"]


def test_a_log_that_breaks_off_goes_on_from_its_last_byte() -> None:
    pieces: list[tuple[str, bytes]] = [("0", b"first "), ("6", b"second"), ("12", b"")]

    def script(handler: Handler) -> None:
        if "/log" not in handler.path:
            handler.say(200, run("running", 2) if len(pieces) > 1 else run("completed", 3))
            return
        offset, text = pieces.pop(0) if len(pieces) > 1 else pieces[0]
        assert f"offset={offset}" in handler.path
        handler.raw(200, text)

    with watching(script) as (_, one):
        assert b"".join(one.log(follow=True)) == b"first second"


@pytest.mark.parametrize("made", [lambda client: client.get_run("R1"), lambda client: next(client.runs())])
def test_a_run_is_found_by_its_id_and_in_the_list(made: Callable[[Client], RemoteRun]) -> None:
    def script(handler: Handler) -> None:
        one = run("completed", 3, results={"a": 1}, warnings=["w"])
        handler.say(200, {"items": [one], "cursor": ""} if handler.path.endswith("/runs") else one)

    with serving(script) as server, Client(server.url, "t") as client:
        found = made(client)
        assert (found.id, found.final, found.results, found.warnings) == ("R1", True, {"a": 1}, ["w"])
