"""What `simyard code test --target` says before it tries anything, and of a target that does not answer: in words, with the next step."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self, cast

import pytest

from simyard.cli import test_there
from simyard.cli.bench import Limits, place_of
from simyard.cli.test_ready import ready
from simyard.client import Client
from simyard.codes import code_toml
from simyard.codes.declaration import Declaration
from simyard.config import Config, TargetConfig
from simyard.errors import InvalidRequest, SimyardError, Unavailable

WELL = {"name": "pool", "kind": "sbatch", "state": "ready", "detail": "", "login": "ready"}
MISSING = {
    "target": "pool",
    "state": "missing",
    "detail": "It is not installed on pool.",
    "remedy": "simyard code install walk --target pool",
}


class Remote:
    """A server with one target; `input` is what comes of asking for an input."""

    def __init__(self, place: dict[str, Any], version: str, standing: dict[str, Any] | None = None) -> None:
        self.place, self.version, self.standing = place, version, standing
        self.input: SimyardError | TimeoutError | None = None
        self.deleted: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def code(self, name: str) -> dict[str, Any]:
        return {"name": name, "version": self.version}

    def targets(self) -> list[dict[str, Any]]:
        return [self.place]

    def code_targets(self, _code: str) -> list[dict[str, Any]]:
        return [self.standing] if self.standing else []

    def create_simulation(self, _code: str, _name: str, *, example: str | None = None) -> dict[str, Any]:
        return {"id": "one", "inputs": {}, "example": example}

    def delete_simulation(self, simulation: str, *, forever: bool) -> None:
        self.deleted += [simulation] if forever else []

    def show_input(self, *_: object, **__: object) -> dict[str, Any]:
        if self.input is not None:
            raise self.input
        raise AssertionError("nobody is to ask further")


@pytest.fixture
def code(tmp_path: Path) -> Declaration:
    folder = tmp_path / "walk"
    folder.mkdir()
    (folder / "code.toml").write_text('title = "Walk"\n[models.walk]\nkind = "quick"\n')
    (folder / "code.py").write_text("def prepare(run):\n    return ['true']\n")
    return code_toml.read(folder)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"login": "needs-login", "state": "needs-login"}, "you are not logged in there: simyard target login pool"),
        ({"login": "", "state": "disabled", "detail": "It is closed today."}, "It is closed today."),
        ({"state": "silent", "detail": "No answer for 3 min."}, "pool does not answer: No answer for 3 min; look with `simyard target check pool`"),
        ({"name": "another"}, "does not know this target; start it again"),
        ({}, "It is not installed on pool: run `simyard code install walk --target pool`"),
    ],
    ids=["login", "disabled", "silent", "unknown", "missing"],
)  # fmt: skip
def test_why_it_cannot_be_tried_there_is_said_with_the_next_step(code: Declaration, change: dict[str, Any], words: str) -> None:
    remote = Remote({**WELL, **change}, code.version, MISSING)
    assert words in ready(cast("Client", remote), code, "pool", 0.0)


def test_another_version_of_the_code_is_said_and_what_is_there_is_tried(code: Declaration) -> None:
    assert "start it again" in ready(cast("Client", Remote(WELL, "other")), code, "pool", 0.0)
    assert ready(cast("Client", Remote(WELL, code.version)), code, "pool", 0.0) == ""


@pytest.mark.parametrize(
    "error, words",
    [
        (TimeoutError(), "it has not begun to do anything"),
        (Unavailable("agent-away", "The agent of pool is away."), "The agent of pool is away; `simyard target show pool` says"),
        (InvalidRequest("code-not-installed", "It is not installed. Run `simyard code install`."), "Run `simyard code install`"),
    ],
)
def test_a_target_on_which_nothing_begins_is_given_up_in_words(
    code: Declaration, error: TimeoutError | SimyardError, words: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    remote = Remote(WELL, code.version)
    remote.input = error
    monkeypatch.setattr(test_there, "client", lambda: remote)
    settings = Config(home=tmp_path, targets={"pool": TargetConfig(kind="sbatch")})
    found = dict(test_there.there(settings, code, "pool", Limits(run=0.3, start=0.1), first=True))
    assert set(found) == {"it can be run there"}
    assert words in found["it can be run there"]
    assert remote.deleted == ["one"]
    assert (
        "there is none called 'poool'" in dict(test_there.there(settings, code, "poool", Limits(), first=True))["it is a target"]
    )


def test_a_place_is_found_where_the_folder_of_the_code_is_another_one(code: Declaration) -> None:
    said = 'File "/opt/codes/abc/code.py", line 2, in prepare\nFile "/usr/lib/python3/json/decoder.py", line 9, in decode\nValueError'
    assert place_of(code.folder, said) == ""
    assert place_of(code.folder, said, elsewhere=True) == "code.py, line 2: "
    assert place_of(code.folder, f'File "{code.folder}/code.py", line 1, in x') == "code.py, line 1: "
