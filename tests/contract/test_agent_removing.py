"""What an agent does with the directories of deleted runs: nothing is left of them, nothing else is touched, and what runs stays."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from simyard.agent.place import Marker, Place
from simyard.agent.removing import remove
from simyard.errors import ProtocolError
from simyard.protocol import agents as talk
from simyard.protocol import ids, rundir
from tests.contract.agent_kit import Bench, bench

RUN = ids.ulid(1.7e9, os.urandom)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    made = Place(str(tmp_path / "user"), "local")
    made.make()
    return made


def a_directory(place: Place) -> Path:
    directory = Path(place.run_dir(RUN))
    (directory / "work/deep/er").mkdir(parents=True)
    (directory / "work/deep/er/file").write_text("x")
    (directory / rundir.LOCK).touch()
    return directory


def test_nothing_is_left_of_it_and_repeating_it_is_harmless(place: Place) -> None:
    a_directory(place)
    place.write_marker(Marker(run=RUN, epoch=1))
    assert remove(place, RUN)
    assert remove(place, RUN)
    assert os.listdir(place.runs) == os.listdir(place.active) == []


def test_what_was_begun_and_broken_off_is_finished(place: Place) -> None:
    a_directory(place).rename(Path(place.runs) / f".gone-{RUN}")
    a_directory(place)
    assert remove(place, RUN)
    assert os.listdir(place.runs) == []


def test_links_are_removed_and_what_they_point_to_stays(place: Place, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("x")
    directory = a_directory(place)
    (directory / "work/out").symlink_to(precious)
    assert remove(place, RUN)
    Path(place.run_dir(RUN)).symlink_to(precious)  # a code may have put it in the directory's own place
    assert remove(place, RUN)
    assert (precious / "file").read_text() == "x"
    assert os.listdir(place.runs) == []


def test_folders_that_a_code_has_closed_are_opened(place: Place) -> None:
    directory = a_directory(place)
    (directory / "work/deep").chmod(0)
    (directory / "work").chmod(0o500)
    assert remove(place, RUN)
    assert os.listdir(place.runs) == []


def test_what_is_no_runs_id_is_no_path(place: Place) -> None:
    with pytest.raises(ProtocolError):
        remove(place, "../../etc")


def test_an_agent_removes_what_it_is_told_to_and_never_what_runs(tmp_path: Path) -> None:
    async def story() -> None:
        async with bench(tmp_path) as at:
            await at.agent()
            done = at.start(do="nothing")
            await at.supervisor.finished(done)
            await at.settled()
            runs = at.start(do="frames", count=400, pause=0.05)
            await at.supervisor.until(lambda: at.supervisor.events.get(runs))
            missing = ids.ulid(1.7e9, os.urandom)
            at.supervisor.say(talk.RemoveRuns(runs=(done, missing)))
            await at.supervisor.until(lambda: at.supervisor.told(talk.RunsRemoved))
            assert at.supervisor.told(talk.RunsRemoved) == [talk.RunsRemoved(runs=(done, missing))]
            assert not at.directory(done).exists()
            assert at.directory(runs).is_dir()
            await still_runs(at, runs)

    asyncio.run(story())


async def still_runs(at: Bench, run: str) -> None:
    """A run that lives, as long as it lives, is not taken away under its feet: its process is stopped first."""
    at.supervisor.say(talk.RemoveRuns(runs=(run,)))
    await at.supervisor.until(lambda: len(at.supervisor.told(talk.RunsRemoved)) == 2)
    assert at.supervisor.told(talk.RunsRemoved)[1] == talk.RunsRemoved(runs=(run,))
    assert not at.directory(run).exists()
    await at.settled()
