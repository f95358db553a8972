"""A run as the client sees it: what it is now, waiting for its end, its log, reports and files."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simyard.client import sse
from simyard.client.files import fetch
from simyard.client.http import Answer, NotRunning, path
from simyard.errors import Unavailable

if TYPE_CHECKING:
    from simyard.client.client import Client

FINAL = frozenset({"completed", "failed", "canceled", "lost"})
#: The server sends a keep-alive at least this often (seconds); a stream that is silent for longer is broken.
_SILENCE = 40.0


class RemoteRun:
    """One run. `data` is its JSON as it was last heard of (see the API's reference); the rest is read from it."""

    def __init__(self, client: Client, data: Mapping[str, Any]) -> None:
        self.client = client
        self.data: dict[str, Any] = dict(data)

    @property
    def id(self) -> str:
        return str(self.data["id"])

    @property
    def state(self) -> str:
        return str(self.data["state"])

    @property
    def final(self) -> bool:
        """Whether it has ended, in whatever way."""
        return self.state in FINAL

    @property
    def reason(self) -> str:
        """Why it is in this state, in words; "" where there is nothing to say."""
        return str(self.data.get("reason") or "")

    @property
    def remote(self) -> dict[str, Any]:
        """What a cluster says of it ({job, state, words, expected, at, silent_since}); empty where it is on none."""
        return dict(self.data.get("remote") or {})

    @property
    def results(self) -> dict[str, Any]:
        """The numbers that the code has reported."""
        return dict(self.data.get("results") or {})

    @property
    def warnings(self) -> list[str]:
        return list(self.data.get("warnings") or [])

    def refresh(self, until: float | None = None) -> RemoteRun:
        """Ask how it is now. Raises TimeoutError where nobody has said it by `until`, of the monotonic clock."""
        self._hear(self.client.http.json("GET", path("runs", self.id), until=until))
        return self

    def watch(self, timeout: float | None = None) -> Iterator[RemoteRun]:
        """This run, now and again at each change that is heard of, until it is final. The stream is taken up again where it
        broke; nothing that matters is missed, because the run itself is asked for after each break.
        Raises TimeoutError after `timeout` seconds, Unavailable when the server stays away."""
        until = None if timeout is None else time.monotonic() + timeout
        last_id, told = "", -1
        while True:
            headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last_id} if last_id else {})}
            try:
                with (
                    self.client.streaming(_SILENCE) as apart,
                    apart.open("GET", path("events"), headers=headers, until=until) as stream,
                ):
                    # asked for when the stream is open: from here on nothing can fall between the two
                    self.refresh(until)
                    if self._revision() > told:
                        told = self._revision()
                        yield self
                    for event in [] if self.final else sse.events(_lines(stream, until)):
                        if event is None or event.event == "open":
                            # a silence may also be a fault on the way here; and a stream that opens anew tells no history
                            self.refresh(until)
                        elif event.event == "run":
                            self._hear(json.loads(event.data))
                        if event is not None:
                            last_id = event.id
                        if self._revision() > told:
                            told = self._revision()
                            yield self
                        if self.final:
                            break
                        _check(until)
            except (OSError, http.client.HTTPException):
                pass  # it broke off: ask again
            except Unavailable as error:
                if isinstance(error, NotRunning):
                    raise
            if self.final:
                return
            _check(until)
            time.sleep(0.2 if until is None else max(0.0, min(0.2, until - time.monotonic())))

    def wait(self, timeout: float | None = None, on_change: Callable[[RemoteRun], None] | None = None) -> RemoteRun:
        """Return when it is final; `on_change` is called at each change. Raises TimeoutError, Unavailable."""
        for run in self.watch(timeout):
            if on_change is not None:
                on_change(run)
        return self

    def cancel(self) -> RemoteRun:
        """Ask for it to be stopped; it is `canceled` only once everything of it is gone (see `wait`)."""
        self._hear(self.client.http.json("POST", path("runs", self.id, "cancel"), body={}, repeat=True))
        return self

    def delete(self) -> None:
        """Delete it for ever, with its files. Raises Conflict while it is not over."""
        self.client.http.json("DELETE", path("runs", self.id))

    def inputs(self) -> dict[str, Any]:
        """What it was made of: {"inputs", "files": {name: sha256}, "sources": what of it came from other runs}."""
        return dict(self.client.http.get(path("runs", self.id, "inputs")))

    def explain(self) -> dict[str, Any]:
        """Why it does not run yet: the gates, its position, and what would clear them."""
        return dict(self.client.http.get(path("runs", self.id, "explain")))

    def log(self, *, follow: bool = False, offset: int = 0) -> Iterator[bytes]:
        """What the code has printed, in pieces; with `follow`, as it is printed, until the run has ended."""
        while True:
            query = {"offset": offset, "follow": "true" if follow else None}
            try:
                with (
                    self.client.streaming(_SILENCE if not follow else 600.0) as apart,
                    apart.open("GET", path("runs", self.id, "log"), query=query, headers={"Accept": "text/plain"}) as stream,
                ):
                    while piece := stream.read1(65536):
                        offset += len(piece)
                        yield piece
                if not follow or self.refresh().final:
                    # what was printed between the end of the stream and that of the run
                    if follow:
                        yield from self.log(offset=offset)
                    return
            except (OSError, http.client.HTTPException):
                if not follow:
                    raise
            # a stream that ended early is asked for again, but not in a circle that burns the processor
            time.sleep(0.2)

    def report(self, name: str, frame: int | None = None) -> dict[str, Any]:
        """A report as a Plotly figure: {"data": […], "layout": {…}}."""
        return dict(self.client.http.get(path("runs", self.id, "reports", name), frame=frame))

    def files(self) -> list[dict[str, Any]]:
        """The files of the run directory: {"path", "size", "modified"} each; the code's own are under work/."""
        answer = self.client.http.get(path("runs", self.id, "files"))
        return list(answer["items"] if "items" in answer else answer["files"])

    def download(self, folder: Path | str, *, under: str = "work/") -> list[Path]:
        """All files below `under` of the run directory, into `folder` (made if missing), without that prefix.
        What an earlier, broken download has left there is taken up where it ended. Answers with their paths."""
        into = Path(folder)
        into.mkdir(parents=True, exist_ok=True)
        got = []
        for one in self.files():
            if one["path"].startswith(under):
                where = path("runs", self.id, "files", one["path"])
                got.append(fetch(self.client.http, where, into, one["path"].removeprefix(under), int(one["size"])))
        return got

    def download_file(self, name: str, target: Path | str) -> Path:
        """One file of the run directory, by its path there, as `target`."""
        size = next((int(one["size"]) for one in self.files() if one["path"] == name), None)
        into = Path(target)
        return fetch(self.client.http, path("runs", self.id, "files", name), into.parent, into.name, size)

    def _hear(self, data: Mapping[str, Any]) -> bool:
        """Take what was said of this run, unless something newer is known; whether it was of this run."""
        if data.get("id") != self.id:
            return False
        if data.get("revision", 0) >= self._revision():
            self.data = {**self.data, **data}
        return True

    def _revision(self) -> int:
        return int(self.data.get("revision", 0))

    def __repr__(self) -> str:
        return f"<run {self.id} {self.state}>"


def _lines(stream: Answer, until: float | None) -> Iterator[bytes]:
    """The lines of a stream; raises TimeoutError when it is silent for too long, or the time is up."""
    while True:
        stream.wait_at_most(_SILENCE, until)
        if not (line := stream.readline()):
            return
        yield line


def _check(until: float | None) -> None:
    if until is not None and time.monotonic() >= until:
        raise TimeoutError("The run has not ended in that time; it goes on.")
