"""The supervisor's store: runs, what they execute, and agents. One transaction a batch; every lookup is by an index.

Synchronous, and safe to use from several threads at once (each call takes a connection of its own from the engine's pool).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from simyard.errors import ProtocolError
from simyard.protocol.jobs import Run, RunSpec, State
from simyard.protocol.wire import from_plain, to_plain
from simyard.store.engine import reading, writing
from simyard.store.jobs_tables import ACTIVE, LEFT, agent, deleted, run, spec
from simyard.store.records import AgentRecord, Batch, Deleted

log = logging.getLogger(__name__)
T = TypeVar("T")
#: How many ids one SELECT may name (SQLite's oldest limit of parameters is 999).
_AT_ONCE = 500


class RunStore:
    """What the supervisor keeps. Every method raises StoreError when the database cannot do it."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        insert: Any = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert
        new = insert(run)
        # what can change: everything else of a run is fixed when it is made, and its indexes need no touching
        self._save_run = new.on_conflict_do_update(
            index_elements=[run.c.id], set_={name: new.excluded[name] for name in ("state", "queued", "change", "data")}
        )
        self._save_spec = insert(spec).on_conflict_do_nothing(index_elements=[spec.c.run])
        new = insert(agent)
        self._save_agent = new.on_conflict_do_update(
            index_elements=[agent.c.id], set_={c.name: new.excluded[c.name] for c in agent.c if c.name != "id"}
        )

    def commit(self, batch: Batch) -> None:
        """Everything of the batch becomes durable, in one transaction, or nothing does. A spec is written once: a second
        one for the same run is ignored."""
        runs = [_run_row(r) for r in batch.runs.values()]
        specs = [{"run": s.run, "data": _dump(to_plain(s))} for s in batch.specs.values()]
        agents = [_agent_row(a) for a in batch.agents.values()]
        with writing(self._engine) as connection:
            if batch.deleted:  # first: a new run may have the idempotency key of one that is deleted
                _delete(connection, batch.deleted.values())
            if runs:
                connection.execute(self._save_run, runs)
            if specs:
                connection.execute(self._save_spec, specs)
            if agents:
                connection.execute(self._save_agent, agents)
            for gone in batch.agents_gone:
                connection.execute(agent.delete().where(agent.c.id == gone))
            for gone, at in batch.removed.items():
                connection.execute(deleted.update().where(deleted.c.run == gone).values(removed=at))

    def get(self, run_id: str) -> Run | None:
        """The run of that id."""
        found = self._runs(_RUN.where(run.c.id == run_id))
        return found[0] if found else None

    def specs(self, run_ids: Iterable[str]) -> dict[str, RunSpec]:
        """What these runs execute, by run id; a run that is not stored is left out."""
        wanted, found = list(run_ids), {}
        with reading(self._engine) as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                some = wanted[start : start + _AT_ONCE]
                for run_id, data in connection.execute(sa.select(spec.c.run, spec.c.data).where(spec.c.run.in_(some))):
                    if (one := _read(RunSpec, data, run_id)) is not None:
                        found[run_id] = one
        return found

    def active(self) -> list[Run]:
        """All runs that are not final, in order of queueing."""
        return self._runs(_RUN.where(ACTIVE).order_by(run.c.queued, run.c.id))

    def page(
        self, user: str, limit: int, cursor: str = "", simulation: str = "", model: str = "", state: str = "", code: str = ""
    ) -> list[Run]:
        """A user's runs, newest first: those with ids before `cursor` ("" from the newest), "" matching everything."""
        query = _RUN.where(run.c.user == user)
        chosen = False  # one index is walked, that of what narrows most: the rest must not look like an index to SQLite
        for column, wanted in ((run.c.simulation, simulation), (run.c.model, model), (run.c.code, code), (run.c.state, state)):
            if wanted:
                query = query.where((column.concat("") if chosen else column) == wanted)
                chosen = True
        if cursor:
            query = query.where(run.c.id < cursor)
        return self._runs(query.order_by(run.c.id.desc()).limit(limit))

    def happened_after(self, user: str | None, after: int, limit: int) -> list[Run | Deleted]:
        """What happened (to one user's runs, or to all for None) after change number `after`, oldest first: a run as it is
        now, or that it was deleted."""
        # one statement, so that both halves see one moment on every database
        kept = sa.select(run.c.change, run.c.data, *(self._none(deleted.c[name]) for name in ("run", "user", "target", "at")))
        lost = sa.select(deleted.c.change, self._none(run.c.data), deleted.c.run, deleted.c.user, deleted.c.target, deleted.c.at)
        halves = []
        for half, table in ((kept, run), (lost, deleted)):
            chosen = half.where(table.c.change > after)
            if user is not None:
                chosen = chosen.where(table.c.user == user)
            halves.append(sa.select(chosen.order_by(table.c.change).limit(limit).subquery()))
        both = sa.union_all(*halves).subquery()
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(both).order_by(both.c.change).limit(limit)).all()
        told = [
            _read(Run, row.data, f"of change {row.change}")
            if row.data is not None
            else Deleted(run=row.run, user=row.user, target=row.target, change=row.change, at=row.at)
            for row in rows
        ]
        return [one for one in told if one is not None]

    def left_of(self, user: str, target: str, limit: int, among: Iterable[str] | None = None) -> list[str]:
        """Deleted runs of that user whose directories on that target may still be there, all or `among` these."""
        query = sa.select(deleted.c.run).where(deleted.c.user == user, deleted.c.target == target, LEFT)
        if among is not None:
            query = query.where(deleted.c.run.in_(list(among)))
        with reading(self._engine) as connection:
            return list(connection.execute(query.order_by(deleted.c.run).limit(limit)).scalars())

    def forget_deleted(self, before: float) -> None:
        """Deletions before that time that are done, directory and all, are forgotten; not the last, by whose number changes
        are counted on."""
        with writing(self._engine) as connection:
            last = connection.execute(sa.select(sa.func.max(deleted.c.change))).scalar() or 0
            old = (deleted.c.at < before) & deleted.c.removed.is_not(None) & (deleted.c.change < last)
            connection.execute(deleted.delete().where(old))

    def newest(self, limit: int) -> list[Run]:
        """The newest runs of everybody."""
        return self._runs(_RUN.order_by(run.c.id.desc()).limit(limit))

    def last_change(self) -> int:
        """The number of the newest change; 0 before the first."""
        with reading(self._engine) as connection:
            return max(connection.execute(sa.select(sa.func.max(table.c.change))).scalar() or 0 for table in (run, deleted))

    def find_completed(self, user: str, identity: str, simulation: str = "") -> Run | None:
        """The newest completed run of the user that computed this; one of that simulation, if there is one."""
        query = _RUN.where(run.c.user == user, run.c.identity == identity, run.c.state == State.COMPLETED.value)
        newest = query.order_by(run.c.id.desc()).limit(1)
        # one index is walked, that of the identity, whose rows are few: the other must not look like an index to SQLite
        own = newest.where(run.c.simulation.concat("") == simulation) if simulation else newest
        found = self._runs(own) or (self._runs(newest) if simulation else [])
        return found[0] if found else None

    def find_key(self, user: str, key: str) -> Run | None:
        """The run that the user's request with this idempotency key made; none for the key ""."""
        if not key:
            return None
        # said in full, because an index over some of the rows is used only where the query names the same rows
        found = self._runs(_RUN.where(run.c.user == user, run.c.key == key, sa.text("key <> ''")))
        return found[0] if found else None

    def agents(self) -> list[AgentRecord]:
        """All agents that were started and not yet dropped, the oldest first."""
        with reading(self._engine) as connection:
            rows = connection.execute(sa.select(agent).order_by(agent.c.started, agent.c.id)).mappings().all()
        return [_agent(row) for row in rows]

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()

    def _none(self, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
        """NULL in the place of a column. PostgreSQL wants to know of which type; SQLite, told that, would sort what is in order."""
        none: sa.ColumnElement[Any] = sa.null()
        return (sa.cast(none, column.type) if self._engine.dialect.name == "postgresql" else none).label(column.name)

    def _runs(self, query: sa.Select[Any]) -> list[Run]:
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [one for one in (_read(Run, row.data, row.id) for row in rows) if one is not None]


_RUN = sa.select(run.c.id, run.c.data)


def _read(cls: type[T], text: str, name: object) -> T | None:
    """What was written; None, and a word in the log, for what cannot be read: it must not hide everything else."""
    try:
        return from_plain(cls, json.loads(text))
    except (ValueError, RecursionError, ProtocolError) as error:
        log.error("the %s of run %s in the database cannot be read: %s", cls.__name__, name, error)  # noqa: TRY400 - the words say it all
        return None


def _delete(connection: sa.Connection, some: Iterable[Deleted]) -> None:
    for gone in some:
        connection.execute(run.delete().where(run.c.id == gone.run))
        connection.execute(spec.delete().where(spec.c.run == gone.run))
        row = {"run": gone.run, "user": gone.user, "target": gone.target, "change": gone.change, "at": gone.at}
        connection.execute(deleted.insert(), row)


def _dump(plain: Any) -> str:
    # ASCII: whatever a code or a user wrote (NUL, half a surrogate pair) is a text that every database takes
    return json.dumps(plain, separators=(",", ":"), allow_nan=False)


def _run_row(what: Run) -> dict[str, Any]:
    return {
        "id": what.id,
        "user": what.user,
        "simulation": what.simulation,
        "code": what.code,
        "model": what.model,
        "identity": what.identity,
        "state": what.state.value,
        "queued": what.queued,
        "change": what.change,
        "key": what.key,
        "data": _dump(to_plain(what)),
    }


def _agent_row(what: AgentRecord) -> dict[str, Any]:
    return {
        "id": what.id,
        "user": what.user,
        "target": what.target,
        "secret_hash": what.secret_hash,
        "handle": _dump(what.handle),
        "started": what.started,
    }


def _agent(row: Mapping[Any, Any]) -> AgentRecord:
    return AgentRecord(**{**row, "handle": json.loads(row["handle"])})
