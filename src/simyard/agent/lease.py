"""One agent for each user and cluster, on whichever of its login nodes: by a file that its holder touches and the others watch.

Locks cannot do it: file systems that login nodes share often have none, or name a holder by the number of a process of another machine. So
two small files are used, of which one needs only that a file that was renamed over another is seen by who opens it after that:

    claim   names the agent that wants to be the one. The newest claim counts.
    lease   names the agent that is the one; it touches the file every RENEW seconds.

Who claims waits until the lease is given back, or was not touched for LIMIT seconds by its own clock: then its holder is dead, or knows itself
that it has been away for too long. Who holds the lease gives it back when it finds another's claim. A lease is written before the claim is read
once more, and a claim before the lease is read: of two who claim at once at least one sees the other, and the newer claim goes on.

Between a look at the lease and the renaming of a file over it another may have written its own. So an older claimant that is slow may replace,
or blank, the newer one's lease. That one still has the newest claim, and writes its lease again: whose claim is the newest is the one.
"""

from __future__ import annotations

import json
import logging
import os
import threading
import time
from typing import Any, Callable, Dict, Optional, Tuple

from simyard import processes
from simyard.agent import machine
from simyard.agent.fence import Fenced

log = logging.getLogger(__name__)
#: The holder touches its lease this often (seconds), without taking any disk: that goes on where a quota is used up.
RENEW = 2.0
#: One that was not touched for so long is nobody's (seconds).
LIMIT = 15.0
#: Who waits for it looks this often (seconds).
LOOK = 0.25
#: An agent that has lost it ends by itself within this time, or is ended (seconds).
LEAVE = 5.0
_MOST = 4096
Seen = Tuple[bytes, int]


class Lease:
    """`folder` is the agent's on the shared file system; `agent` its id. `limit` is for tests."""

    def __init__(self, folder: str, agent: str, limit: float = LIMIT) -> None:
        self._lease, self._claim = os.path.join(folder, "lease"), os.path.join(folder, "claim")
        self._agent, self._limit = agent, limit
        self._token = f"{agent} {os.urandom(8).hex()}"
        self._ended = threading.Event()
        # what was given back is not taken back
        self._writing = threading.Lock()

    def take(self) -> None:
        """Be the one. Blocking, mostly for a moment, and for a little more than the limit where the one before has died with its login
        node. Raises Fenced where a newer agent came, or the older one cannot be ended; OSError where nothing can be written."""
        self._put(self._claim, {"token": self._token})
        if not self._wait(lambda: self._token_at(self._claim) == self._token):
            raise Fenced("agent-in-the-way", "A newer agent of the same user has been started.")
        self._put_lease()
        if self._token_at(self._claim) != self._token:
            self.release()
            raise Fenced("agent-in-the-way", "A newer agent of the same user has been started.")

    def keep(self, lost: Callable[[str], None]) -> None:
        """Touch it from now on, in a thread; `lost` hears why it is another's by now, and the process is ended a while after that."""
        threading.Thread(target=self._renew, args=(lost,), name="lease", daemon=True).start()

    def release(self) -> None:
        """Give it back, if it is ours: the next one need not wait."""
        with self._writing:
            self._ended.set()
            try:
                if self._token_at(self._lease) == self._token:
                    self._put(self._lease, {"token": ""})
            except OSError:
                pass  # it runs out by itself

    def revoke(self) -> None:
        """Have the agent gone, wherever it is. Returns once it has left, or is dead. Raises Fenced, OSError."""
        if self._holds():
            self._put(self._claim, {"token": f"nobody {os.urandom(8).hex()}"})
            if self._wait(self._holds):
                self._put(self._lease, {"token": ""})  # whoever comes need not find out again that it is dead

    def life(self) -> str:
        """Whether the agent lives, as its lease says: watched until it is touched, or was not for too long."""
        first, begun = _read(self._lease), time.monotonic()
        while self._holds():
            if _read(self._lease) != first:
                return processes.ALIVE
            if time.monotonic() - begun > self._limit:
                break
            time.sleep(LOOK)
        return processes.GONE

    # ── inside ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _wait(self, is_wanted: Callable[[], bool]) -> bool:
        """Until nobody holds the lease; False as soon as that is not wanted any more."""
        before: Optional[Seen] = None
        since = time.monotonic()
        while True:
            seen = _read(self._lease)
            held = _parsed(seen)
            # only now: a lease that was written by a newer agent is not waited for, and its process not ended
            if not is_wanted():
                return False
            if seen is None or held.get("token") == "":
                return True
            if held and _is_here(held):
                # on this machine it is known which process it is, and a dead one is not waited for
                try:
                    processes.stop(held["process"])
                except processes.NotStopped as error:
                    raise Fenced("agent-in-the-way", str(error)) from None
                return True
            if seen != before:
                before, since = seen, time.monotonic()
            elif time.monotonic() - since > self._limit:
                return True
            time.sleep(LOOK)

    def _renew(self, lost: Callable[[str], None]) -> None:
        last = time.monotonic()
        why = ""
        while not self._ended.wait(RENEW):
            try:
                why = self._look()
                os.utime(self._lease)
            except FileNotFoundError:
                why = "its folder was removed"
            except OSError as error:
                log.warning("The lease cannot be renewed: %s", error)
            else:
                # not before this: what took too long was not seen by others either
                why = why or self._too_late(last)
                last = time.monotonic()
            why = why or self._too_late(last)
            if why:
                break
        if not self._ended.is_set():
            log.warning("This agent leaves: %s.", why)
            lost(why)
            if not self._ended.wait(LEAVE):
                self.release()
                os._exit(0)

    def _too_late(self, last: float) -> str:
        late = time.monotonic() - last > self._limit
        return f"it could not say for {self._limit:.0f} s that it lives, and another may have been started" if late else ""

    def _look(self) -> str:
        """Why it has to leave. A lease that is not its own any more, though nobody has claimed it since, is written again."""
        if self._token_at(self._claim) != self._token:
            return "another agent of the same user has been started"
        with self._writing:
            if not self._ended.is_set() and self._token_at(self._lease) != self._token:
                log.info("An older agent has written over the lease, which is taken back.")
                self._put_lease()
        return ""

    def _holds(self) -> bool:
        """Whether the lease is of the agent of this id."""
        held = _parsed(_read(self._lease))
        return bool(held.get("token")) and held.get("agent") == self._agent

    def _token_at(self, path: str) -> object:
        return _parsed(_read(path)).get("token")

    def _put_lease(self) -> None:
        self._put(self._lease, {"token": self._token, "agent": self._agent, **_here()})

    def _put(self, path: str, plain: Dict[str, Any]) -> None:
        # a name of its own: two agents may write at the same time
        beside = f"{path}.{machine.host()}-{os.getpid()}"
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(json.dumps(plain).encode())
        os.rename(beside, path)


def _here() -> Dict[str, Any]:
    return {**_machine(), "process": processes.handle_of(os.getpid())}


def _machine() -> Dict[str, Any]:
    """Where the number of a process means the same."""
    return {"host": machine.host(), "boot": machine.boot_id(), "numbers": os.stat("/proc/self/ns/pid").st_ino}


def _is_here(held: Dict[str, Any]) -> bool:
    return isinstance(held.get("process"), dict) and all(held.get(key) == value for key, value in _machine().items())


def _read(path: str) -> Optional[Seen]:
    """Content and time of the last touch; None where there is no such file. Opened anew each time: that asks the server."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return os.read(descriptor, _MOST), os.fstat(descriptor).st_mtime_ns
    finally:
        os.close(descriptor)


def _parsed(seen: Optional[Seen]) -> Dict[str, Any]:
    try:
        plain = json.loads(seen[0]) if seen else {}
    except ValueError:
        return {}
    return plain if isinstance(plain, dict) else {}
