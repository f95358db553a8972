"""Stop 1, web: installs codes from the page: one at a time each, in a process of its own that does not outlive web.

What is known of an install is in a file that the installer writes (see codes/install_watched.py): so it is the same for every
web worker, after a reload of the page, and after a restart of web.
"""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, PIPE, Popen
from typing import Any

from simyard.codes.declaration import Declaration
from simyard.codes.install_watched import write_state
from simyard.config import Config
from simyard.errors import Forbidden

_IDLE = {"state": "idle", "step": "", "fraction": 0.0, "lines": [], "error": ""}
_BROKEN_OFF = "It was broken off: Simyard was stopped or killed meanwhile. Nothing of it was kept; install again."
#: How often a lock is tried that is another's for a moment, a hundredth of a second apart.
_TRIES = 100
#: An end is told for so long (seconds); then the code is simply installed, or not.
_TOLD = 3600.0


@dataclass
class Installs:
    """The installs that are going on, and how the last ones ended."""

    config: Config
    running: dict[str, Popen[bytes]] = field(default_factory=dict)

    def check_allowed(self) -> None:
        """Raises Forbidden where the site does not want codes to be installed from the page."""
        if not self.config.web.install_codes:
            raise Forbidden(
                "install-disabled",
                "Codes are installed by whoever runs this Simyard: `[web] install_codes` is false in simyard.toml.",
            )

    def state(self, code: Declaration) -> dict[str, Any]:
        """{state: idle | running | done | failed, step, fraction, lines, error}."""
        self._reap(code.name)
        said = self._read(code.name)
        if said["state"] == "running" and not self._locked(code.name):
            said = self._read(code.name)  # it may have ended between the two looks
            if said["state"] == "running":
                said = {**said, "state": "failed", "error": _BROKEN_OFF}
        if said["state"] != "running" and time.time() - said.pop("at", 0.0) > _TOLD:
            return dict(_IDLE)
        return {name: said[name] for name in _IDLE}

    def start(self, code: Declaration) -> dict[str, Any]:
        """Begin, unless it is under way: the state as it is then."""
        for _ in range(_TRIES):
            self._reap(code.name)
            if self._begin(code.name):
                break
            said = self.state(code)
            if said["state"] == "running":
                return said
            # another worker only looks whether it is locked, or begins it in this moment
            time.sleep(0.01)
        return self.state(code)

    def _begin(self, name: str) -> bool:
        """Begin; False where the lock is another's."""
        folder = self._folder()
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with open(folder / f"{name}.lock", "ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            path = self._path(name)
            write_state(path, {**_IDLE, "state": "running", "step": "starting", "at": time.time()})
            # the lock belongs to the open file, which the installer inherits: it is free when that one has ended, however
            self.running[name] = Popen(
                [sys.executable, "-m", "simyard.codes.install_watched", name, str(path)],
                stdin=PIPE,
                stdout=DEVNULL,
                env={**os.environ, "SIMYARD_HOME": str(self.config.home)},
                pass_fds=(lock.fileno(),),
                start_new_session=True,
            )
        return True

    def close(self) -> None:
        """Tell those that are going on to end; they clean up by themselves."""
        for process in self.running.values():
            if process.stdin is not None:
                process.stdin.close()

    def _reap(self, name: str) -> None:
        process = self.running.get(name)
        if process is not None and process.poll() is not None:
            if process.stdin is not None:
                process.stdin.close()
            del self.running[name]

    def _locked(self, name: str) -> bool:
        try:
            with open(self._folder() / f"{name}.lock", "rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False

    def _read(self, name: str) -> dict[str, Any]:
        try:
            said = json.loads(self._path(name).read_text("utf-8"))
            return {**_IDLE, "at": 0.0, **said}
        except (OSError, ValueError):
            return dict(_IDLE)

    def _folder(self) -> Path:
        return self.config.home / "envs" / ".installs"

    def _path(self, name: str) -> Path:
        return self._folder() / f"{name}.json"
