"""Stop 1, web: what the rest of web knows of the door to the supervisor; a test has another one behind it."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Protocol, Self

#: Seconds that a stream may be silent: longer than a report may wait for its turn and be made.
STREAM_PATIENCE = 900.0


class Stream(Protocol):
    """Bytes that come from the supervisor. `size` is -1 where it is not known before the end.

    Iterating raises SimyardError when the stream breaks off; leaving the `with` block early has the supervisor stop it.
    """

    size: int
    media_type: str

    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /) -> None: ...
    def __iter__(self) -> Iterator[bytes]: ...
    def close(self) -> None: ...


class Port(Protocol):
    """What the rest of web knows of the door; `simyard.testing.FakeDoor` is another one."""

    def ask(self, question: Any, wait: float = 0.0) -> Any:
        """The answer (a message of ANSWER); `wait` is how long the question itself allows the supervisor to wait.
        Raises what the supervisor said is wrong, and Unavailable where it is away."""

    def open(self, question: Any, *, patience: float = STREAM_PATIENCE) -> Stream:
        """The stream that answers the question; raises as `ask` does. `patience` is how long it may be silent (seconds)."""

    def changes(self, after: int) -> Stream:
        """What changes after change number `after`, of all users: Change messages, one a line; an empty line now and then."""

    def get(self, path: str) -> bytes:
        """What the supervisor answers to a plain GET, such as /metrics."""

    def close(self) -> None:
        """Close the idle connections."""
