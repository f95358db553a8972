"""Server-sent events: from lines to events, without a socket (the event stream format of the HTML standard)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event; `id` is the last id that the stream gave, by which a listener catches up."""

    event: str
    data: str
    id: str


def events(lines: Iterable[bytes]) -> Iterator[Event | None]:
    """The events of a stream of lines, as each is complete; None for a keep-alive. What is cut off at the end is no event."""
    name, last_id = "", ""
    data: list[str] = []
    for raw in lines:
        if not raw.endswith(b"\n"):
            return  # cut off
        line = raw.rstrip(b"\r\n").decode("utf-8", "replace")
        if not line:
            if data:
                yield Event(event=name or "message", data="\n".join(data), id=last_id)
            name, data = "", []
        elif line.startswith(":"):
            yield None
        else:
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif field == "id" and "\0" not in value:
                last_id = value
