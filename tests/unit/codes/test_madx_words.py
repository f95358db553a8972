"""What MAD-X prints becomes errors and warnings in its own words, at their lines; its output here was recorded."""

from __future__ import annotations

import time
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

# a code's modules have no annotations
madx_words: Any = import_module("madx_words")

JOB = """! a ring
call, file="fodo.seq";
kf=2.5; kd=-2.5;
beam, particle=proton, energy=5;
use, sequence=ring;
twiss, file="twiss.tfs";
"""
SEQUENCE = """qf: quadrupole, l=0.5, k1:=kf;
n=0;
while (n<8) {
n=n+1;
}
"""
#: As printed by MAD-X 5.09.03, shortened.
UNSTABLE = """
  +     MAD-X 5.09.03  (64 bit, Linux)       +
! a ring

call, file="fodo.seq";

qf: quadrupole, l=0.5, k1:=kf;

n=0;

while (n<8) {

n=n+1;

}

++++++ info: n redefined
++++++ info: n redefined
kf=2.5; kd=-2.5;

beam, particle=proton, energy=5;

use, sequence=ring;

twiss, file="twiss.tfs";

enter Twiss module
++++++ warning: TWCLORB:  Horizontal plane might be unstable More information with the debug flag on.
++++++ warning: TWCPIN:  Mode 2 is unstable for delta(p)/p =     0.000000: cosmux =     0.323968, cosmuy = 60605.649396
++++++ Error: seterrorflag : Errorcode: 1   Reported from pro_twiss:
++++++ Error: seterrorflag : Description: TWISS failed
++++++ warning: Twiss failed:  MAD-X continues
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "job.madx").write_text(JOB)
    (tmp_path / "fodo.seq").write_text(SEQUENCE)
    return tmp_path


def read(log: str, folder: Path) -> list[Any]:
    return list(madx_words.read(log, str(folder), "job.madx"))


def test_messages_carry_the_line_of_the_job_that_was_echoed_before_them(folder: Path) -> None:
    messages = read(UNSTABLE, folder)
    assert [(m.kind, m.words) for m in messages] == [
        ("warning", "TWCLORB: Horizontal plane might be unstable"),
        ("warning", "TWCPIN: Mode 2 is unstable for delta(p)/p = 0.000000: cosmux = 0.323968, cosmuy = 60605.649396"),
        ("error", "TWISS failed"),
    ]
    assert {(m.file, m.line, m.text) for m in messages} == {("job.madx", 6, 'twiss, file="twiss.tfs";')}


def test_an_unstable_ring_is_named_as_such(folder: Path) -> None:
    reason = madx_words.reason(read(UNSTABLE, folder), ["job.madx"])
    assert reason.startswith("MAD-X: TWISS failed: TWCPIN: Mode 2 is unstable for delta(p)/p")
    assert '(job.madx, line 6: twiss, file="twiss.tfs";)' in reason
    assert "|trace| of the one-turn matrix is above 2" in reason


@pytest.mark.parametrize(
    "files, step",
    [
        (["job.madx"], "The job calls fodo.seq, which is not among the run's files (job.madx). Add it"),
        (["job.madx", "FODO.seq"], "The run has FODO.seq: MAD-X tells capital from small letters"),
    ],
)
def test_a_called_file_that_is_not_there_is_named_with_the_next_step(folder: Path, files: list[str], step: str) -> None:
    log = '! a ring\n\ncall, file="fodo.seq";\n\n+=+=+= fatal: cannot open input file: fodo.seq\n'
    reason = madx_words.reason(read(log, folder), files)
    assert reason.startswith('MAD-X: cannot open input file: fodo.seq (job.madx, line 2: call, file="fodo.seq";).')
    assert step in reason


def test_a_file_called_by_its_folder_is_told_how_to_be_called(folder: Path) -> None:
    log = "+=+=+= fatal: cannot open input file: optics/fodo.seq\n"
    assert 'write call, file="fodo.seq" instead' in madx_words.reason(read(log, folder), ["fodo.seq"])


def test_a_message_in_a_called_file_carries_that_files_line_and_after_it_the_jobs_again(folder: Path) -> None:
    log = 'call, file="fodo.seq";\n\nqf: quadrupole, l=0.5, k1:=kf;\n\n++++++ warning: in the file\nkf=2.5; kd=-2.5;\n\n++++++ warning: after it\n'
    assert [(m.file, m.line) for m in read(log, folder)] == [("fodo.seq", 1), ("job.madx", 3)]


def test_without_the_echo_no_line_is_claimed(tmp_path: Path) -> None:
    (tmp_path / "job.madx").write_text("option, -echo;\nuse, sequence=ring;\noption, echo;\ntwiss;\n")
    log = "option, -echo;\n\n++++++ warning: one\noption, echo;\n\n++++++ warning: two\ntwiss;\n\n++++++ warning: three\n"
    assert [m.line for m in read(log, tmp_path)] == [0, 3, 4]


def test_what_comes_after_the_job_belongs_to_no_line_of_it(folder: Path) -> None:
    log = f'twiss, file="twiss.tfs";\n\n{madx_words.JOB_ENDED}\n+-+-+- fatal: TRRUN: Fatal element with length found\n'
    (message,) = read(log, folder)
    assert (message.kind, message.line) == ("fatal", 0)


def test_warnings_are_told_once_with_how_often_they_came(folder: Path) -> None:
    log = "++++++ warning: this\n" * 5 + "".join(f"++++++ warning: number {n}\n" for n in range(40))
    said = madx_words.warnings(read(log, folder))
    assert said[0] == "MAD-X warning: this [5 times]"
    assert len(said) == madx_words.MAX_WARNINGS
    assert "22 more kinds" in said[-1]


def test_a_called_file_outside_the_run_is_never_opened(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("password;\n")
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "job.madx").write_text('call, file="../secret";\n')
    log = 'call, file="../secret";\n\npassword;\n\n++++++ warning: x\n'
    assert [(m.file, m.line) for m in madx_words.read(log, str(tmp_path / "work"), "job.madx")] == [("job.madx", 1)]


@pytest.mark.parametrize(
    "text, line",
    [
        ("a=1;\nb=2;\n", 0),
        ("a=1;\nb: drift,\n l=2\n", 2),
        ("a=1; ! no; comment\nb=2 ! still open", 2),
        ('title, "a;b"; // c\n/* d;\n e */ f=3;', 0),
        ("if (a>1) { b=2; }\n", 0),
        ('title, "open;\n', 1),
        ("", 0),
    ],
)
def test_a_last_statement_without_its_semicolon_is_found(text: str, line: int) -> None:
    assert madx_words.unfinished(text) == line


def test_what_mad_x_says_at_its_start_has_the_time_of_the_run() -> None:
    said = b"  + Release   date: 2024.04.25               +\n  + Execution date: 2026.11.22 18:24:07      +\n"
    now = time.struct_time((2026, 11, 30, 7, 5, 9, 0, 334, -1))
    assert madx_words.dated(said, now) == said.replace(b"2026.11.22 18:24:07", b"2026.11.30 07:05:09")
