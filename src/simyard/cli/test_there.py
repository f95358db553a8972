"""`simyard code test --target`: holds a code to the contract where a target runs it, by the Simyard that is up."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from simyard.cli import figures
from simyard.cli.bench import Late, Limits, Stuck, event_of, in_words, place_of
from simyard.cli.common import client
from simyard.cli.test_here import SETTLE
from simyard.cli.test_model import QUICK, SLACK, Check, Ran, behind, fraction, hold_model
from simyard.cli.test_ready import extremes, not_answering, ready
from simyard.codes.declaration import Declaration, Example, Model
from simyard.config import SBATCH, Config
from simyard.errors import InvalidRequest, NotFound, SimyardError, Unavailable
from simyard.protocol import rundir

if TYPE_CHECKING:
    from simyard.client import Client, RemoteRun

#: The simulation that is made for it, and deleted.
_NAME = "simyard code test"
#: How a run is, is asked this often (seconds); how its target is, and what a cluster has made of its parts, less often.
_LOOK, _LOOK_AROUND = 0.1, 1.0
#: So much of what a run has told or printed is read (bytes).
_MOST_READ = 16 << 20
#: What a part of a run is given on a cluster, so that it is told soon that its time is over: Slurm counts in minutes (seconds).
_PART = 60.0
#: An agent that is there answers in this time, or is asked again (seconds).
_AWAKE = 10.0
#: What is said where a code fails to have its input prepared, and nothing else does.
_OF_CODE = frozenset({"input-failed", "input-timeout", "input-memory", "code-cannot-be-loaded"})


def there(settings: Config, code: Declaration, target: str, limits: Limits, *, first: bool) -> Iterator[Check]:
    """All that can be said of a code on a target. What is made there is deleted again."""
    if target not in settings.targets:
        yield "it is a target", f"there is none called {target!r}; there are {', '.join(settings.targets)}"
        return
    what, ground, words = "it can be run there", None, ""
    try:
        with client() as server:
            words = ready(server, code, target, limits.start)
            if not words:
                ground = There(server, code, target, limits, is_cluster=settings.targets[target].kind == SBATCH)
                words = ground.wakes()
            yield what, words
            if words or ground is None:
                return
            what = "it answers all the while"
            for model in code.models.values():
                yield f"{model.name}: prepare bears any input that is allowed", ground.bears(model)
                for one, wrong in hold_model(ground, model, first=first):
                    yield f"{model.name}: {one}", wrong
    except Stuck:
        pass  # that was told of; nothing else would get further
    except (SimyardError, OSError) as error:
        said = error.detail if isinstance(error, SimyardError) else str(error) or type(error).__name__
        with contextlib.suppress(SimyardError, OSError):
            said = not_answering(server, target) or said
        yield what, f"{said.rstrip('.')}; `simyard target show {target}` says how it is"
    if ground is not None and (ground.left or not words):
        yield "nothing is left there", ground.left


class There:
    """A target, as the ground that models are held on."""

    def __init__(self, server: Client, code: Declaration, target: str, limits: Limits, *, is_cluster: bool) -> None:
        self.code, self.limits = code, limits
        self._server, self._target, self._is_cluster = server, target, is_cluster
        self._left: list[str] = []

    @property
    def left(self) -> str:
        """What could not be taken away again, and how that is done; "" for nothing."""
        commands = [f"`simyard run cancel {run}` and `simyard run delete {run}`" for run in self._left]
        return f"runs that could not be ended are still there: {', '.join(commands)}" if commands else ""

    def place(self, text: str) -> str:
        return place_of(self.code.folder, text, elsewhere=True)

    def wakes(self) -> str:
        """Wait until an agent there does something: making one begin may take its time. What is wrong where none does, "" where one does."""
        began = time.monotonic()
        silent: float | None = None
        model, example = next(iter(self.code.models)), next(iter(self.code.examples.values()), None)
        with self._simulation(example) as made:
            while True:
                try:
                    self._server.show_input(made["id"], model, target=self._target, timeout=_AWAKE)
                    return ""
                except TimeoutError:
                    words = f"it has not begun to do anything {time.monotonic() - began:.0f} s after it was asked to"
                except InvalidRequest as error:
                    # what the code refuses, or breaks at, it does there
                    return "" if error.code in _OF_CODE else error.detail
                except Unavailable as error:
                    words = error.detail.rstrip(".")
                now = time.monotonic()
                if told := not_answering(self._server, self._target):
                    words, silent = told, silent or now
                else:
                    silent = None
                if now - began > self.limits.run or (silent is not None and now - silent > self.limits.start):
                    return words if told else f"{words}; `simyard target show {self._target}` says how it is"
                time.sleep(_LOOK)

    # ── what models are held to ─────────────────────────────────────────────────────────────────────────────────────

    def bears(self, model: Model) -> str:
        """Have its input prepared with each input at its limits: it may refuse, but in words."""
        example = next(iter(self.code.examples.values()), None)
        wrong = []
        with self._simulation(example) as made:
            for name, value in extremes(self.code):
                try:
                    self._server.change_simulation({"id": made["id"]}, inputs={**made["inputs"], name: value})
                except InvalidRequest:
                    continue  # with the example's other inputs it is not allowed
                try:
                    self._server.show_input(made["id"], model.name, target=self._target)
                except SimyardError as error:
                    if error.code == "input-timeout":
                        return f"{name} = {value!r:.40}: prepare did not end: {error.detail.rstrip('.')}; let it only write its input"
                    if error.code not in _OF_CODE:
                        raise
                    if error.code != "input-failed" or not in_words(error.detail):
                        fix = "raise ValueError with a sentence that says what to change, or narrow minimum and maximum"
                        wrong.append(f"{name} = {value!r:.40}: {error.detail.rstrip('.')}; {fix}")
        more = f" (and {len(wrong) - 3} more)" if len(wrong) > 3 else ""
        return "; ".join(wrong[:3]) + more

    @contextlib.contextmanager
    def ran(self, model: Model, example: Example | None) -> Iterator[Ran]:
        with self._started(model, example) as run:
            until = time.monotonic() + self.limits.run
            self._begun(run, until)
            try:
                run.wait(max(0.0, until - time.monotonic()))
            except TimeoutError:
                raise Late(f"it is still {run.state} after {self.limits.run:g} s{_why(run)}; give it more by --limit") from None
            final = {"state": run.state, "reason": run.reason, "cause": run.data.get("cause") or "", "warnings": run.warnings}
            yield Ran(final=final, events=self._events(run), log=self._log(run), where=run)

    def reports(self, ran: Ran, names: Sequence[str], frames: int) -> Iterator[tuple[str, str, bool]]:
        for name in names:
            many = self.code.reports[name].frames
            told = [_report(ran.where, name, frame) for frame in (sorted({0, frames - 1}) if many else [-1])]
            yield name, *next((one for one in told if one[0]), ("", False))

    def cancel(self, model: Model, example: Example | None) -> Check:
        what = "cancel is clean"
        with self._started(model, example) as run:
            try:
                self._begun(run, time.monotonic() + self.limits.run)
            except Stuck as stuck:
                return what, str(stuck)
            if not run.final:
                time.sleep(SETTLE)
            patience = self.limits.start + SLACK
            try:
                run.cancel().wait(patience)
            except TimeoutError:
                return what, f"it is still {run.state} {patience:g} s after it was told to stop{_why(run)}"
            if "did not end within" in run.reason:
                return (
                    what,
                    f"{run.reason.rstrip('.')}; let it end at SIGTERM: do not ignore that signal, and return from its handler by sys.exit()",
                )
            return what, "" if run.state in {"canceled", "completed"} else f"its last state is {run.state}: {run.reason}"

    def goes_on(self, model: Model, example: Example | None) -> Check | None:
        """Give each part the shortest time that Slurm can count, and see the second one begin where the first has ended."""
        what = "goes on from its checkpoint"
        if not self._is_cluster:
            return None  # nobody is told there that its time is over
        with self._started(model, example, time_limit=_PART) as run:
            until = time.monotonic() + self.limits.run + _PART
            try:
                self._begun(run, until)
            except Stuck as stuck:
                return what, str(stuck)
            while True:
                events = self._events(run)
                names = [one["event"] for one in events]
                first = events[: names.index(rundir.RESUMED)] if rundir.RESUMED in names else events
                second = events[len(first) :]
                if second and (run.final or any(one["data"].get("fraction") is not None for one in second)):
                    words = behind(events, fraction(first))
                    good = not run.final or run.state == "completed"
                    return what, words if good else f"its second part did not complete: {run.reason}"
                if run.final and run.state == "completed":
                    # an example is to be a small one, and Slurm tells nobody before half a minute is over
                    return f"{what}, or is done before its time is over", ""
                if run.final:
                    return what, f"told that its time is over, it {run.state}: {run.reason}"
                if time.monotonic() > until:
                    return what, f"it had not gone on {self.limits.run + _PART:g} s after its start{_why(run)}"
                time.sleep(_LOOK_AROUND)
                run.refresh()

    # ── what they are made of ───────────────────────────────────────────────────────────────────────────────────────

    @contextlib.contextmanager
    def _simulation(self, example: Example | None) -> Iterator[dict[str, Any]]:
        name = f"{_NAME} {self.code.name} {self._target}"
        made = self._server.create_simulation(self.code.name, name, example=example.name if example else None)
        try:
            yield made
        finally:
            with contextlib.suppress(SimyardError, OSError):
                self._server.delete_simulation(made["id"], forever=True)

    @contextlib.contextmanager
    def _started(self, model: Model, example: Example | None, **resources: Any) -> Iterator[RemoteRun]:
        """A run there, which is stopped and deleted at the end."""
        with self._simulation(example) as made:
            run = self._server.start(made["id"], model.name, target=self._target, reuse=False, resources=resources or None)
            try:
                yield run
            finally:
                try:
                    if not run.final:
                        run.cancel().wait(self.limits.start + SLACK)
                    run.delete()
                except (SimyardError, OSError):
                    self._left.append(run.id)

    def _begun(self, run: RemoteRun, until: float) -> None:
        """Wait until it runs, or is over. Raises Stuck: where its target does not answer, much before its time is up."""
        began = time.monotonic()
        silent, look = None, began
        while not run.final and run.state != "running":
            now = time.monotonic()
            if now >= look:
                words = not_answering(self._server, self._target)
                silent = (silent or now) if words else None
                look = now + _LOOK_AROUND
            if silent is not None and now - silent > self.limits.start:
                raise Stuck(f"it is {run.state}, and {words}")
            if now >= until:
                raise Stuck(f"it is still {run.state} after {now - began:.0f} s{_why(run)}; give it more by --limit")
            time.sleep(_LOOK)
            run.refresh()

    def _events(self, run: RemoteRun) -> list[dict[str, Any]]:
        """What its job cmd has told so far, as it stands in its directory there."""
        return [event for line in self._read(run, rundir.EVENTS).split("\n")[:-1] if (event := event_of(line))]

    def _log(self, run: RemoteRun) -> str:
        return self._read(run, rundir.LOG)

    def _read(self, run: RemoteRun, name: str) -> str:
        from simyard.client.http import path

        try:
            with self._server.http.open("GET", path("runs", run.id, "files", name), headers={"Accept": "*/*"}) as answer:
                return answer.read(_MOST_READ).decode("utf-8", "replace")
        except NotFound:
            return ""  # it never began


def _report(run: RemoteRun, name: str, frame: int) -> tuple[str, bool]:
    """What is wrong with a report ("": nothing), and whether it was refused in words."""
    try:
        wrong = figures.wrong(run.report(name, frame if frame >= 0 else None))
    except InvalidRequest as error:
        said = error.detail.rstrip(".")
        if error.code in {"report-timeout", "report-memory"}:
            return f"{said}; {QUICK}", False
        words = f"{said}; report(run, {name!r}, {frame}) must return a figure after a run that completed"
        return words, error.code == "report-failed" and in_words(said) and "has no report()" not in said
    return f"{wrong} (of frame {frame})" if wrong and frame >= 0 else wrong, False


def _why(run: RemoteRun) -> str:
    """Why it is no further, in Simyard's words."""
    with contextlib.suppress(SimyardError, OSError):
        summary = str(run.explain().get("summary") or "").rstrip(".")
        return f" ({summary})" if summary else ""
    return ""
