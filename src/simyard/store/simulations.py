"""Web's store of simulations: what they are now, and every save of them, named by its content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from simyard.errors import NotFound, PreconditionFailed
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
    times in seconds since the epoch."""

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


@dataclass(frozen=True, kw_only=True)
class Saved:
    """One save of a simulation, counted from 1."""

    n: int
    revision: str
    saved: float
    inputs: Mapping[str, Any]
    files: Files


def revision_id(inputs: Mapping[str, Any], files: Files) -> str:
    """The name of a content: SHA-256 of the canonical JSON of (inputs, files), where a file counts by its own SHA-256."""
    what = [dict(inputs), {name: ref.sha256 for name, ref in files.items()}]
    return hashlib.sha256(json.dumps(what, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")).hexdigest()


_CURRENT = sa.select(simulation, revision.c.inputs, revision.c.files).join(
    revision, (revision.c.simulation == simulation.c.id) & (revision.c.id == simulation.c.revision)
)


class SimulationStore:
    """Simulations by their owner: another user's is not found. Every method raises StoreError when the database cannot."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def create(self, new: Simulation) -> None:
        """The simulation is stored, as its own first save."""
        row = {c.name: getattr(new, c.name) for c in simulation.c}
        with writing(self._engine) as connection:
            connection.execute(simulation.insert(), row)
            _save(connection, new, 1)

    def get(self, user: str, simulation_id: str) -> Simulation:
        """Raises NotFound."""
        with reading(self._engine) as connection:
            return _get(connection, user, simulation_id)

    def page(self, user: str, limit: int, cursor: str = "", code: str = "") -> list[Simulation]:
        """The user's simulations, newest first: those with ids before `cursor` ("" from the newest)."""
        query = _CURRENT.where(simulation.c.user == user)
        if code:
            query = query.where(simulation.c.code == code)
        if cursor:
            query = query.where(simulation.c.id < cursor)
        with reading(self._engine) as connection:
            return [_read(row) for row in connection.execute(query.order_by(simulation.c.id.desc()).limit(limit))]

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
    ) -> Simulation:
        """The simulation as it is with these changes, saved. Raises NotFound, and PreconditionFailed where it is no longer
        at `version`. What changes nothing saves nothing."""
        with writing(self._engine) as connection:
            old = _get(connection, user, simulation_id)
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
                updated=now,
            )
            if (new.name, new.revision) == (old.name, old.revision):
                return old
            values = {"name": new.name, "revision": new.revision, "version": new.version, "updated": now}
            # the version is compared once more by the statement itself: on PostgreSQL two may have read the same row
            mine = (simulation.c.id == old.id) & (simulation.c.version == version)
            if connection.execute(simulation.update().where(mine).values(values)).rowcount != 1:
                raise _changed(old)
            if new.revision != old.revision:
                last = connection.execute(sa.select(sa.func.max(save.c.n)).where(save.c.simulation == old.id)).scalar_one()
                _save(connection, new, last + 1)
            return new

    def delete(self, user: str, simulation_id: str, version: int | None = None) -> list[str]:
        """The simulation and all its saves are gone; the answer is the contents (SHA-256) that they named.
        Raises NotFound; PreconditionFailed where it is not at `version`."""
        with writing(self._engine) as connection:
            old = _get(connection, user, simulation_id)
            if version is not None and old.version != version:
                raise _changed(old)
            contents = list(connection.execute(sa.select(used.c.sha256).where(used.c.simulation == old.id)).scalars())
            connection.execute(simulation.delete().where(simulation.c.id == old.id))
        return contents

    def saves(self, user: str, simulation_id: str, limit: int, before: int = 0) -> list[Saved]:
        """The saves of a simulation, newest first: those before number `before` (0: from the newest). Raises NotFound."""
        query = (
            sa.select(save.c.n, save.c.revision, save.c.saved, revision.c.inputs, revision.c.files)
            .join(revision, (revision.c.simulation == save.c.simulation) & (revision.c.id == save.c.revision))
            .where(save.c.simulation == simulation_id)
        )
        if before:
            query = query.where(save.c.n < before)
        with reading(self._engine) as connection:
            _get(connection, user, simulation_id)
            rows = connection.execute(query.order_by(save.c.n.desc()).limit(limit)).all()
        return [
            Saved(n=row.n, revision=row.revision, saved=row.saved, inputs=json.loads(row.inputs), files=_files(row.files))
            for row in rows
        ]


def _get(connection: sa.Connection, user: str, simulation_id: str) -> Simulation:
    row = connection.execute(_CURRENT.where(simulation.c.id == simulation_id, simulation.c.user == user)).first()
    if row is None:
        raise NotFound("unknown-simulation", f"There is no simulation {simulation_id[:60]!r}.")
    return _read(row)


def _read(row: Any) -> Simulation:
    return Simulation(
        id=row.id,
        user=row.user,
        name=row.name,
        code=row.code,
        inputs=json.loads(row.inputs),
        files=_files(row.files),
        revision=row.revision,
        version=row.version,
        created=row.created,
        updated=row.updated,
    )


def _files(text: str) -> dict[str, FileRef]:
    return {name: FileRef(sha256=sha256, size=size) for name, (sha256, size) in json.loads(text).items()}


def _save(connection: sa.Connection, what: Simulation, n: int) -> None:
    known = sa.select(revision.c.id).where(revision.c.simulation == what.id, revision.c.id == what.revision)
    if connection.execute(known).first() is None:
        files = json.dumps({name: [ref.sha256, ref.size] for name, ref in what.files.items()})
        row = {"simulation": what.id, "id": what.revision, "inputs": json.dumps(dict(what.inputs)), "files": files}
        connection.execute(revision.insert(), row)
        kept = set(connection.execute(sa.select(used.c.sha256).where(used.c.simulation == what.id)).scalars())
        for sha256 in sorted({ref.sha256 for ref in what.files.values()} - kept):
            connection.execute(used.insert(), {"user": what.user, "sha256": sha256, "simulation": what.id})
    connection.execute(save.insert(), {"simulation": what.id, "n": n, "revision": what.revision, "saved": what.updated})


def _changed(old: Simulation) -> PreconditionFailed:
    return PreconditionFailed(
        "changed-meanwhile",
        "Somebody else has changed this simulation: read it again, then repeat your change.",
        {"etag": f'"{old.version}"'},
    )
