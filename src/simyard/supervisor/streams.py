"""Reports, logs and files of a run: from the agent that has them to whoever asked, never more than a little at a time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tornado.iostream import StreamClosedError

from simyard.errors import Conflict, InvalidRequest, NotFound, SimyardError
from simyard.protocol import agents as talk
from simyard.protocol import asking, rundir
from simyard.protocol.code_places import InstallCode
from simyard.protocol.jobs import FINAL, Run, State
from simyard.supervisor import cluster_plans, plans, standings, views
from simyard.supervisor.core import Lane
from simyard.supervisor.transfers import Transfer

if TYPE_CHECKING:
    from simyard.supervisor.shell import Shell
    from simyard.supervisor.web_door import Ask

#: A transfer on which nothing moves for so long is given up (seconds).
PATIENCE = 60.0
#: Whether somebody who follows the log of a waiting run is still there is looked at this often (seconds).
_LOOK_AGAIN = 10.0
_MEDIA_TYPE = re.compile(r"[a-z]+/[\w.+-]+(; ?charset=[\w-]+)?", re.ASCII)


async def report(shell: Shell, question: asking.Report, door: Ask) -> None:
    """A report of a run: the one that came along with it, or made by an agent."""
    run = await shell.run_of(question.user, question.run)
    known = shell.known.reports.get((run.id, question.report))
    if known is not None:
        door.set_header("Content-Type", "application/json")
        door.finish(known)
        return
    await _make(shell, door, run, question.report, -1)


async def frame(shell: Shell, question: asking.Frame, door: Ask) -> None:
    """One picture of a report that has many."""
    if not 0 <= question.frame < 2**31:
        raise InvalidRequest("invalid-frame", "Frames count from 0.")
    await _make(shell, door, await shell.run_of(question.user, question.run), question.report, question.frame)


async def run_log(shell: Shell, question: asking.RunLog, door: Ask) -> None:
    """The run's log; followed, from before the run starts until it has ended."""
    _check_range(question.offset, question.length)
    run = await shell.run_of(question.user, question.run)
    while question.follow and _has_nothing(run) and run.state not in FINAL and not door.is_gone:
        run = await shell.known.until(run, lambda now: now.state is not State.PENDING, _LOOK_AGAIN)
    if _has_nothing(run):
        door.set_header("Content-Type", "text/plain; charset=utf-8")
        door.finish(b"")
        return
    await _send(
        shell, door, run, Lane.TRANSFER,
        lambda op: talk.SendFile(
            op=op, run=run.id, path=rundir.LOG, offset=question.offset, length=question.length, follow=question.follow
        ),
        limit=None if question.follow else PATIENCE,
    )  # fmt: skip


async def run_files(shell: Shell, question: asking.RunFiles, door: Ask) -> None:
    """What the run directory holds, as JSON."""
    run = await shell.run_of(question.user, question.run)
    if _has_nothing(run):
        door.finish(b"[]")
        return
    await _send(shell, door, run, Lane.TRANSFER, lambda op: talk.ListFiles(op=op, run=run.id))


async def run_file(shell: Shell, question: asking.RunFile, door: Ask) -> None:
    """A file of the run directory."""
    _check_range(question.offset, question.length)
    run = await shell.run_of(question.user, question.run)
    parts = question.path.split("/")
    # the agent confines the path, links included; this is for the words
    if question.path.startswith("/") or ".." in parts or "" in parts:
        raise InvalidRequest("invalid-path", "A file of a run is named by its path inside the run's directory.")
    if _has_nothing(run):
        raise NotFound("no-such-file", "The run has not started, so it has no files.")
    await _send(
        shell, door, run, Lane.TRANSFER,
        lambda op: talk.SendFile(op=op, run=run.id, path=question.path, offset=question.offset, length=question.length),
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Draft:
    """Inputs of which no run was made: a subject of views."""

    user: str
    target: str
    id: str = ""


async def show_input(shell: Shell, question: asking.ShowInput, door: Ask) -> None:
    """The input as the code would get it, made by an agent; it passes the gates as a report does."""
    code = shell.codes.code(question.code)
    await standings.must_stand(shell, code, question.target, question.user)
    spec = plans.plan(shell.config, code, shell.core.places, question, await shell.packed(code, question.target))
    limits = shell.core.places[question.target].limits
    seconds, memory = limits.analysis_seconds, limits.analysis_memory
    await _send(
        shell, door, Draft(user=question.user, target=question.target), Lane.ANALYSIS,
        lambda op: talk.MakeInput(op=op, spec=spec, seconds=seconds, memory=memory),
        first=seconds + PATIENCE,
    )  # fmt: skip


async def install_code(shell: Shell, question: InstallCode, door: Ask) -> None:
    """Have the user's agent on a cluster make the environment of a code, or tell how that goes."""
    code, place = shell.codes.code(question.code), plans.place_of(shell.core.places, question.target)
    packed = await shell.packed(code, place.name)
    if packed is None or not cluster_plans.has_environment(shell.config.clusters[place.name], code):
        now = await standings.standing(shell, code, place, question.user)
        raise Conflict("not-installed-there", f"{now.detail} {standings.otherwise(now)}".strip())
    await _send(
        shell, door, Draft(user=question.user, target=place.name), Lane.TRANSFER,
        lambda op: talk.MakeEnvironment(
            op=op, environment=packed.environment, code=code.name, code_dir=packed.code_dir, archive=packed.archive,
            requires=code.requires, wheels=question.wheels, begin=question.begin,
        ),
    )  # fmt: skip


async def _make(shell: Shell, door: Ask, run: Run, name: str, frame: int) -> None:
    declaration = shell.codes.get(run.code)
    if declaration is not None and run.model in declaration.models:
        known = declaration.model(run.model).reports
        if name not in known:
            raise NotFound("no-such-report", f"{run.model} has no report {name[:100]!r}; it has {', '.join(known) or 'none'}.")
    if _has_nothing(run):
        words = "ended before it started" if run.state in FINAL else "has not started yet"
        raise Conflict("nothing-to-see", f"There is no report: the run {words}.")
    place = shell.core.places.get(run.target)
    seconds, memory = (place.limits.analysis_seconds, place.limits.analysis_memory) if place else (PATIENCE, 1 << 30)
    await _send(
        shell, door, run, Lane.ANALYSIS,
        lambda op: talk.MakeReport(op=op, run=run.id, report=name, frame=frame, seconds=seconds, memory=memory),
        first=seconds + PATIENCE,
    )  # fmt: skip


async def _send(
    shell: Shell, door: Ask, run: views.Subject, lane: Lane, message: Callable[[int], Any],
    *, limit: float | None = PATIENCE, first: float = PATIENCE,
) -> None:  # fmt: skip
    """Have an agent send it, and pass it on. `first` is how long its beginning may take once it was sent to the agent,
    `limit` how long nothing may move after that (None: for ever, for a log that is followed)."""
    shell.must_write()  # what is sent to an agent waits for what is to be written before it
    transfer = Transfer(lambda size: _grant(shell, run, number, size))
    door.on_gone = transfer.close
    request = shell.new_request(lambda _message, error: transfer.close(error))
    number = shell.tell(views.on_view, request, run, lane, message, shell.clock())
    shell.transfers.expect(number, transfer)
    try:
        opened = await transfer.opened(views.WAIT_LIMIT + first)
        await _pass_on(door, transfer, opened, limit)
    except StreamClosedError:
        pass  # nobody is there to be told
    finally:
        door.on_gone = None
        shell.transfers.forget(number)
        shell.drop_request(request)
        shell.tell(views.on_view_dropped, number, shell.clock())


async def _pass_on(door: Ask, transfer: Transfer, opened: talk.Opened, limit: float | None) -> None:
    if door.is_gone:
        return
    door.set_header("Content-Type", _media_type(opened.media_type))
    if opened.size >= 0:
        door.set_header("Content-Length", str(opened.size))
    sent = 0
    try:
        await door.pass_on(b"", PATIENCE)
        while (chunk := await transfer.next(limit)) is not None:
            sent += len(chunk)
            if 0 <= opened.size < sent:
                raise Conflict("too-long", "The agent sent more than it had announced.")
            await door.pass_on(chunk, PATIENCE)
            transfer.taken(len(chunk))
        if sent < opened.size:
            raise Conflict("too-short", "The agent sent less than it had announced.")
    except SimyardError:
        # the status has gone out already: a response that breaks off is how the client sees that this is not all
        door.abort()
    else:
        if not door.is_gone:
            door.finish()


def _grant(shell: Shell, run: views.Subject, number: int, size: int) -> None:
    agent = shell.core.agents.get((run.user, run.target))
    if agent is not None:
        shell.say(agent.id, talk.Credit(op=number, size=size))


def _has_nothing(run: Run) -> bool:
    """Whether the run was never sent to an agent: then it has no directory."""
    return run.epoch == 0


def _check_range(offset: int, length: int) -> None:
    if not 0 <= offset < 2**63 or not -1 <= length < 2**63:
        raise InvalidRequest("invalid-range", "An offset counts from 0, a length from 0, or is -1 for everything.")


def _media_type(text: str) -> str:
    """The agent's word is foreign: it becomes a header only where it looks like a media type."""
    return text if len(text) < 100 and _MEDIA_TYPE.fullmatch(text) else "application/octet-stream"
