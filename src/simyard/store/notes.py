"""Web's store of notes: what a user has written on a run, and whether it is pinned.

Every look at a run asks for its note, so that all notes of a user are kept in memory, where this process is the only one
that writes them (`alone`) and they are not too many.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from simyard.store.engine import reading, writing
from simyard.store.web_tables import note

#: Notes of a user are kept in memory up to so many, and so many characters; of so many users.
MAX_NOTES, MAX_TEXT, MAX_USERS = 2000, 2 << 20, 100
#: How many runs one SELECT may name (SQLite's oldest limit of parameters is 999).
_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Note:
    """`updated` is when it was written last (seconds since the epoch); None for a run on which nothing ever was."""

    name: str = ""
    text: str = ""
    pinned: bool = False
    updated: float | None = None


NONE = Note()


class NoteStore:
    """Notes by their owner and run. Whether there is such a run, the caller knows. Every method raises StoreError."""

    def __init__(self, engine: sa.Engine, *, alone: bool) -> None:
        self._engine, self._alone = engine, alone
        self._kept: OrderedDict[str, dict[str, Note] | None] = OrderedDict()
        self._writes = 0

    def of(self, user: str, run: str) -> Note:
        """The note on that run."""
        return self.of_all(user, (run,)).get(run, NONE)

    def of_all(self, user: str, runs: Iterable[str]) -> Mapping[str, Note]:
        """The notes on these runs, those that there are (and maybe others)."""
        if self._alone and (kept := self._all(user)) is not None:
            return kept
        wanted, found = list(runs), {}
        with reading(self._engine) as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                query = _OF_USER.where(note.c.user == user, note.c.run.in_(wanted[start : start + _AT_ONCE]))
                found.update({row.run: _note(row) for row in connection.execute(query)})
        return found

    def change(
        self, user: str, run: str, now: float, *, name: str | None = None, text: str | None = None, pinned: bool | None = None
    ) -> Note:
        """The note on that run with these changes, stored."""
        values = {"name": name, "text": text, "pinned": pinned}
        changes: dict[str, Any] = {key: value for key, value in values.items() if value is not None}
        mine = (note.c.user == user) & (note.c.run == run)
        with writing(self._engine) as connection:
            row = connection.execute(_OF_USER.where(mine)).first()
            old = NONE if row is None else _note(row)
            if row is None:
                connection.execute(note.insert(), {"user": user, "run": run, "updated": now, **_plain(old), **changes})
            elif changes:
                connection.execute(note.update().where(mine).values(updated=now, **changes))
        new = replace(old, updated=now, **changes)
        self._writes += 1
        if (kept := self._kept.get(user)) is not None:
            kept[run] = new
            if not _is_few(kept.values()):
                self._kept[user] = None
        return new

    def delete(self, user: str, run: str) -> None:
        """Nothing is written on that run any more."""
        with writing(self._engine) as connection:
            connection.execute(note.delete().where(note.c.user == user, note.c.run == run))
        self._writes += 1
        if (kept := self._kept.get(user)) is not None:
            kept.pop(run, None)

    def _all(self, user: str) -> dict[str, Note] | None:
        """All notes of the user; None where they are too many to keep."""
        if user in self._kept:
            return self._kept[user]
        before = self._writes
        with reading(self._engine) as connection:
            rows = connection.execute(_OF_USER.where(note.c.user == user).limit(MAX_NOTES + 1)).all()
        notes = {row.run: _note(row) for row in rows}
        found = notes if _is_few(notes.values()) else None
        if self._writes == before:  # else somebody wrote while this was read
            self._kept[user] = found
            if len(self._kept) > MAX_USERS:
                self._kept.popitem(last=False)
        return found


_OF_USER = sa.select(note.c.run, note.c.name, note.c.text, note.c.pinned, note.c.updated)


def _is_few(notes: Collection[Note]) -> bool:
    return len(notes) <= MAX_NOTES and sum(len(one.text) for one in notes) <= MAX_TEXT


def _note(row: Any) -> Note:
    return Note(name=row.name, text=row.text, pinned=bool(row.pinned), updated=row.updated)


def _plain(one: Note) -> dict[str, Any]:
    return {"name": one.name, "text": one.text, "pinned": one.pinned}
