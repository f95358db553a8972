"""A code as one file: the same bytes for the same files, another name for anything else, and nothing in it that is not the code's."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path

import pytest

from simyard.codes import archive, code_toml
from simyard.codes.declaration import CodeError, Declaration


@pytest.fixture
def code(tmp_path: Path) -> Declaration:
    folder = tmp_path / "ring"
    (folder / "data").mkdir(parents=True)
    (folder / "code.toml").write_text('title = "Ring"\n[models.twiss]\nkind = "quick"\n')
    (folder / "code.py").write_text("def prepare(run):\n    return ['true']\n")
    (folder / "data" / "lattice.seq").write_text("a ring")
    tool = folder / "tool.sh"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    return code_toml.read(folder)


def test_an_archive_is_named_by_its_content_and_holds_the_code_s_files_only(code: Declaration, tmp_path: Path) -> None:
    (code.folder / "__pycache__").mkdir()
    (code.folder / "__pycache__" / "code.pyc").write_bytes(b"x")
    (code.folder / ".git").mkdir()
    (code.folder / ".git" / "config").write_text("x")
    packed = archive.pack(code, tmp_path / "archives")
    data = archive.path_of(tmp_path / "archives", packed.archive).read_bytes()
    assert hashlib.sha256(data).hexdigest() == packed.archive
    assert packed.code_dir == f"codes/ring-{code.version}"
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == ["code.py", "code.toml", "data/lattice.seq", "tool.sh"]
        assert [member.mode for member in tar] == [0o644, 0o644, 0o644, 0o755]
        assert {(member.uid, member.mtime, member.uname) for member in tar} == {(0, 0, "")}


def test_the_same_files_make_the_same_archive_whenever_and_wherever(code: Declaration, tmp_path: Path) -> None:
    first = archive.pack(code, tmp_path / "a")
    for path in code.folder.rglob("*"):
        os.utime(path, (1, 1))
    assert archive.pack(code, tmp_path / "a") == archive.pack(code, tmp_path / "b") == first
    assert len(list((tmp_path / "a").iterdir())) == 1


def test_what_was_changed_since_it_was_read_is_another_archive_in_another_folder(code: Declaration, tmp_path: Path) -> None:
    first = archive.pack(code, tmp_path / "a")
    (code.folder / "code.py").write_text("def prepare(run):\n    return ['false']\n")
    second = archive.pack(code, tmp_path / "a")
    assert second.archive != first.archive
    assert second.code_dir != first.code_dir


def test_an_archive_that_was_removed_is_made_again(code: Declaration, tmp_path: Path) -> None:
    first = archive.pack(code, tmp_path / "a")
    archive.path_of(tmp_path / "a", first.archive).unlink()
    assert archive.pack(code, tmp_path / "a") == first
    assert archive.path_of(tmp_path / "a", first.archive).is_file()


def test_a_folder_that_is_full_of_data_is_not_sent_to_a_cluster(
    code: Declaration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "MAX_SIZE", 10)
    with pytest.raises(CodeError, match="Keep data out of it"):
        archive.pack(code, tmp_path / "a")


def test_what_is_no_digest_names_no_archive(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\.\./x"):
        archive.path_of(tmp_path, "../x")
