"""Packages for another machine: which wheels run there, and what pip is told."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import pytest

from simyard.codes import wheels
from simyard.codes.code_toml import read
from simyard.codes.declaration import Declaration
from simyard.codes.install_words import InstallError

TOML = 'title = "Ring"\npython = "ring"\nrequires = ["tiny>=1", "other"]\n[models.turn]\nkind = "quick"\n'
#: Plays pip: writes its arguments down, and makes a wheel.
PIP = """\
#!{python}
import json, sys
with open({log!r}, "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
if {fails}:
    sys.exit("ERROR: Connection refused")
dest = sys.argv[sys.argv.index("--dest") + 1]
open(dest + ("/pip-1-py3-none-any.whl" if sys.argv[-1] == "pip" else "/tiny-1-py3-none-any.whl"), "w").close()
"""


@pytest.fixture
def code(tmp_path: Path) -> Declaration:
    folder = tmp_path / "ring"
    folder.mkdir()
    (folder / "code.toml").write_text(TOML)
    (folder / "code.py").write_text("def prepare(run):\n    return ['true']\n")
    return read(folder)


def play_pip(monkeypatch: pytest.MonkeyPatch, folder: Path, *, fails: bool = False) -> Path:
    program, log = folder / "pip", folder / "calls"
    program.write_text(PIP.format(python=sys.executable, log=str(log), fails=fails))
    program.chmod(stat.S_IRWXU)
    monkeypatch.setattr(wheels, "_pip", lambda: [str(program)])
    return log


def test_wheels_for_older_c_libraries_run_on_a_newer_one_and_not_the_other_way_round() -> None:
    tags = wheels.platforms("x86_64-glibc-2.28")
    assert tags[0] == "manylinux_2_28_x86_64"
    assert {"manylinux_2_17_x86_64", "manylinux2014_x86_64", "linux_x86_64"} <= set(tags)
    assert "manylinux_2_34_x86_64" not in tags
    assert "manylinux2010_aarch64" not in wheels.platforms("aarch64-glibc-2.34")


@pytest.mark.parametrize("told", ["", "x86_64", "x86_64-musl-1.2", "x86_64-glibc-2.28; rm -rf /", "../x-glibc-2.1"])
def test_a_machine_of_which_nobody_knows_the_wheels_is_refused_in_words(told: str) -> None:
    with pytest.raises(InstallError, match="wheels are made for Linux with glibc"):
        wheels.platforms(told)


def test_what_is_pinned_is_fetched_by_its_hashes_for_the_python_there_and_pip_with_it(
    code: Declaration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, folder, said = play_pip(monkeypatch, tmp_path), tmp_path / "wheels", list[str]()
    folder.mkdir()
    lock = code.folder / "requirements.lock"
    lock.write_text("tiny==1 --hash=sha256:0\n")
    found = wheels.fetch(code, "3.9.18", "x86_64-glibc-2.28", folder, said.append)
    assert [path.name for path in found] == ["pip-1-py3-none-any.whl", "tiny-1-py3-none-any.whl"]
    packages, pip = (json.loads(line) for line in log.read_text().splitlines())
    assert packages[-4:] == ["--require-hashes", "--no-deps", "-r", str(lock)]
    assert packages[packages.index("--python-version") + 1] == "3.9"
    assert "manylinux_2_28_x86_64" in packages
    assert packages[packages.index("--only-binary") + 1] == ":all:"
    assert pip[-2:] == ["--no-deps", "pip"]
    assert said[0] == "Fetching tiny>=1, other here, for Python 3.9 on x86_64-glibc-2.28 …"
    lock.unlink()
    wheels.fetch(code, "3.9.18", "x86_64-glibc-2.28", folder, said.append)
    assert json.loads(log.read_text().splitlines()[2])[-2:] == ["tiny>=1", "other"]


def test_an_index_that_cannot_be_reached_from_here_either_is_said(
    code: Declaration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play_pip(monkeypatch, tmp_path, fails=True)
    with pytest.raises(InstallError, match="could not be reached"):
        wheels.fetch(code, "3.11.2", "x86_64-glibc-2.36", tmp_path, lambda _line: None)
    with pytest.raises(InstallError, match="wheels are for Python 3"):
        wheels.fetch(code, "2.7.18", "x86_64-glibc-2.36", tmp_path, lambda _line: None)
