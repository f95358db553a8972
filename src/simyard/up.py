"""The process keeper: starts web and supervisor, starts again what dies, stops both when told, and stays out of memory's way.

It runs by path (`python -I -S up.py HOME HOST PORT [quiet]`), standard library only and little of that: it is the one process
that must never die, and it idles for months. It binds web's port itself and hands it on, so that a web that was killed
comes back where it was, and whoever asks meanwhile waits instead of being refused.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import time

if __name__ == "__main__":  # no site-packages are searched: they would cost 1 MiB for as long as it lives
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from simyard import alive

#: What this process waits for; blocked, and taken one by one with sigtimedwait.
WATCHED = {signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
#: Seconds before a process that has died is started again: doubled from the first to the last while it goes on dying.
FIRST_DELAY, LAST_DELAY = 0.05, 5.0
#: A process that has lived as long (seconds) was well: the back-off starts anew.
WELL = 10.0
#: Deaths before the first answer that make it pointless to go on.
HOPELESS = 3
#: A log larger than this (bytes) is put aside when Simyard starts; the one put aside before it goes.
LOG_LIMIT = 16 << 20
#: A web that is ready and busy has so long (seconds) to say an address for the browser.
PATIENCE = 30.0
#: Exit statuses.
STOPPED, IMPOSSIBLE, RUNNING_ALREADY = 0, 1, 3


class Child:
    """One process that is kept alive: `python -m MODULE …` in a process group of its own, its output in a log file."""

    def __init__(self, name: str, arguments: list[str], log: str) -> None:
        self.name = name
        self.arguments = arguments
        self.log = log
        self.pid = 0
        self.began = 0.0
        self.delay = FIRST_DELAY
        self.due = 0.0
        self.deaths = 0

    def start(self, now: float) -> None:
        """Start it; its output is appended to the log."""
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, self.log, append, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ]
        command = [sys.executable, "-m", *self.arguments]
        self.began = now
        try:
            # a group of its own: Ctrl-C reaches the keeper only, which stops the others in order
            self.pid = os.posix_spawn(
                sys.executable, command, os.environ, file_actions=actions, setpgroup=0, setsigmask=(), setsigdef=WATCHED
            )
        except OSError as error:  # no memory, no more processes, a log that cannot be opened: later perhaps
            say(f"The {self.name} cannot be started ({error.strerror}); trying again.")
            self.on_death(now)

    def on_death(self, now: float) -> None:
        """It has ended: say when it is to be started again."""
        if now - self.began >= WELL:
            self.delay, self.deaths = FIRST_DELAY, 0
        self.pid = 0
        self.deaths += 1
        self.due = now + self.delay
        self.delay = min(self.delay * 2, LAST_DELAY)


class Keeper:
    """Keeps web and supervisor of one home folder alive until it is told to stop."""

    def __init__(self, home: str, listener: socket.socket, *, greets: bool) -> None:
        self.home = home
        self.greets = greets
        host, port = listener.getsockname()[:2]
        everywhere = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - what the user asked for, shown as a reachable address
        host = everywhere.get(host, host)
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        logs = os.path.join(home, "log")
        self.children = [
            Child("supervisor", ["simyard.supervisor"], os.path.join(logs, "supervisor.log")),
            Child("web", ["simyard.web", "--fd", str(listener.fileno())], os.path.join(logs, "web.log")),
        ]
        self.probe = Probe((host, port))
        self.ready = False
        #: Whether who runs is written down: a full disk can keep it from that for a while.
        self.noted = True

    def run(self) -> int:
        """Keep them until SIGINT, SIGTERM or SIGHUP; answers with this process's exit status."""
        self.start_due()
        while True:
            told = self.wait()
            if told not in {None, signal.SIGCHLD}:
                say(*[""] * (told == signal.SIGINT), "Stopping web and supervisor …")
                self.stop()
                return STOPPED
            self.reap()
            hopeless = [child for child in self.children if child.deaths >= HOPELESS and not self.ready]
            for child in hopeless:
                say(f"The {child.name} ends as soon as it is started; its last words, from {child.log}:", alive.tail(child.log))
            if hopeless:
                self.stop()
                return IMPOSSIBLE
            self.start_due()
            if not self.noted:
                self.note()
            if not self.ready and self.probe.answered():
                self.ready = True
                self.note()
                if self.greets:
                    self.greet()

    def wait(self) -> int | None:
        """The next signal, or None when it is time to look again."""
        due = [child.due for child in self.children if not child.pid]
        seconds = max(0.0, min(due) - time.monotonic()) if due else 3600.0 if self.noted else 1.0
        info = signal.sigtimedwait(WATCHED, seconds if self.ready else min(seconds, 0.02))
        return info.si_signo if info else None

    def start_due(self) -> None:
        """Start what is down and has waited long enough."""
        now = time.monotonic()
        started = [child for child in self.children if not child.pid and child.due <= now]
        for child in started:
            child.start(now)
        if started:
            self.note()

    def reap(self) -> None:
        """Collect what has ended, with all that is left of its process group."""
        while True:
            try:
                ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return
            if ended is None:
                return
            # before it is reaped its group's number cannot be anybody else's
            alive.kill(-ended.si_pid, signal.SIGKILL)
            os.waitpid(ended.si_pid, 0)
            for child in self.children:
                if child.pid == ended.si_pid:
                    child.on_death(time.monotonic())
                    if not self.ready:
                        continue  # its last words are told if it goes on so
                    how = f"{'exit status' if ended.si_code == os.CLD_EXITED else 'signal'} {ended.si_status}"
                    say(f"The {child.name} has ended ({how}); starting it again. Its log: {child.log}")

    def note(self) -> None:
        """Write down who runs and where; what cannot be written now is tried again soon, and is no reason to end."""
        pids = [("keeper", os.getpid()), *((child.name, child.pid) for child in self.children if child.pid)]
        people = [f"{name} {pid} {alive.start_time(pid)}" for name, pid in pids]
        try:
            alive.write_state(self.home, [f"url {self.url}", f"ready {self.ready:d}", *people])
            self.noted = True
        except OSError as error:
            if self.noted:
                say(f"Who runs cannot be written down in {self.home} ({error.strerror}); trying again until it can.")
            self.noted = False

    def greet(self) -> None:
        """Say where it is: the one-time address for the browser."""
        address = self.probe.one_time_address(os.path.join(self.home, "token")) or self.url
        say("Simyard is up. Open this address in a browser (it works once; `simyard open` makes another):")
        say("", f"  {address}", "", "Ctrl-C stops Simyard; runs go on without it.")

    def stop(self) -> None:
        """Stop web, then the supervisor, then the agents that have nothing to do; what runs goes on."""
        for child in reversed(self.children):
            if child.pid:
                alive.end(child.pid, alive.PATIENCE[child.name])
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(child.pid, 0)
                child.pid = 0
        going = alive.stop_idle_agents(self.home)
        alive.forget_state(self.home)
        if going == 1:
            say("Stopped. 1 run goes on; `simyard up` follows it again, `simyard down --stop-runs` ends it.")
        elif going:
            say(f"Stopped. {going} runs go on; `simyard up` follows them again, `simyard down --stop-runs` ends them.")
        else:
            say("Stopped.")


class Probe:
    """Asks web, in the fewest words that are HTTP."""

    def __init__(self, address: tuple[str, int]) -> None:
        self.address = address
        self.asked: socket.socket | None = None
        self.due = 0.0

    def answered(self) -> bool:
        """Whether web says that all is ready. Never blocks for longer than a connection on this machine takes."""
        if time.monotonic() < self.due:
            return False
        try:
            if self.asked is None:
                self.asked = self.ask("GET /readyz")
                self.asked.setblocking(False)
            head = self.asked.recv(4096)
        except BlockingIOError:
            return False  # it sits in the queue until web is there
        except OSError:
            head = b""
        if self.asked is not None:
            self.asked.close()
        self.asked = None
        self.due = time.monotonic() + 0.05  # it is there, and waits for the supervisor: let them work
        return head.startswith((b"HTTP/1.1 200", b"HTTP/1.0 200"))

    def ask(self, line: str, *headers: str) -> socket.socket:
        """A connection on which this was asked."""
        asked = socket.create_connection(self.address, PATIENCE)
        host, port = self.address
        name = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        asked.sendall("\r\n".join([f"{line} HTTP/1.0", f"Host: {name}", *headers, "", ""]).encode())
        return asked

    def one_time_address(self, token_file: str) -> str | None:
        """The address that logs a browser in, once; None where web would not say."""
        try:
            with open(token_file, encoding="utf-8") as file:
                token = file.read().strip()
            with self.ask("POST /api/v1/login-addresses", f"Authorization: Bearer {token}", "Content-Length: 0") as asked:
                head = b""
                while b"\r\n\r\n" not in head and len(head) < 65536 and (more := asked.recv(65536)):
                    head += more
        except OSError:
            return None
        for line in head.decode("latin-1").partition("\r\n\r\n")[0].split("\r\n"):
            name, _, value = line.partition(":")
            if name.lower() == "location":
                return value.strip()
        return None


def say(*lines: str) -> None:
    """Tell whoever started it; nobody may be listening any more."""
    with contextlib.suppress(OSError):
        os.write(1, "".join(line + "\n" for line in lines).encode())


def listen(host: str, port: int) -> socket.socket:
    """The socket that web will serve; inherited by what is started."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1024)
    listener.set_inheritable(True)
    return listener


def main(home: str, host: str, port: str, how: str = "") -> int:
    """Keep Simyard of `home` up; answers with the exit status. `quiet`: say no address, which would stand in a log."""
    logs = os.path.join(home, "log")
    os.makedirs(logs, 0o700, exist_ok=True)
    signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    held = alive.lock(home)
    if held < 0:
        where = alive.up(home).get("url", ["an address that it is about to say"])[0]
        say(f"Simyard is already running for {home}, at {where}. `simyard open` makes an address for the browser.")
        return RUNNING_ALREADY
    alive.stop_left_over(home)
    try:
        listener = listen(host, int(port))
    except OSError as error:
        say(f"Port {port} of {host} cannot be taken ({error.strerror}). `simyard up --port 0` takes a free one.")
        return IMPOSSIBLE
    for name in ("web.log", "supervisor.log"):
        path = os.path.join(logs, name)
        if os.path.exists(path) and os.path.getsize(path) > LOG_LIMIT:
            os.replace(path, path + ".old")
    os.environ["SIMYARD_HOME"] = home
    keeper = Keeper(home, listener, greets=how != "quiet")
    keeper.note()
    if not keeper.noted:  # then nothing else could be written either
        say("Nothing can be kept there: nothing was started. Free some space, or choose another home folder, and try again.")
        return IMPOSSIBLE
    return keeper.run()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
