"""What the command line says and asks of clusters, without one."""

from __future__ import annotations

import io
import sys
from typing import Any, cast

import pytest

from simyard.cli import asking
from simyard.cli.batch import asked_for, batch_of, on_cluster
from simyard.cli.run import _say_begun
from simyard.cli.watch import describe
from simyard.client import Client, RemoteRun
from simyard.errors import InvalidRequest

BATCH = {
    "partition": "regular", "account": "", "qos": "", "constraint": "", "nodes": 2, "tasks": 8, "cpus_per_task": 1, "gpus": 0,
    "extra": ["--exclusive"],
}  # fmt: skip
REMOTE = {
    "job": "17", "state": "PENDING", "words": "Waiting for 12 nodes in partition regular; Slurm expects 14:05.", "expected": None,
    "at": "2026-11-23T12:00:00.000Z", "silent_since": None,
}  # fmt: skip


def a_run(state: str, **more: Any) -> RemoteRun:
    return RemoteRun(cast("Client", None), {"id": "R", "state": state, "revision": 1, **more})


def given(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_only_what_was_chosen_is_sent() -> None:
    nothing = {"partition": None, "nodes": None, "gpus": None, "extra": ()}
    assert batch_of(nothing) is None
    assert batch_of({**nothing, "nodes": 2, "gpus": 0, "extra": ("--exclusive",)}) == {
        "nodes": 2,
        "gpus": 0,
        "extra": ["--exclusive"],
    }


def test_what_a_cluster_says_of_a_run_is_one_line() -> None:
    assert on_cluster({}, final=False) == ""
    assert on_cluster(REMOTE, final=False) == "job 17; Waiting for 12 nodes in partition regular; Slurm expects 14:05."
    assert on_cluster(REMOTE, final=True) == "job 17"
    silent = on_cluster({**REMOTE, "silent_since": "2026-11-23T12:00:00.000Z"}, final=False)
    assert "the cluster has not answered since 2026-11-2" in silent
    assert asked_for({"batch": None}) == ""
    assert asked_for({"batch": BATCH}) == "2 × node, 8 × task, 1 × core each, partition regular, --exclusive"


def test_a_run_that_a_cluster_queues_is_watched_in_its_words() -> None:
    assert describe(a_run("starting", remote=REMOTE)) == f"starting: {REMOTE['words']}"
    assert describe(a_run("pending", remote=None)) == "waiting: for its turn"
    paused = {**REMOTE, "words": "Paused for its next part."}
    assert (
        describe(a_run("running", remote=paused, progress={"message": "step 7"})) == "running: Paused for its next part. · step 7"
    )
    assert describe(a_run("completed", remote=REMOTE)) == "completed"


def test_answers_without_a_terminal_are_lines_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given(monkeypatch, " with blanks \r\n123456\nnext")
    assert asking.answers("pool", "Welcome.", [("Password: ", False), ("Code: ", True)]) == [" with blanks ", "123456"]
    out, err = capsys.readouterr()
    assert (out, err) == ("", "Welcome.\n")


def test_a_host_that_says_nothing_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    given(monkeypatch, "x\ny\n")
    asking.answers("pool", "", [("Code: ", True)])
    asking.answers("pool", "", [("ada@pool's password: ", False)])
    assert capsys.readouterr().err == "pool asks:\n"


def test_no_more_lines_are_an_error_that_quotes_the_question(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, "")
    with pytest.raises(InvalidRequest, match=r"'Code:'.*no terminal"):
        asking.answers("pool", "", [("Code: ", True)])


def test_a_fingerprint_is_trusted_only_as_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, "y\n")
    assert asking.trusts("pool", "ssh-ed25519", "SHA256:a", "SHA256:a")
    assert not asking.trusts("pool", "ssh-ed25519", "SHA256:a", "SHA256:b")
    assert not asking.trusts("pool", "ssh-ed25519", "SHA256:a", ""), "a line that is an answer is no word about a host"
    assert sys.stdin.read() == "y\n"


def test_a_run_that_needs_a_login_says_so_when_it_is_started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gates = [
        {"gate": "target", "passed": True, "detail": ""},
        {"gate": "credentials", "passed": False, "detail": "pool needs your login."},
    ]
    monkeypatch.setattr(RemoteRun, "explain", lambda _: {"gates": gates})
    _say_begun(a_run("pending"), "ring")
    said = capsys.readouterr()
    assert said.out == "R  pending\n"
    assert "It waits: pool needs your login.\n" in said.err
