"""Stop 1, web: a run as it reads in the API: what the supervisor says of it, and what its user has written on it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simyard.protocol.jobs import Run
from simyard.store.notes import NONE
from simyard.web import present

if TYPE_CHECKING:
    from simyard.web.context import Services


def run_plain(known: Services, run: Run) -> present.Plain:
    """One run."""
    return present.run(run, known.shelf.codes(), known.notes.of(run.user, run.id))


def runs_plain(known: Services, runs: Sequence[Run]) -> list[present.Plain]:
    """Several runs of one user, whose notes are looked up together."""
    if not runs:
        return []
    codes, notes = known.shelf.codes(), known.notes.of_all(runs[0].user, [run.id for run in runs])
    return [present.run(run, codes, notes.get(run.id, NONE)) for run in runs]
