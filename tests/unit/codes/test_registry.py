"""Codes are found in the package, in the site's folders and through entry points; a broken one disturbs no other."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from simyard.codes import registry
from simyard.config import Config
from simyard.errors import NotFound

TOML = 'title = "X"\n[models.go]\nkind = "quick"\n'


def code(folder: Path, text: str = TOML) -> Path:
    folder.mkdir(parents=True)
    (folder / "code.toml").write_text(text)
    (folder / "code.py").write_text("raise SystemExit('nobody may execute this here')")
    return folder


def test_the_packages_own_codes_are_there_and_whole(tmp_path: Path) -> None:
    codes = registry.load(Config(home=tmp_path))
    assert {"grayscott", "madx"} <= set(codes)
    assert codes.broken == {}


def test_a_site_adds_codes_and_a_broken_one_is_told_and_disturbs_no_other(tmp_path: Path) -> None:
    code(tmp_path / "site" / "good")
    code(tmp_path / "site" / "bad", "title = 3")
    (tmp_path / "site" / "notes").mkdir()
    alone = code(tmp_path / "elsewhere" / "alone")
    codes = registry.load(Config(home=tmp_path, codes_path=(tmp_path / "site", alone, tmp_path / "gone")))
    assert {"good", "alone", "madx"} <= set(codes)
    assert "title: must be a string" in codes.broken["bad"]
    assert "No such file" in codes.broken[str(tmp_path / "gone")]
    assert len(codes.broken) == 2


def test_a_name_that_is_taken_stays_with_whoever_had_it(tmp_path: Path) -> None:
    again = code(tmp_path / "site" / "madx")
    codes = registry.load(Config(home=tmp_path, codes_path=(tmp_path / "site",)))
    assert codes["madx"].title == "MAD-X"
    assert "already a code called madx" in codes.broken[f"madx ({again})"]


def test_an_unknown_code_is_answered_with_those_that_there_are(tmp_path: Path) -> None:
    code(tmp_path / "site" / "bad", "title = 3")
    codes = registry.load(Config(home=tmp_path, codes_path=(tmp_path / "site",)))
    with pytest.raises(NotFound, match=r"no code called 'nope'; there are .*grayscott.*madx"):
        codes.code("nope")
    with pytest.raises(NotFound, match=r"bad cannot be used: .*title: must be a string"):
        codes.code("bad")


def test_an_installed_package_offers_a_code_and_none_of_it_is_executed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "path" / "somebodys_ring"
    code(package / "codes" / "myring")
    (package / "__init__.py").write_text("raise SystemExit('nobody may import this here')")
    info = tmp_path / "path" / "somebodys_ring-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: somebodys-ring\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[simyard.codes]\nmyring = somebodys_ring.codes.myring\nother = somebodys_ring.codes.myring\ngone = not_installed.x\n"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path / "path"), *sys.path])
    codes = registry.load(Config(home=tmp_path))
    assert codes["myring"].folder == package / "codes" / "myring"
    assert "must have the code's name" in codes.broken["other"]
    assert "not installed" in codes.broken["gone"]
