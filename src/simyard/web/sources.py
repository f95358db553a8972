"""Stop 1, web: what an input takes from another simulation: which run it would be, how that stands, and its file, taken by content.

What counts is the run that has computed what the source is now; where there is none, its newest completed run, and the source is then out
of date. A file of a completed run does not change: what was taken once is known by its content, and not fetched again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from simyard.codes.declaration import Declaration
from simyard.codes.source import Source, as_source, round_trip, sources_of
from simyard.errors import Conflict, InvalidRequest, NotFound, SimyardError, TooLarge
from simyard.protocol.asking import RunFile, RunInputs, RunList, RunSame
from simyard.protocol.jobs import Run, State
from simyard.store.simulations import FileRef, Simulation
from simyard.store.sources import Taken
from simyard.web.context import Services
from simyard.web.port import Stream
from simyard.web.source_words import GONE, circle, name_for, state_of, words
from simyard.web.streams import opened
from simyard.web.uploads import RAISE

#: Whether a run has a file is asked for in passing: an agent that is slow leaves it open (seconds).
_GLANCE = 5.0

Content = Callable[["Look", Source], FileRef | None]


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a model of a simulation stands as a source: the run that counts, and why it does not stand well ("": it does)."""

    run: Run | None = None
    why: str = ""
    title: str = ""
    model: str = ""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What a run is given: inputs as the code gets them, files by name as SHA-256, and where those of other runs are from."""

    inputs: dict[str, Any]
    files: dict[str, str]
    sources: list[tuple[str, Source, Look, str, FileRef]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How it stands with the source of one input."""

    input: str
    source: Source
    look: Look
    why: str
    title: str
    last: Taken | None

    @property
    def state(self) -> str:
        return state_of(self.why)

    @property
    def words(self) -> str:
        return words(self.why, self.title, self.look.model or self.source.model, self.source.file)


class Sources:
    """The sources of one user's simulations, looked at for one request."""

    def __init__(self, known: Services, user: str) -> None:
        self._known, self._user = known, user
        self._looks: dict[tuple[str, str], Look] = {}

    def given(self, found: Simulation, code: Declaration) -> Given:
        """What a run of the simulation is given now; files that are not here yet are fetched. Raises InvalidRequest for inputs that are
        wrong, Conflict (`source-…`) for a source that has nothing to give, and what goes wrong with fetching."""
        return self._filled(found, code.values(found.inputs, found.files), self._take)

    def known(self, found: Simulation, code: Declaration) -> Given | None:
        """The same, from what is known already; None where something of it is not."""
        try:
            return self._filled(found, code.values(found.inputs, found.files), self._remembered)
        except (Conflict, LookupError):
            return None

    def record(self, given: Given, run: Run, found: Simulation, model: str, *, created: bool) -> None:
        """Keep what the run was given, as it was started. Where an earlier run is the answer, it counts for what it was really given."""
        if not given.sources:
            return
        files = given.files if created else self._known.door.ask(RunInputs(user=self._user, run=run.id)).files
        now = self._known.clock()
        taken = [
            Taken(
                run=run.id, input=name, taker=found.id, job=model, simulation=source.simulation, model=source.model, file=source.file,
                source=look.run.id, title=look.title, name=called, sha256=ref.sha256, size=ref.size, at=now,
            )
            for name, source, look, called, ref in given.sources
            if look.run is not None and files.get(called) == ref.sha256
        ]  # fmt: skip
        self._known.sources.add(self._user, taken)

    def standing(self, found: Simulation, code: Declaration, model: str = "") -> list[Standing]:
        """How it stands with each source of the simulation, for runs of that model or of any."""
        return [self._standing(found, name, source, model) for name, source in self._shown(found, code).items()]

    def check(self, simulation: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        """Raises InvalidRequest where an input newly names what is not the user's, or cannot be, or where the simulation ("" for one that
        is being made) would take from itself. What was there before and is gone by now may stay."""
        sources = sources_of(new)
        errors = {name: said for name, one in sources.items() if one != as_source(old.get(name)) and (said := self._wrong(one))}
        if way := round_trip(simulation, sources.values(), self._sources_of) if simulation else []:
            said = circle(way, self._name_of)
            errors.update({name: said for name, one in sources.items() if one.simulation == way[1]})
        if errors:
            raise InvalidRequest("invalid-source", " ".join(errors.values())[:2000], {"errors": errors})

    def look(self, source: Source) -> Look:
        """How the source stands."""
        key = (source.simulation, source.model)
        if key not in self._looks:
            self._looks[key] = Look(why="cycle", title=self._name_of(source.simulation))  # what it finds when it comes here again
            self._looks[key] = self._look(source)
        return self._looks[key]

    def _look(self, source: Source) -> Look:
        try:
            found = self._known.simulations.get(self._user, source.simulation)
        except NotFound:
            return Look(why="simulation", title=source.simulation)
        code = self._known.shelf.codes().get(found.code)
        model = code.models.get(source.model) if code is not None else None
        if found.deleted is not None:
            return Look(why="bin", title=found.name, model="" if model is None else model.title)
        if code is None or model is None:
            return Look(why="model", title=found.name)
        run, why = self._run(found, code, source.model)
        return Look(run=run, why=why, title=found.name, model=model.title)

    def _run(self, found: Simulation, code: Declaration, model: str) -> tuple[Run | None, str]:
        """The run that counts, and why it does not stand well."""
        door = self._known.door
        question = RunList(user=self._user, limit=1, simulation=found.id, model=model, state=State.COMPLETED.value)
        newest = next(iter(door.ask(question).runs), None)
        is_of_now = newest is not None and newest.simulation_revision == found.revision
        if newest is not None and is_of_now and self._holds(found, code, newest):
            return newest, ""
        if (given := self._known_or_wrong(found, code)) is not None:
            same = RunSame(
                user=self._user, simulation=found.id, code=code.name, model=model, inputs=given.inputs, files=given.files
            )
            if run := next(iter(door.ask(same).runs), None):
                return run, "upstream" if any(look.why for _, _, look, _, _ in given.sources) else ""
        if newest is None:
            return None, "no-run"
        return newest, "upstream" if is_of_now else "edited"

    def _known_or_wrong(self, found: Simulation, code: Declaration) -> Given | None:
        try:
            return self.known(found, code)
        except InvalidRequest:
            return None

    def _holds(self, found: Simulation, code: Declaration, run: Run) -> bool:
        """Whether the run has taken what its sources have now."""
        sources = self._shown(found, code)
        rows = self._known.sources.all_of_run(self._user, run.id) if sources else []
        for name, source in sources.items():
            look = self.look(source)
            if look.why or look.run is None:
                return False
            if not any(row.input == name and self._same(row, source, look.run) for row in rows):
                return False
        return True

    def _same(self, row: Taken, source: Source, run: Run) -> bool:
        """Whether what was taken then is what that run has."""
        if (row.source, row.file) == (run.id, source.file):
            return True
        content = self._known.sources.content(self._user, run.id, source.file)
        return content is not None and content[0] == row.sha256

    def _shown(self, found: Simulation, code: Declaration) -> dict[str, Source]:
        try:
            return sources_of(code.values(found.inputs, found.files))
        except InvalidRequest:
            return sources_of(found.inputs)

    def _standing(self, found: Simulation, name: str, source: Source, model: str) -> Standing:
        look = self.look(source)
        last = self._known.sources.last(self._user, found.id, name, model)
        if last is not None and (last.simulation, last.model, last.file) != (source.simulation, source.model, source.file):
            last = None
        why = look.why
        if look.run is not None and state_of(why) != GONE:
            if not self._has(look.run, source.file):
                why = "file"
            elif not why and last is not None and not self._same(last, source, look.run):
                why = "newer-run"
        title = last.title if why == "simulation" and last is not None else look.title
        return Standing(input=name, source=source, look=look, why=why, title=title, last=last)

    def _has(self, run: Run, file: str) -> bool:
        if self._known.sources.content(self._user, run.id, file) is not None:
            return True
        try:
            with opened(self._known.door, RunFile(user=self._user, run=run.id, path=file, length=1), patience=_GLANCE):
                return True
        except NotFound:
            return False
        except SimyardError:
            return True  # nobody can say at the moment

    def _filled(self, found: Simulation, values: dict[str, Any], content: Content) -> Given:
        files = {name: ref.sha256 for name, ref in found.files.items()}
        given = Given(inputs=dict(values), files=files)
        called: dict[Source, str] = {}
        for name, source in sources_of(values).items():
            look = self.look(source)
            if look.run is None or state_of(look.why) == GONE:
                raise _nothing(look.why, name, look, source)
            ref = content(look, source)
            if ref is None:
                raise LookupError(name)
            called[source] = called.get(source) or name_for(source.file, name, files)
            given.inputs[name] = called[source]
            files[called[source]] = ref.sha256
            given.sources.append((name, source, look, called[source], ref))
        return given

    def _remembered(self, look: Look, source: Source) -> FileRef | None:
        content = self._known.sources.content(self._user, look.run.id, source.file) if look.run is not None else None
        return None if content is None else FileRef(sha256=content[0], size=content[1])

    def _take(self, look: Look, source: Source) -> FileRef:
        assert look.run is not None
        blobs = self._known.blobs(self._user)
        if (ref := self._remembered(look, source)) is not None:
            try:
                return blobs.find(ref.sha256)
            except NotFound:
                pass  # somebody has tidied up by hand: it is fetched again
        limit, room = self._known.config.web.upload_limit, self._known.rooms.of(self._user)
        try:
            with opened(self._known.door, RunFile(user=self._user, run=look.run.id, path=source.file)) as stream:
                reading = cast("BinaryIO", _Reading(stream))
                ref = blobs.write(reading, max(0, min(limit, room.left)), self._known.randomness)
        except NotFound:
            raise _nothing("file", "", look, source) from None
        except TooLarge:
            if room.left < limit:
                raise room.refusal() from None
            raise TooLarge(
                "too-large",
                f"{source.file} of “{look.title}” is larger than the limit of {limit} bytes; nothing of it was kept. {RAISE}",
                {"limit": limit},
            ) from None
        self._known.rooms.took(self._user, ref.size)
        return ref

    def _wrong(self, source: Source) -> str:
        """What is wrong with a source that is chosen now; "" for nothing."""
        try:
            found = self._known.simulations.get(self._user, source.simulation)
        except NotFound as error:
            return error.detail
        if found.deleted is not None:
            return words("bin", found.name, source.model, source.file)
        code = self._known.shelf.codes().get(found.code)
        models = () if code is None else tuple(code.models)
        if source.model not in models:
            return f"“{found.name}” has no model called {source.model!r}; it has {', '.join(models) or 'none'}."
        return ""

    def _sources_of(self, simulation: str) -> Iterable[Source]:
        try:
            return sources_of(self._known.simulations.get(self._user, simulation).inputs).values()
        except NotFound:
            return ()

    def _name_of(self, simulation: str) -> str:
        try:
            return self._known.simulations.get(self._user, simulation).name
        except NotFound:
            return simulation


def _nothing(why: str, name: str, look: Look, source: Source) -> Conflict:
    """What answers a run whose source has nothing to give."""
    code = f"source-{state_of(why)}"
    return Conflict(code, words(why, look.title, look.model or source.model, source.file), {"input": name, "why": why})


class _Reading:
    """A stream, read like a file."""

    def __init__(self, stream: Stream) -> None:
        self._chunks: Iterator[bytes] = iter(stream)

    def read(self, _: int) -> bytes:
        # a piece may be empty, and is then not the end
        return next((chunk for chunk in self._chunks if chunk), b"")
