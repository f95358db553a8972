"""Server-sent events, from lines to events."""

from __future__ import annotations

from simyard.client.sse import Event, events


def _all(text: str) -> list[Event | None]:
    return list(events(text.encode().splitlines(keepends=True)))


def test_an_event_has_its_name_its_data_and_the_last_id() -> None:
    assert _all('id: 7\nevent: run\ndata: {"a":1}\n\n') == [Event(event="run", data='{"a":1}', id="7")]


def test_data_of_several_lines_is_joined_and_the_name_is_message_where_there_is_none() -> None:
    assert _all("data: a\ndata: b\n\n") == [Event(event="message", data="a\nb", id="")]


def test_an_id_stays_for_the_events_after_it() -> None:
    assert [one.id for one in _all("id: 7\ndata: a\n\ndata: b\n\n") if one] == ["7", "7"]


def test_a_comment_is_a_keep_alive() -> None:
    assert _all(": still here\n\n") == [None]


def test_what_is_cut_off_is_no_event() -> None:
    assert _all("data: a\n\ndata: b") == [Event(event="message", data="a", id="")]
    assert _all("data: a\n\ndata: b\n") == [Event(event="message", data="a", id="")]


def test_lines_may_end_with_carriage_returns_and_unknown_fields_are_passed_over() -> None:
    assert _all("retry: 5\r\ndata:a\r\n\r\n") == [Event(event="message", data="a", id="")]


def test_an_event_without_data_only_moves_the_id() -> None:
    assert [one.id for one in _all("id: 9\nevent: x\n\ndata: a\n\n") if one] == ["9"]
