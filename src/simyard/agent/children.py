"""Job cmds as child processes: one warm `serve` for a code, or a fresh `run` where there can be none.

A child is started with an environment of its own and in a session of its own: what runs outlives the agent. It speaks JSON
lines (see job_cmd/runner.py); what it says is checked, and a `serve` that talks nonsense is closed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shlex
import signal
import stat
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

from simyard.agent.judgement import Exit
from simyard.errors import SimyardError

log = logging.getLogger(__name__)
#: One line of `serve` may not be longer (bytes).
MAX_LINE = 256 << 10
#: Imports of a code may take this long (seconds).
READY_LIMIT = 120.0
#: `serve` answers that a run was forked within this time (seconds).
ANSWER_LIMIT = 30.0


class ServeGone(SimyardError):
    """The warm process ended, or does not answer: a fresh one may do."""

    def __init__(self, detail: str) -> None:
        super().__init__("serve-gone", detail)


class CannotServe(SimyardError):
    """The code cannot be loaded; `detail` has the words of its interpreter. A fresh process would fail in the same way."""

    def __init__(self, detail: str) -> None:
        super().__init__("code-cannot-be-loaded", detail)


class ReportFailed(SimyardError):
    """The code could not make the report, or its input; code and words are those of the job cmd."""


@dataclass(frozen=True)
class Command:
    """How job cmds of one code are started: interpreter, runner.py, folder of the code, environment, file for their stderr, and the
    shell lines that a site has before the interpreter."""

    python: str
    runner: str
    code_dir: str
    environment: Mapping[str, str]
    folder: str
    log: str
    setup: Tuple[str, ...] = ()

    def words(self, *arguments: str) -> List[str]:
        """The command line. What the lines print is not taken for what the job cmd says; nor do they hear what it is told."""
        plain = [self.python, self.runner, *arguments]
        if not self.setup:
            return plain
        missing = {"error": "cannot-start", "detail": f"After its setup lines there is no interpreter {self.python}."}
        lines = [
            "{ :", *self.setup, "} </dev/null >&2",
            f"command -v -- {shlex.quote(self.python)} >/dev/null || {{ printf '%s\\n' {shlex.quote(json.dumps(missing))}; exit 127; }}",
            "exec " + " ".join(map(shlex.quote, plain)),
        ]  # fmt: skip
        return ["bash", "-c", "\n".join(lines)]


@dataclass
class Launched:
    """A job cmd that was started. `exit` becomes an Exit, or None where its end will not be told."""

    pid: int
    exit: asyncio.Future[Optional[Exit]]


async def spawn(command: Command, *arguments: str, pipes: bool) -> asyncio.subprocess.Process:
    """Start the interpreter on runner.py; raises CannotServe where it cannot be started at all."""
    errors = _log_at(command.log)
    pipe = asyncio.subprocess.PIPE if pipes else asyncio.subprocess.DEVNULL
    try:
        return await asyncio.create_subprocess_exec(
            *command.words(*arguments), stdin=pipe, stdout=pipe, stderr=errors, cwd=command.folder,
            env=dict(command.environment), start_new_session=True, limit=MAX_LINE,
        )  # fmt: skip
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or error
        raise CannotServe(f"The code's interpreter {command.python} cannot be started: {words}.") from None
    finally:
        os.close(errors)


def _log_at(path: str) -> int:
    """A descriptor of the log. A code may have put a FIFO or a link in its place, which is neither waited for nor followed."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
    except OSError:
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    return descriptor


def _last_words(path: str) -> str:
    """What was printed last there, cut short: a shell needs two lines for what it does not understand."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            data = os.pread(descriptor, 2000, max(0, os.fstat(descriptor).st_size - 2000))
        finally:
            os.close(descriptor)
    except OSError:
        data = b""
    lines = data.decode("utf-8", "replace").strip().splitlines()
    return " ".join(lines[-2:])[:500] or "they have not said why."


async def run_fresh(command: Command, directory: str) -> Launched:
    """Start a job cmd for one run directory without a warm process. Raises CannotServe."""
    process = await spawn(command, "run", directory, pipes=False)
    return Launched(process.pid, asyncio.ensure_future(_exit_of(process)))


async def _exit_of(process: asyncio.subprocess.Process) -> Optional[Exit]:
    return exit_of(await process.wait())


def exit_of(status: int) -> Exit:
    """An Exit from a return code of `subprocess`, which is negative for a signal."""
    if status >= 0:
        return Exit(exit_code=status)
    try:
        return Exit(signal=signal.Signals(-status).name)
    except ValueError:
        return Exit(signal=f"signal {-status}")


class Serve:
    """One warm process. `start` it, then `run` and `report`; `retire` lets it go, and never harms what it has started."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.alive = True
        self.runs: Dict[int, asyncio.Future[Optional[Exit]]] = {}
        self._waiting: Dict[int, asyncio.Future[Dict[str, Any]]] = {}
        self._number = 0
        self._process: Optional[asyncio.subprocess.Process] = None
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._life = asyncio.ensure_future(self._live())

    @property
    def busy(self) -> bool:
        """Whether it has runs or reports in hand."""
        return bool(self.runs or self._waiting) or not self._ready.done()

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    async def ready(self) -> None:
        """Wait until the code's imports are done; raises CannotServe or ServeGone."""
        await asyncio.shield(self._ready)

    async def run(self, directory: str) -> Launched:
        """Fork a job cmd for a run directory. Raises ServeGone; then it is not known whether there is one."""
        number = self._next()
        end: asyncio.Future[Optional[Exit]] = asyncio.get_running_loop().create_future()
        self.runs[number] = end
        try:
            answer = await self._ask(number, {"do": "run", "dir": directory}, ANSWER_LIMIT)
        except BaseException:
            self.runs.pop(number, None)
            raise
        if not isinstance(answer.get("pid"), int):
            self.runs.pop(number, None)
            raise ServeGone(f"It could not start a run: {_words(answer)}")
        return Launched(answer["pid"], end)

    async def report(self, directory: str, report: str, frame: int, seconds: float, memory: int) -> str:
        """Make a report; answers its path in the run directory. Raises ReportFailed or ServeGone.
        Canceling the caller stops the making."""
        question = {"do": "report", "dir": directory, "report": report, "frame": frame, "seconds": seconds, "memory": memory}
        return await self._made(question, seconds)

    async def input(self, directory: str, seconds: float, memory: int) -> str:
        """Have the code write its input into a folder that is like a run directory; answers the path there of what is told of
        it. Raises ReportFailed or ServeGone. Canceling the caller stops the making."""
        return await self._made({"do": "input", "dir": directory, "seconds": seconds, "memory": memory}, seconds)

    async def _made(self, question: Dict[str, Any], seconds: float) -> str:
        number = self._next()
        try:
            answer = await self._ask(number, question, seconds + ANSWER_LIMIT)
        except asyncio.CancelledError:
            self._write({"id": self._next(), "do": "drop", "which": number})
            raise
        if answer.get("ok") is True and isinstance(answer.get("path"), str):
            return str(answer["path"])
        code = answer.get("code")
        raise ReportFailed(code if isinstance(code, str) else f"{question['do']}-failed", _words(answer))

    def retire(self) -> None:
        """Close its ear: it exits, and what it started goes on."""
        self.alive = False
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    async def gone(self) -> None:
        """Wait until the process is reaped."""
        await asyncio.shield(self._life)

    # ── the conversation ────────────────────────────────────────────────────────────────────────────────────────────

    def _next(self) -> int:
        self._number += 1
        return self._number

    async def _ask(self, number: int, question: Dict[str, Any], limit: float) -> Dict[str, Any]:
        answer: asyncio.Future[Dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            if not self._write({"id": number, **question}):
                raise ServeGone("It has ended.")
            return await asyncio.wait_for(answer, limit)
        except asyncio.TimeoutError:
            raise ServeGone(f"It did not answer within {limit:.0f} s.") from None
        finally:
            self._waiting.pop(number, None)

    def _write(self, what: Dict[str, Any]) -> bool:
        pipe = self._process.stdin if self._process is not None else None
        if not self.alive or pipe is None or pipe.is_closing():
            return False
        # requests are small, and those outstanding are bounded by runs and transfers: no need to drain
        pipe.write(json.dumps(what).encode("ascii") + b"\n")
        return True

    async def _live(self) -> None:
        detail = "It has ended."
        try:
            self._process = await spawn(self.command, "serve", self.command.code_dir, pipes=True)
            await self._listen(self._process)
        except SimyardError as error:
            detail = error.detail
            self._not_ready(error)
        finally:
            self.alive = False
            await self._end()
            self._not_ready(ServeGone(detail))
            for answer in list(self._waiting.values()):
                if not answer.done():
                    answer.set_exception(ServeGone(detail))
            for end in self.runs.values():
                if not end.done():
                    end.set_result(None)
            self.runs.clear()

    def _not_ready(self, error: SimyardError) -> None:
        if not self._ready.done():
            self._ready.set_exception(error)
            self._ready.exception()  # whether anybody waits for it or not

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            first = await asyncio.wait_for(_line(process.stdout), READY_LIMIT)
        except asyncio.TimeoutError:
            raise CannotServe(f"The imports of the code took more than {READY_LIMIT:.0f} s.") from None
        except ServeGone:
            if not self.command.setup:
                raise
            words = f"Its setup lines ended before the code could be loaded: {_last_words(self.command.log)}"
            raise CannotServe(words) from None
        if first.get("ready") is not True:
            raise CannotServe(_words(first))
        self._ready.set_result(None)
        while True:
            self._heard(await _line(process.stdout))

    def _heard(self, answer: Dict[str, Any]) -> None:
        number = answer.get("id")
        if not isinstance(number, int):
            log.warning("serve of %s: %s", self.command.code_dir, _words(answer))
        elif number in self._waiting:
            waiting = self._waiting.pop(number)
            if not waiting.done():
                waiting.set_result(answer)
        elif number in self.runs and ("exit_code" in answer or "signal" in answer):
            end = self.runs.pop(number)
            code, name = answer.get("exit_code"), answer.get("signal")
            if not end.done():
                end.set_result(Exit(code if isinstance(code, int) else None, name[:20] if isinstance(name, str) else None))

    async def _end(self) -> None:
        """The process has closed its mouth, or is to be got rid of: reap it. Its runs are in sessions of their own."""
        process = self._process
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 2.0)
        except asyncio.TimeoutError:
            log.warning("serve %d does not leave: killed", process.pid)
            process.kill()
            await process.wait()


async def _line(stream: asyncio.StreamReader) -> Dict[str, Any]:
    """The next object; raises ServeGone at the end of the stream, and for what is none."""
    try:
        line = await stream.readline()
    except ValueError:
        raise ServeGone("It wrote a line that is too long.") from None
    if not line:
        raise ServeGone("It has ended.")
    try:
        what = json.loads(line)
    except (ValueError, RecursionError):
        what = None
    if not isinstance(what, dict):
        raise ServeGone("It wrote what is not JSON.")
    return what


def _words(answer: Dict[str, Any]) -> str:
    words: List[str] = [str(answer[key]) for key in ("error", "detail") if answer.get(key)]
    return " ".join(words)[:2000] or "It does not say why."
