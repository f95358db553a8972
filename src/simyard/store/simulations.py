"""Web's store of simulations: what they are now, and every save of them, named by its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from simyard.errors import Conflict, NotFound, PreconditionFailed
from simyard.store.engine import reading, writing
from simyard.store.web_tables import revision, save, simulation, used


@dataclass(frozen=True, kw_only=True)
class FileRef:
    """A file's content: its SHA-256 in hex, and its size in bytes."""

    sha256: str
    size: int


Files = Mapping[str, FileRef]


@dataclass(frozen=True, kw_only=True)
class Simulation:
    """A user's named set of inputs for one code. `revision` names (inputs, files); `version` rises with every change;
    `folder` is "a/b" for one within another; `deleted` says since when it lies in the bin; times in seconds since the epoch."""

    id: str
    user: str
    name: str
    code: str
    inputs: Mapping[str, Any]
    files: Files
    revision: str
    version: int
    created: float
    updated: float
    folder: str = ""
    tags: tuple[str, ...] = ()
    deleted: float | None = None


@dataclass(frozen=True, kw_only=True)
class Saved:
    """One save of a simulation, counted from 1. `restores`: the number of the save that this one went back to."""

    n: int
    revision: str
    saved: float
    inputs: Mapping[str, Any]
    files: Files
    restores: int | None = None


def revision_id(inputs: Mapping[str, Any], files: Files) -> str:
    """The name of a content: SHA-256 of the canonical JSON of (inputs, files), where a file counts by its own SHA-256."""
    what = [dict(inputs), {name: ref.sha256 for name, ref in files.items()}]
    return hashlib.sha256(json.dumps(what, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")).hexdigest()


_CURRENT = sa.select(simulation, revision.c.inputs, revision.c.files).join(
    revision, (revision.c.simulation == simulation.c.id) & (revision.c.id == simulation.c.revision)
)

_SAVES = sa.select(save.c.n, save.c.revision, save.c.saved, save.c.restores, revision.c.inputs, revision.c.files).join(
    revision, (revision.c.simulation == save.c.simulation) & (revision.c.id == save.c.revision)
)


class SimulationStore:
    """Simulations by their owner: another user's is not found. Every method raises StoreError when the database cannot."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def create(self, new: Simulation) -> None:
        """The simulation is stored, as its own first save."""
        names = ("id", "user", "name", "code", "revision", "version", "created", "updated", "folder")
        row = {**{name: getattr(new, name) for name in names}, "tags": _tags(new.tags)}
        with writing(self._engine) as connection:
            connection.execute(simulation.insert(), row)
            _save(connection, new, 1)

    def get(self, user: str, simulation_id: str) -> Simulation:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            return _get(connection, user, simulation_id)

    def page(
        self,
        user: str,
        limit: int,
        cursor: str = "",
        code: str = "",
        *,
        tag: str = "",
        folder: str = "",
        deleted: bool = False,
        brief: bool = False,
    ) -> list[Simulation]:
        """The user's simulations, newest first: those with ids before `cursor` ("" from the newest), with this code, with this tag,
        in this folder or deeper; those in the bin, or those that are not. With `brief` without inputs and files: quick, however large."""
        query = (sa.select(simulation) if brief else _CURRENT).where(simulation.c.user == user)
        query = query.where(simulation.c.deleted.is_not(None) if deleted else simulation.c.deleted.is_(None))
        if code:
            query = query.where(simulation.c.code == code)
        if cursor:
            query = query.where(simulation.c.id < cursor)
        if tag:
            # LIKE would compare without regard to case, on SQLite only
            query = query.where(sa.func.replace(simulation.c.tags, json.dumps(tag, ensure_ascii=False), "") != simulation.c.tags)
        if folder:
            inside = f"{folder}/"
            query = query.where((simulation.c.folder == folder) | (sa.func.substr(simulation.c.folder, 1, len(inside)) == inside))
        with reading(self._engine) as connection:
            found = connection.execute(query.order_by(simulation.c.id.desc()).limit(limit))
            return [_read(row, brief=brief) for row in found]

    def change(
        self,
        user: str,
        simulation_id: str,
        now: float,
        *,
        version: int,
        name: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        files: Files | None = None,
        folder: str | None = None,
        tags: tuple[str, ...] | None = None,
        restores: int | None = None,
    ) -> Simulation:
        """The simulation as it is with these changes, saved, with the number of the save that they go back to. Raises NotFound, Conflict where it lies in the bin, and
        PreconditionFailed where it is no longer at `version`. What changes nothing saves nothing; what only puts it in order
        (folder and tags) does not make it a simulation that was changed just now."""
        with writing(self._engine) as connection:
            old = _get(connection, user, simulation_id)
            if old.deleted is not None:
                raise in_bin(old)
            if old.version != version:
                raise _changed(old)
            new_inputs, new_files = old.inputs if inputs is None else inputs, old.files if files is None else files
            new = Simulation(
                id=old.id,
                user=user,
                name=old.name if name is None else name,
                code=old.code,
                inputs=new_inputs,
                files=new_files,
                revision=revision_id(new_inputs, new_files),
                version=old.version + 1,
                created=old.created,
                updated=old.updated,
                folder=old.folder if folder is None else folder,
                tags=old.tags if tags is None else tags,
            )
            if (new.name, new.revision) != (old.name, old.revision):
                new = replace(new, updated=now)
            elif (new.folder, new.tags) == (old.folder, old.tags):
                return old
            values = {
                "name": new.name,
                "revision": new.revision,
                "version": new.version,
                "updated": new.updated,
                "folder": new.folder,
                "tags": _tags(new.tags),
            }
            # the version is compared once more by the statement itself: on PostgreSQL two may have read the same row
            mine = (simulation.c.id == old.id) & (simulation.c.version == version)
            if connection.execute(simulation.update().where(mine).values(values)).rowcount != 1:
                raise _changed(old)
            if new.revision != old.revision:
                last = connection.execute(sa.select(sa.func.max(save.c.n)).where(save.c.simulation == old.id)).scalar_one()
                _save(connection, new, last + 1, restores)
            return new

    def put_in_bin(self, user: str, simulation_id: str, now: float, version: int) -> Simulation:
        """The simulation, in the bin since `now`, or since when it is there. Raises NotFound; PreconditionFailed where it is
        not at `version`."""
        return self._bin(user, simulation_id, now, version)

    def take_from_bin(self, user: str, simulation_id: str) -> Simulation:
        """The simulation, in the bin no more. Raises NotFound."""
        return self._bin(user, simulation_id, None, None)

    def _bin(self, user: str, simulation_id: str, deleted: float | None, version: int | None) -> Simulation:
        with writing(self._engine) as connection:
            old = _get(connection, user, simulation_id)
            if (old.deleted is None) == (deleted is None):
                return old
            new = replace(old, deleted=deleted, version=old.version + 1)
            mine = (simulation.c.id == old.id) & (simulation.c.version == (old.version if version is None else version))
            done = connection.execute(simulation.update().where(mine).values(deleted=deleted, version=new.version))
            if done.rowcount != 1:
                raise _changed(old)
        return new

    def binned_before(self, moment: float, limit: int) -> list[tuple[str, str]]:
        """(user, id) of what has lain in the bin since before `moment`, the oldest first, of all users."""
        query = sa.select(simulation.c.user, simulation.c.id).where(simulation.c.deleted < moment)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(simulation.c.deleted).limit(limit)).all()
        return [(row.user, row.id) for row in rows]

    def delete(self, user: str, simulation_id: str, version: int | None = None, *, binned: bool = False) -> list[str]:
        """The simulation and all its saves are gone; the answer is the contents (SHA-256) that they named.
        Raises NotFound; PreconditionFailed where it is not at `version`, or (`binned`) not in the bin."""
        with writing(self._engine) as connection:
            old = _get(connection, user, simulation_id)
            if (version is not None and old.version != version) or (binned and old.deleted is None):
                raise _changed(old)
            contents = list(connection.execute(sa.select(used.c.sha256).where(used.c.simulation == old.id)).scalars())
            connection.execute(simulation.delete().where(simulation.c.id == old.id))
        return contents

    def saves(self, user: str, simulation_id: str, limit: int, before: int = 0) -> list[Saved]:
        """The saves of a simulation, newest first: those before number `before` (0: from the newest). Raises NotFound."""
        query = _SAVES.where(save.c.simulation == simulation_id)
        if before:
            query = query.where(save.c.n < before)
        with reading(self._engine) as connection:
            _get(connection, user, simulation_id)
            return [_read_save(row) for row in connection.execute(query.order_by(save.c.n.desc()).limit(limit))]

    def saved(self, user: str, simulation_id: str, n: int) -> Saved:
        """One save. Raises NotFound."""
        with reading(self._engine) as connection:
            _get(connection, user, simulation_id)
            row = connection.execute(_SAVES.where(save.c.simulation == simulation_id, save.c.n == n)).first()
        if row is None:
            raise NotFound("unknown-save", f"The simulation has no save number {n}.")
        return _read_save(row)


def _get(connection: sa.Connection, user: str, simulation_id: str) -> Simulation:
    row = connection.execute(_CURRENT.where(simulation.c.id == simulation_id, simulation.c.user == user)).first()
    if row is None:
        raise NotFound("unknown-simulation", f"There is no simulation {simulation_id[:60]!r}.")
    return _read(row)


def _read_save(row: Any) -> Saved:
    return Saved(
        n=row.n,
        revision=row.revision,
        saved=row.saved,
        inputs=json.loads(row.inputs),
        files=_files(row.files),
        restores=row.restores,
    )


def _read(row: Any, *, brief: bool = False) -> Simulation:
    return Simulation(
        id=row.id,
        user=row.user,
        name=row.name,
        code=row.code,
        inputs={} if brief else json.loads(row.inputs),
        files={} if brief else _files(row.files),
        revision=row.revision,
        version=row.version,
        created=row.created,
        updated=row.updated,
        folder=row.folder,
        tags=tuple(json.loads(row.tags)),
        deleted=row.deleted,
    )


def _tags(tags: tuple[str, ...]) -> str:
    return json.dumps(tags, ensure_ascii=False)


def _files(text: str) -> dict[str, FileRef]:
    return {name: FileRef(sha256=sha256, size=size) for name, (sha256, size) in json.loads(text).items()}


def _save(connection: sa.Connection, what: Simulation, n: int, restores: int | None = None) -> None:
    known = sa.select(revision.c.id).where(revision.c.simulation == what.id, revision.c.id == what.revision)
    if connection.execute(known).first() is None:
        files = json.dumps({name: [ref.sha256, ref.size] for name, ref in what.files.items()})
        row = {"simulation": what.id, "id": what.revision, "inputs": json.dumps(dict(what.inputs)), "files": files}
        connection.execute(revision.insert(), row)
        kept = set(connection.execute(sa.select(used.c.sha256).where(used.c.simulation == what.id)).scalars())
        for sha256 in sorted({ref.sha256 for ref in what.files.values()} - kept):
            connection.execute(used.insert(), {"user": what.user, "sha256": sha256, "simulation": what.id})
    values = {"simulation": what.id, "n": n, "revision": what.revision, "saved": what.updated, "restores": restores}
    connection.execute(save.insert(), values)


def in_bin(old: Simulation) -> Conflict:
    """What answers a change or a run of a simulation that lies in the bin."""
    return Conflict("simulation-deleted", f"“{old.name}” lies in the bin: restore it first (POST /simulations/{old.id}/restore).")


def _changed(old: Simulation) -> PreconditionFailed:
    return PreconditionFailed(
        "changed-meanwhile",
        "Somebody else has changed this simulation: read it again, then repeat your change.",
        {"etag": f'"{old.version}"'},
    )
