"""A login to a cluster, step by step: what its host asks is passed on in its own words, and so are the answers."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from simyard.client.http import Http, path
from simyard.errors import SimyardError

#: How a login stands, as the API tells it (LoginAnswer).
Standing = Mapping[str, Any]
#: The server answers as soon as it is somebody's turn, and after so long in any case (seconds).
_WAIT = 20.0
#: A host that is silent for longer than this (seconds) does not answer; the server gives it up sooner.
_PATIENCE = 600.0


class RemoteLogin:
    """The login to one target. `now` is how it stands, as of the last step."""

    def __init__(self, http: Http, target: str) -> None:
        self._http, self.target = http, target
        self.now: Standing = {}

    def look(self, wait: float = 0.0) -> Standing:
        """How it stands: at once, or as soon as it is somebody's turn, after `wait` seconds at most."""
        return self._hear(self._http.json("GET", self._path, query={"wait": wait or None}))

    def begin(self, name: str = "") -> Standing:
        """Begin anew; `name` is yours there, where it is not the one that is configured."""
        return self._step(begin=True, **({"name": name} if name else {}))

    def answer(self, answers: Sequence[str]) -> Standing:
        """Answers to the prompts of `now`, in their order."""
        return self._step(answers=list(answers))

    def accept(self, fingerprint: str) -> Standing:
        """The host's key is the right one: its fingerprint was compared with what its site tells."""
        return self._step(accept=fingerprint)

    def end(self) -> Standing:
        """Log out; what runs there goes on."""
        return self._hear(self._http.json("DELETE", self._path))

    def through(self, ask: Callable[[Standing], Sequence[str]], trust: Callable[[Standing], bool], name: str = "") -> Standing:
        """From its beginning to its end, which is ready, not-needed, or refused. `ask` answers the host's prompts; `trust` says whether
        an unknown host is the right one: where not, the login is ended, and `unknown-host` is what it comes to. What either raises ends it too."""
        self.begin(name)
        until = time.monotonic() + _PATIENCE
        try:
            while (state := self.now["state"]) in {"connecting", "asking", "unknown-host"} and time.monotonic() < until:
                if state == "connecting":
                    self.look(_WAIT)
                    continue
                if state == "asking":
                    self.answer(ask(self.now))
                elif trust(self.now):
                    self.accept(str(self.now["fingerprint"]))
                else:
                    shown = self.now
                    self.end()
                    return shown
                until = time.monotonic() + _PATIENCE
        except BaseException:
            with contextlib.suppress(SimyardError):
                self.end()
            raise
        return self.now

    @property
    def _path(self) -> str:
        return path("targets", self.target, "login")

    def _step(self, **step: Any) -> Standing:
        return self._hear(self._http.json("POST", self._path, body={**step, "wait": _WAIT}))

    def _hear(self, said: Any) -> Standing:
        self.now = dict(said)
        return self.now
