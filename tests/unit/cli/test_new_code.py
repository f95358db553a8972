"""`simyard code new` makes a code that can be read, of Python or of a program, and says what it cannot make."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from simyard.cli.new_code import make
from simyard.codes import code_toml
from simyard.errors import Conflict, InvalidRequest
from tests.unit.cli.test_cli_words import simyard

SIMYARD = Path(sys.executable).parent / "simyard"


@pytest.mark.parametrize("title", ["Say \"hi\" \\ to 'it'", "", 'Three """ quotes"', "Größe µ"])
@pytest.mark.parametrize("program", [None, "cat", "sort -n"])
def test_what_is_made_is_a_code(title: str, program: str | None, tmp_path: Path) -> None:
    made = code_toml.read(make("one", str(tmp_path), title=title, program=program))
    assert made.title == (title or "One")
    assert (made.folder / "code.py").exists() == (program is None)
    if program is None:
        compile((made.folder / "code.py").read_text("utf-8"), "code.py", "exec")


def test_files_on_the_command_line_become_templates_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "solver").write_text("#!/bin/sh\ncat $2\n")
    (tmp_path / "in.txt").write_text("steps = 5\nhome = ${HOME} $x\n")
    (tmp_path / "mesh.bin").write_bytes(b"\xff\xfe\0")
    folder = make("wrapped", str(tmp_path), program="./solver -i in.txt mesh.bin '${x}'")
    text = (folder / "code.toml").read_text()
    assert f'command = ["{tmp_path}/solver", "-i", "in.txt", "mesh.bin", "$${{x}}"]' in text
    assert (folder / "in.txt").read_text() == "steps = 5\nhome = $${HOME} $x\n"
    assert sorted(path.name for path in folder.iterdir()) == ["code.toml", "in.txt"]
    assert list(code_toml.read(folder).models) == ["run"]


@pytest.mark.parametrize(
    "name, program, words",
    [
        ("Upper", None, "must start with a lower-case letter"),
        ("with-dash", None, "must start with a lower-case letter"),
        ("one", "", "The command line is empty"),
        ("one", "cat 'x", "cannot be read: No closing quotation"),
        ("one", "./nosuch in.txt", "There is no program"),
    ],
)
def test_what_cannot_be_made_is_said_and_nothing_is_left(name: str, program: str | None, words: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest) as caught:
        make(name, str(tmp_path), program=program)
    assert words in caught.value.detail
    assert list(tmp_path.iterdir()) == []


def test_what_may_be_a_mistake_in_a_command_line_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.cir").write_text("R1 in out 50\n")
    (tmp_path / "a").mkdir()
    said = simyard(
        tmp_path, "code", "new", "one", "--in", "a/../a", "--program", "nosuch_solver -b in.cir mesh.inp 1e-3 --tol=1.5 --x.y"
    )
    assert said.returncode == 0
    assert said.stdout == f"{tmp_path}/a/one\n"
    assert [line for line in said.stderr.splitlines() if line.startswith("Note: ")] == [
        "Note: nosuch_solver is not on PATH.",
        "Note: There is no file mesh.inp here, so it stays a word of the command.",
    ]
    assert "Note: " not in simyard(tmp_path, "code", "new", "two", "--in", "a", "--program", "cat in.cir").stderr


def test_what_is_there_is_left_as_it_is(tmp_path: Path) -> None:
    make("one", str(tmp_path))
    before = (tmp_path / "one" / "code.py").read_bytes()
    with pytest.raises(Conflict, match="is there already"):
        make("one", str(tmp_path), program="cat")
    assert (tmp_path / "one" / "code.py").read_bytes() == before


def test_without_a_name_and_a_terminal_it_says_what_to_write(tmp_path: Path) -> None:
    said = simyard(tmp_path, "code", "new")
    assert said.returncode == 4
    assert "simyard code new NAME" in said.stderr


def test_a_code_of_a_program_holds_the_contract(tmp_path: Path) -> None:
    assert simyard(tmp_path, "code", "new", "copy", "--in", str(tmp_path), "--program", "cat").returncode == 0
    said = simyard(tmp_path, "code", "test", str(tmp_path / "copy"))
    assert said.returncode == 0, said.stdout
    assert "✓ run: completes with example first" in said.stdout


def test_a_program_that_fails_by_its_words_is_told_with_what_it_printed(tmp_path: Path) -> None:
    folder = make("odd", str(tmp_path), program="echo 'Error: no such card'")
    toml = folder / "code.toml"
    toml.write_text(toml.read_text().replace("# error = 'ERROR: (.*)'", "error = 'Error: (.*?) *$'").replace(', "input.txt"', ""))
    said = simyard(tmp_path, "code", "test", str(folder))
    wrong = next(line for line in said.stdout.splitlines() if line.startswith("✗"))
    assert "failed: no such card; run its command by hand, with the same input." in wrong
    assert wrong.endswith("The end of its output: Error: no such card")


def test_in_a_terminal_it_asks_and_asks_again_for_a_name_that_cannot_be(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    command = [str(SIMYARD), "--home", str(tmp_path / "h"), "code", "new"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=tmp_path) as process:
        os.close(theirs)
        said = ""
        try:
            for question, answer in (("Name", "My Code"), ("Name", "mine"), ("Title", ""), ("Command", "cat"), ("Folder", "")):
                said += until(ours, f"{question}")
                os.write(ours, f"{answer}\n".encode())
            said += until(ours, "Keep it")
            assert process.wait(60) == 0
        finally:
            process.kill()
            os.close(ours)
    assert "must start with a lower-case letter" in said
    assert code_toml.read(tmp_path / "mine").title == "Mine"


def until(terminal: int, words: str) -> str:
    """What is shown until those words are, and a question after them has ended."""
    said, limit = "", time.monotonic() + 60
    while words not in said or not (words == "Keep it" or said.endswith(": ")):
        assert select.select([terminal], [], [], max(0.0, limit - time.monotonic()))[0], said
        said += os.read(terminal, 1 << 14).decode("utf-8", "replace")
    return said
