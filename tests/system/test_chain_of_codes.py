"""A chain of real codes: the sequence that MAD-X has saved is what Xsuite computes, and both agree, before and after it was changed."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simyard.client.runs import RemoteRun
from tests.madx_environment import DATA, HOME
from tests.system.page_kit import Yard

# the first of them installs Xsuite, 420 MB
pytestmark = [pytest.mark.madx, pytest.mark.xsuite, pytest.mark.timeout(600)]
#: With its strengths in numbers, and its beam.
SAVED = 'set, format=".15g";\nsave, sequence=fodo, file="saved.seq", beam, noexpr;\n'
#: How well the two programs agree in a tune, which for thick dipoles is up to how each reckons them.
NEAR = 1e-7


@pytest.fixture(scope="module")
def yard(site_codes: Path, madx_python: Path, xsuite_python: Path) -> Iterator[Yard]:
    with tempfile.TemporaryDirectory(prefix="yard-") as folder:
        made = Yard(Path(folder) / "home", site_codes)
        (made.home / "envs").symlink_to(HOME / "envs")
        with made:
            yield made


def ring(folder: Path, strength: str) -> Path:
    """A MAD-X job in one file: the ring of the other tests, with that strength of its focusing quadrupoles."""
    text = "".join((DATA / name).read_text() for name in ("fodo.seq", "fodo.str"))
    job = (DATA / "fodo.madx").read_text()
    statements = [line for line in job.splitlines() if not line.startswith(("!", "call"))]
    folder.mkdir()
    (folder / "ring.madx").write_text("\n".join([text, f"kqf = {strength};", *statements, SAVED]))
    return folder / "ring.madx"


def run(yard: Yard, simulation: dict[str, Any]) -> RemoteRun:
    ended = yard.client.start(simulation["id"], "twiss").wait(240)
    assert ended.state == "completed", ended.reason
    return ended


def tunes(run: RemoteRun) -> list[float]:
    return [run.results["tune_x"], run.results["tune_y"]]


def states(yard: Yard, simulation: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["state"], one["why"]) for one in yard.client.sources(simulation["id"], "twiss")]


def test_the_tunes_of_both_agree_and_follow_a_change_of_the_first(yard: Yard, tmp_path: Path) -> None:
    client = yard.client
    optics = client.prepare("madx", name="optics", files=[ring(tmp_path / "one", "0.42")])
    tracking = client.create_simulation("xsuite", "tracking")
    tracking = client.link(tracking, "lattice", optics["id"], "saved.seq", model="twiss")
    assert states(yard, tracking) == [("nothing-yet", "no-run")]
    by_madx, by_xsuite = run(yard, optics), run(yard, tracking)
    assert by_xsuite.results["particle"] == "proton"  # of the file's beam: the simulation itself has nothing of it
    assert by_xsuite.results["circumference"] == pytest.approx(120)
    assert tunes(by_xsuite) == pytest.approx(tunes(by_madx), rel=NEAR)
    (taken,) = by_xsuite.inputs()["sources"]
    assert taken["run"] == by_madx.id
    assert states(yard, tracking) == [("current", "")]

    optics = client.prepare("madx", name="optics", files=[ring(tmp_path / "two", "0.45")])
    assert states(yard, tracking) == [("out-of-date", "edited")]
    changed = run(yard, optics)
    assert tunes(changed)[0] - tunes(by_madx)[0] > 0.05
    assert states(yard, tracking) == [("out-of-date", "newer-run")]
    anew = run(yard, tracking)
    assert tunes(anew) == pytest.approx(tunes(changed), rel=NEAR)
    assert states(yard, tracking) == [("current", "")]
    # the first run stays what it was, and of what it was
    assert (tunes(by_xsuite.refresh()), by_xsuite.inputs()["sources"]) == (tunes(by_xsuite), [taken])
