"""The shelf reads codes anew when they change, and keeps what was last good of one that breaks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from simyard import config as settings
from simyard.codes import shelf as shelves
from simyard.codes.shelf import Shelf
from simyard.config import Config, WebConfig

TOML = 'title = "One"\n[models.go]\nkind = "quick"\n'
Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a file of the code `mine`; each time it is another one to whoever looks."""
    monkeypatch.setattr(shelves, "_PAUSE", 0.0)
    times = iter(range(1, 1000))

    def write(name: str, text: str) -> Path:
        path = tmp_path / "site" / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        os.utime(path, (1e9 + next(times),) * 2)
        return path

    write("code.toml", TOML)
    write("code.py", "def prepare(run):\n    return ['true']\n")
    return write


def a_shelf(tmp_path: Path, *, reload_codes: bool = True) -> Shelf:
    return Shelf(Config(home=tmp_path, codes_path=(tmp_path / "site",), web=WebConfig(reload_codes=reload_codes)))


def test_a_change_is_seen_without_a_restart(tmp_path: Path, write: Write) -> None:
    shelf = a_shelf(tmp_path)
    before = shelf.codes()
    assert shelf.codes() is before, "nothing is read where nothing has changed"
    write("code.toml", TOML.replace("One", "Two"))
    assert shelf.codes()["mine"].title == "Two"
    version = shelf.codes()["mine"].version
    write("code.py", "def prepare(run):\n    return ['false']\n")
    assert shelf.codes()["mine"].version != version


def test_a_broken_one_stays_as_it_was_and_is_told_until_it_is_mended(tmp_path: Path, write: Write) -> None:
    shelf = a_shelf(tmp_path)
    good = shelf.codes()["mine"]
    write("code.toml", TOML.replace('"quick"', '"quik"'))
    codes = shelf.codes()
    assert codes["mine"].title == "One"
    assert codes["mine"].models == good.models
    assert codes["mine"].version != good.version, "a run of now is none of before: the folder is another"
    assert "code.toml, line 3: models.go.kind: 'quik' is not a kind; write one of quick, long" in codes.broken["mine"]
    assert codes.broken["mine"].endswith("Until it is mended, it stays as it was declared before.")
    write("code.toml", TOML.replace('"quick"', "'quick"))
    assert "a quote is missing" in shelf.codes().broken["mine"]
    assert shelf.codes()["mine"].title == "One"
    write("code.toml", TOML.replace("One", "Three"))
    codes = shelf.codes()
    assert (codes["mine"].title, codes.broken) == ("Three", {})


def test_a_code_py_that_cannot_be_read_is_told_with_its_line_and_never_executed(tmp_path: Path, write: Write) -> None:
    shelf = a_shelf(tmp_path)
    write("code.py", "raise SystemExit('nobody may execute this here')\n")
    assert shelf.codes().broken == {}
    path = write("code.py", "import os\n\ndef prepare(run:\n    return []\n")
    codes = shelf.codes()
    assert "mine" in codes
    assert codes.broken["mine"].startswith(f"{path}, line 3: ")


def test_a_new_code_is_found_and_one_that_is_gone_is_not_kept(tmp_path: Path, write: Write) -> None:
    shelf = a_shelf(tmp_path)
    shelf.codes()
    other = tmp_path / "site" / "other"
    other.mkdir()
    (other / "code.toml").write_text(TOML)
    (other / "code.py").write_text("")
    assert "other" in shelf.codes()
    (other / "code.toml").unlink()
    (other / "code.py").unlink()
    other.rmdir()
    codes = shelf.codes()
    assert "other" not in codes
    assert codes.broken == {}


def test_without_the_setting_codes_are_read_anew_only_where_the_newest_are_asked_for(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = a_shelf(tmp_path, reload_codes=False)
    before = shelf.codes()
    write("code.toml", TOML.replace("One", "Two"))
    assert shelf.codes() is before
    assert shelf.fresh() is before, "not more often than every few seconds"
    later = time.monotonic() + 10
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert shelf.fresh()["mine"].title == "Two"


def test_the_environment_adds_folders_and_has_them_read_anew(tmp_path: Path, write: Write) -> None:
    (tmp_path / "simyard.toml").write_text('codes_path = ["/elsewhere"]\n[web]\nport = 1\n')
    plain = settings.load({"SIMYARD_HOME": str(tmp_path)})
    assert (plain.web.reload_codes, plain.codes_path) == (False, (Path("/elsewhere"),))
    both = settings.load({"SIMYARD_HOME": str(tmp_path), "SIMYARD_CODES": f"{tmp_path / 'site'}:/b"})
    assert both.codes_path == (tmp_path / "site", Path("/b"), Path("/elsewhere"))
    assert (both.web.reload_codes, both.web.port) == (True, 1)
    assert Shelf(both).codes()["mine"].title == "One"
