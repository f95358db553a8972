"""Web's store of what runs have taken from others: which file of which run was given to which input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from simyard.store.engine import reading, writing
from simyard.store.web_tables import taken


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A run of (`taker`, `job`) was given, as `name` in its folder and for its `input`, the `file` of the run `source`, which was one of
    (`simulation`, `model`). `title` is what that simulation was called, `at` when it was taken (seconds since the epoch); `size` in bytes."""

    run: str
    input: str
    taker: str
    job: str
    simulation: str
    model: str
    file: str
    source: str
    title: str
    name: str
    sha256: str
    size: int
    at: float


_NAMES = tuple(Taken.__dataclass_fields__)
_KEY = ("run", "input", "taker", "source", "file")


class SourceStore:
    """What was taken, by its owner: another user's is not found. Every method raises StoreError when the database cannot.

    A run that has computed the same before may be the answer to several starts, each of which took the same content of another run: it
    has then a row for each of them."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def add(self, user: str, some: Sequence[Taken]) -> None:
        """These are stored; what was taken just so before is as new."""
        try:
            self._add(user, some)
        except sa.exc.IntegrityError:
            self._add(user, some)  # the same run was the answer to somebody else in between, on PostgreSQL

    def _add(self, user: str, some: Sequence[Taken]) -> None:
        with writing(self._engine) as connection:
            for one in some:
                row = {"user": user, **asdict(one)}
                same = [taken.c[name] == row[name] for name in ("user", *_KEY)]
                if connection.execute(taken.update().where(*same).values(at=one.at)).rowcount == 0:
                    connection.execute(taken.insert(), {**row, "first": one.at})

    def of_run(self, user: str, run: str) -> list[Taken]:
        """What a run was given, by its inputs; of each that which was taken first."""
        query = _TAKEN.where(taken.c.user == user, taken.c.run == run).order_by(taken.c.input, taken.c.first)
        found: dict[str, Taken] = {}
        for one in self._all(query):
            found.setdefault(one.input, one)
        return list(found.values())

    def all_of_run(self, user: str, run: str) -> list[Taken]:
        """As `of_run`, with each other run that has the same content."""
        return self._all(_TAKEN.where(taken.c.user == user, taken.c.run == run))

    def last(self, user: str, taker: str, input_name: str, job: str = "") -> Taken | None:
        """What a simulation has taken last for this input, for a run of this model or of any."""
        query = _TAKEN.where(taken.c.user == user, taken.c.taker == taker, taken.c.input == input_name)
        if job:
            query = query.where(taken.c.job == job)
        found = self._all(query.order_by(taken.c.at.desc(), taken.c.run.desc()).limit(1))
        return found[0] if found else None

    def content(self, user: str, source: str, file: str) -> tuple[str, int] | None:
        """SHA-256 and size of a file of a completed run, where it was ever taken: its content is then among the user's."""
        query = sa.select(taken.c.sha256, taken.c.size).where(
            taken.c.user == user, taken.c.source == source, taken.c.file == file
        )
        with reading(self._engine) as connection:
            row = connection.execute(query.limit(1)).first()
        return None if row is None else (row.sha256, row.size)

    def delete(self, user: str, run: str) -> list[str]:
        """Nothing is known of what that run took; the answer is the contents (SHA-256) that it named."""
        mine = (taken.c.user == user) & (taken.c.run == run)
        with writing(self._engine) as connection:
            contents = list(connection.execute(sa.select(taken.c.sha256).where(mine).distinct()).scalars())
            connection.execute(taken.delete().where(mine))
        return contents

    def _all(self, query: sa.Select[Any]) -> list[Taken]:
        with reading(self._engine) as connection:
            return [Taken(**row) for row in connection.execute(query).mappings()]


_TAKEN = sa.select(*(taken.c[name] for name in _NAMES))
