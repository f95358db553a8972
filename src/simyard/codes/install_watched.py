"""`python -m simyard.codes.install_watched NAME STATE`: installs a code for whoever watches, and ends when nobody does any more.

STATE is a file that is replaced whole with each step: {"state", "step", "fraction", "lines", "error", "at"}. It is locked (flock) by
a descriptor that is handed over, for as long as this process lives: who finds it unlocked and `running` knows that it was killed.
Standard input is held open by the web process that started this: its end is that one's end. Then the installer is stopped
and what it has made so far is removed, as after Ctrl-C.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simyard import config
from simyard.codes import install, registry
from simyard.errors import SimyardError

#: What is kept of what the installer says.
MAX_LINES, MAX_LINE = 200, 300
#: The file is not written more often (seconds): an installer may say thousands of lines.
_PAUSE = 0.15
#: An installer that was told to stop gets so long to clean up (seconds).
_GRACE = 5.0
#: How far it is once it says this, and what that is called; the first that fits. Nobody can know better: downloads differ.
_STEPS = (
    (r"waiting for it", "waiting", 0.02),
    (r"^Making an environment", "environment", 0.06),
    (r"^Installing ", "resolving", 0.15),
    (r"^\s*(Resolved|Collecting)\b", "downloading", 0.3),
    (r"^\s*(Downloading|Downloaded|Using cached|Building|Built)\b", "downloading", 0.4),
    (r"^\s*(Prepared|Installing collected)\b", "unpacking", 0.7),
    (r"^\s*(Installed|Successfully installed|Bytecode compiled)\b", "unpacking", 0.82),
    (r"^Trying it", "trying", 0.9),
)


class Progress:
    """What is known of an install, kept in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written = 0.0
        self.said: dict[str, Any] = {"state": "running", "step": "starting", "fraction": 0.0, "lines": [], "error": "", "at": 0.0}

    def tell(self, line: str) -> None:
        """One more line of what is going on."""
        plain = "".join(c if c.isprintable() else " " for c in line.rstrip())[:MAX_LINE]
        if not plain.strip():
            return
        before = self.said["step"]
        self.said["lines"] = [*self.said["lines"][-MAX_LINES + 1 :], plain]
        step, fraction = step_of([line])
        if fraction >= self.said["fraction"] and fraction:
            self.said.update(step=step, fraction=fraction)
        if self.said["step"] != before or time.monotonic() - self._written > _PAUSE:
            self.write()

    def end(self, state: str, error: str = "") -> None:
        """It is over."""
        self.said.update(state=state, error=error, **({"step": "done", "fraction": 1.0} if state == "done" else {}))
        self.write()

    def write(self) -> None:
        """The file, whole."""
        self._written = time.monotonic()
        self.said["at"] = time.time()
        write_state(self._path, self.said)


def step_of(lines: Sequence[str]) -> tuple[str, float]:
    """How far an installer is that has said these lines, and what that is called."""
    at = ("starting", 0.0)
    for line in lines:
        for pattern, step, fraction in _STEPS:
            if re.search(pattern, line) and fraction >= at[1]:
                at = (step, fraction)
                break
    return at


def write_state(path: Path, said: dict[str, Any]) -> None:
    """Written beside and renamed: nobody reads half of it."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    beside.write_text(json.dumps(said), "utf-8")
    beside.replace(path)


def _end_with_our_parent() -> None:
    while os.read(0, 1024):
        pass
    # to the main thread, where it is a KeyboardInterrupt: what was half made is removed on its way
    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    time.sleep(_GRACE)
    os.killpg(0, signal.SIGKILL)


def main(name: str, state: Path) -> int:
    """Install it; answers with the exit status."""
    threading.Thread(target=_end_with_our_parent, name="the parent's end", daemon=True).start()
    progress = Progress(state)
    try:
        settings = config.load(os.environ)
        install.install(settings, registry.load(settings).code(name), progress.tell)
    except SimyardError as error:
        progress.end("failed", error.detail)
        return 1
    except KeyboardInterrupt:
        progress.end("failed", "It was stopped, because Simyard was. Nothing of it was kept; install again.")
        return 1
    except Exception as error:  # the wall of this process: whoever watches must hear of it
        progress.end("failed", f"The installer itself failed: {type(error).__name__}: {error}"[:1000])
        raise
    progress.end("done")
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
