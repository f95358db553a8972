"""The supervisor's store: runs, what they execute, and agents. One transaction a batch; every lookup is by an index.

Synchronous, and safe to use from several threads at once (each call takes a connection of its own from the engine's pool).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from simyard.protocol.jobs import Run, RunSpec, State
from simyard.protocol.wire import from_plain, to_plain
from simyard.store.engine import reading, writing
from simyard.store.jobs_tables import ACTIVE, agent, run, spec
from simyard.store.records import AgentRecord, Batch

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
            if runs:
                connection.execute(self._save_run, runs)
            if specs:
                connection.execute(self._save_spec, specs)
            if agents:
                connection.execute(self._save_agent, agents)
            for gone in batch.agents_gone:
                connection.execute(agent.delete().where(agent.c.id == gone))

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
                    found[run_id] = from_plain(RunSpec, json.loads(data))
        return found

    def active(self) -> list[Run]:
        """All runs that are not final, in order of queueing."""
        return self._runs(_RUN.where(ACTIVE).order_by(run.c.queued, run.c.id))

    def page(self, user: str, limit: int, cursor: str = "", simulation: str = "", model: str = "", state: str = "") -> list[Run]:
        """A user's runs, newest first: those with ids before `cursor` ("" from the newest), "" matching everything."""
        query = _RUN.where(run.c.user == user)
        chosen = False  # one index is walked, that of what narrows most: the rest must not look like an index to SQLite
        for column, wanted in ((run.c.simulation, simulation), (run.c.model, model), (run.c.state, state)):
            if wanted:
                query = query.where((column.concat("") if chosen else column) == wanted)
                chosen = True
        if cursor:
            query = query.where(run.c.id < cursor)
        return self._runs(query.order_by(run.c.id.desc()).limit(limit))

    def changed_after(self, user: str | None, after: int, limit: int) -> list[Run]:
        """The runs (of one user, or of all for None) that changed after change number `after`, as they are now, oldest
        change first."""
        query = _RUN.where(run.c.change > after)
        if user is not None:
            query = query.where(run.c.user == user)
        return self._runs(query.order_by(run.c.change).limit(limit))

    def last_change(self) -> int:
        """The number of the newest change; 0 before the first."""
        with reading(self._engine) as connection:
            return connection.execute(sa.select(sa.func.max(run.c.change))).scalar() or 0

    def find_completed(self, user: str, identity: str) -> Run | None:
        """The newest completed run of the user that computed this."""
        query = _RUN.where(run.c.user == user, run.c.identity == identity, run.c.state == State.COMPLETED.value)
        found = self._runs(query.order_by(run.c.id.desc()).limit(1))
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

    def _runs(self, query: sa.Select[Any]) -> list[Run]:
        with reading(self._engine) as connection:
            texts = connection.execute(query).scalars().all()
        return [from_plain(Run, json.loads(text)) for text in texts]


_RUN = sa.select(run.c.data)


def _dump(plain: Any) -> str:
    # ASCII: whatever a code or a user wrote (NUL, half a surrogate pair) is a text that every database takes
    return json.dumps(plain, separators=(",", ":"), allow_nan=False)


def _run_row(what: Run) -> dict[str, Any]:
    return {
        "id": what.id,
        "user": what.user,
        "simulation": what.simulation,
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
