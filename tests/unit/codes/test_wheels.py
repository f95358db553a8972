"""Packages for another machine: which wheels run there, and what pip is told."""

from __future__ import annotations

import io
import json
import stat
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from simyard.codes import pins, sdist, wheels
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
open(dest + ("/pip-1-py3-none-any.whl" if "pip" in sys.argv[1:] else "/tiny-1-py3-none-any.whl"), "w").close()
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
    assert packages[-4:] == ["--require-hashes", "--no-deps", "-r", str(folder / "requirements.lock")]
    assert packages[packages.index("--python-version") + 1] == "3.9"
    assert "manylinux_2_28_x86_64" in packages
    assert "--only-binary" not in packages
    assert pip[-3:] == ["--only-binary", ":all:", "pip"]
    assert said[0] == "Fetching tiny>=1, other here, for Python 3.9 on x86_64-glibc-2.28 …"
    lock.unlink()
    wheels.fetch(code, "3.9.18", "x86_64-glibc-2.28", folder, said.append)
    (folder / "requirements.lock").unlink()
    assert json.loads(log.read_text().splitlines()[2])[-4:] == ["--only-binary", ":all:", "tiny>=1", "other"]


def test_what_has_no_wheel_comes_as_source_with_what_it_is_built_with_unless_the_lock_has_it(
    code: Declaration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, folder, said = play_pip(monkeypatch, tmp_path), tmp_path / "wheels", list[str]()
    folder.mkdir()
    (code.folder / "requirements.lock").write_text(
        "tiny==1 --hash=sha256:0\nnump_y==2.1 --hash=sha256:1\nsetuptools==60 --hash=sha256:2\n"
    )
    a_source(
        folder / "made-1.tar.gz", '[build-system]\nrequires = ["setuptools>=61", "Nump-y>=2", "old; python_version < \'3\'"]\n'
    )
    found = wheels.fetch(code, "3.11.2", "x86_64-glibc-2.36", folder, said.append)
    assert [path.name for path in found] == ["made-1.tar.gz", "pip-1-py3-none-any.whl", "tiny-1-py3-none-any.whl"]
    tools = json.loads(log.read_text().splitlines()[1])
    assert tools[-4:] == ["--only-binary", ":all:", "pip", "setuptools>=61"]
    assert said[1:] == [
        "made-1.tar.gz: no wheel for Python 3.11 on x86_64-glibc-2.36. So it is built there.",
        "Fetching pip, setuptools>=61 here, for Python 3.11 on x86_64-glibc-2.36 …",
    ]


def a_source(path: Path, pyproject: str) -> None:
    """A package as source, whose own pyproject.toml is not its first."""
    with tarfile.open(path, "w:gz") as archive:
        for name, text in (("made-1/tests/pyproject.toml", "no toml"), ("made-1/pyproject.toml", pyproject)):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))


def test_what_a_source_is_built_with_is_read_from_it(tmp_path: Path) -> None:
    made = tmp_path / "made-1.tar.gz"
    a_source(made, '[build-system]\nrequires = ["flit_core>=3"]\n')
    assert sdist.build_requires(made) == ["flit_core>=3"]
    a_source(made, "[project]\n")
    assert sdist.build_requires(made) == ["setuptools>=40.8.0"]
    with zipfile.ZipFile(tmp_path / "made-1.zip", "w") as archive:
        archive.writestr("made-1/pyproject.toml", "[build-system]\nrequires = []\n")
    assert sdist.build_requires(tmp_path / "made-1.zip") == []
    assert [path.name for path in sdist.among(tmp_path)] == ["made-1.tar.gz", "made-1.zip"]
    for broken in (b"", b"no archive", made.read_bytes()[:40]):
        (tmp_path / "odd.tar.gz").write_bytes(broken)
        with pytest.raises(InstallError, match="is built with cannot be read from it"):
            sdist.build_requires(tmp_path / "odd.tar.gz")
    a_source(made, "[build-system")
    with pytest.raises(InstallError, match="cannot be read"):
        sdist.build_requires(made)


def test_a_lock_is_read_as_the_python_there_would_read_it() -> None:
    lock = (
        "# made by a tool\n"
        "numpy==1 ; python_full_version < '3.12' \\\n    --hash=sha256:a \\\n    --hash=sha256:b\n    # via tiny\n"
        "numpy==2 ; python_full_version >= '3.12' \\\n    --hash=sha256:c\n"
        "colours==1 ; sys_platform == 'win32' --hash=sha256:d\n"
        "arm==1 ; platform_machine == 'aarch64' --hash=sha256:e\n"
        "--no-binary tiny\nwhat is this\n"
    )
    there = pins.meant(lock, "3.11.2", "x86_64").splitlines()
    assert there == ["numpy==1 --hash=sha256:a --hash=sha256:b", "--no-binary tiny", "what is this"]
    assert pins.meant(lock, "3.13.0rc1", "aarch64").splitlines()[:2] == ["numpy==2 --hash=sha256:c", "arm==1 --hash=sha256:e"]


def test_an_index_that_cannot_be_reached_from_here_either_is_said(
    code: Declaration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    play_pip(monkeypatch, tmp_path, fails=True)
    with pytest.raises(InstallError, match="could not be reached"):
        wheels.fetch(code, "3.11.2", "x86_64-glibc-2.36", tmp_path, lambda _line: None)
    with pytest.raises(InstallError, match="wheels are for Python 3"):
        wheels.fetch(code, "2.7.18", "x86_64-glibc-2.36", tmp_path, lambda _line: None)
