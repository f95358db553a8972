"""`simyard code list` and `code install --target`: what they say of targets, and when they ask, without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pytest
from click.testing import CliRunner

from simyard.cli import code_places
from simyard.client import Client
from simyard.codes import wheels
from simyard.codes.code_toml import read
from simyard.codes.declaration import Declaration
from simyard.codes.install_words import InstallError
from simyard.errors import InvalidRequest, Unavailable

TOML = 'title = "Ring"\npython = "ring"\nrequires = ["tiny>=1"]\n[models.turn]\nkind = "quick"\n'
SETTINGS = 'codes_path = ["{codes}"]\n[clusters.pool]\nhost = "pool"\n[targets.box]\nkind = "docker"\n'


class Remote:
    """A Simyard that is up, as its client shows it: `ends` are the ends of the installs to come."""

    def __init__(self, *ends: dict[str, Any]) -> None:
        self.ends = [*ends]
        self.begun: list[Any] = []
        self.files: dict[str, str] = {}
        self.removed: list[str] = []
        self.lines: list[str] = []
        self.state = "missing"
        self.away = False

    def code_targets(self, code: str = "") -> list[dict[str, Any]]:
        if self.away:
            raise Unavailable("not-running", "Simyard is not up.")
        versions = {"tiny": "1.2"} if self.state == "ready" else {}
        fix = "" if self.state == "ready" else "simyard code install ring --target pool"
        pool = {
            "code": "ring",
            "target": "pool",
            "kind": "sbatch",
            "state": self.state,
            "detail": f"It is {self.state}.",
            "remedy": fix,
        }
        box = {
            "code": "ring",
            "target": "box",
            "kind": "docker",
            "state": "other",
            "detail": "It is older.",
            "remedy": "simyard image build",
        }
        return [{**pool, "versions": versions, "version": "0123"}, {**box, "versions": {}, "version": "abcd"}]

    def install_on(self, code: str, target: str, wheels: dict[str, str] | None = None) -> dict[str, Any]:
        self.begun.append((code, target, wheels or {}))
        self.lines = ["Making an environment"]
        return {"state": "running", "lines": [*self.lines]}

    def target_install(self, code: str, target: str) -> dict[str, Any]:
        end = {"error": "", "code": "", "python": "3.11.2", "platform": "x86_64-glibc-2.36", **self.ends.pop(0)}
        if end["state"] == "done":
            self.state = "ready"
        self.lines.append(f"and it is {end['state']}")
        return {"lines": [*self.lines], **end}

    def upload(self, file: Path, name: str) -> dict[str, Any]:
        self.files[name] = file.read_text()
        return {"sha256": f"sha of {file.name}"}

    def delete_file(self, name: str) -> None:
        self.removed.append(name)


FAILED = {"state": "failed", "error": "The index could not be reached.", "code": "no-network"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "codes" / "ring"
    folder.mkdir(parents=True)
    (folder / "code.toml").write_text(TOML)
    (folder / "code.py").write_text("def prepare(run):\n    return ['true']\n")
    (tmp_path / "simyard.toml").write_text(SETTINGS.format(codes=tmp_path / "codes"))
    monkeypatch.setenv("SIMYARD_HOME", str(tmp_path))
    monkeypatch.setattr(code_places, "_LOOK", 0.0)
    return tmp_path


@pytest.fixture
def ring(home: Path) -> Declaration:
    return read(home / "codes" / "ring")


def on_cluster(remote: Remote, code: Declaration, *, yes: bool = True) -> dict[str, Any]:
    return code_places._on_cluster(cast("Client", remote), code, "pool", yes=yes)


def test_the_list_has_a_column_for_each_target_and_says_what_helps(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = Remote()
    monkeypatch.setattr(code_places, "client", lambda: remote)
    said = CliRunner().invoke(code_places.list_, []).output
    assert "POOL" in said
    assert "other version (abcd)" in said
    assert "ring here: It is not installed: run `simyard code install ring`." in said
    assert "ring on pool: It is missing. Run `simyard code install ring --target pool`." in said
    remote.state = "ready"
    assert "yes (tiny 1.2)" in CliRunner().invoke(code_places.list_, []).output
    plain = json.loads(CliRunner().invoke(code_places.list_, ["--json"]).stdout)
    assert [one["target"] for one in plain if one["name"] == "ring" for one in one["targets"]] == ["pool", "box"]
    remote.away = True
    assert "What other targets have is not known: Simyard is not up." in CliRunner().invoke(code_places.list_, []).output


def test_nothing_is_installed_there_without_a_yes(ring: Declaration) -> None:
    remote = Remote()
    with pytest.raises(InvalidRequest, match="Say --yes"):
        on_cluster(remote, ring, yes=False)
    assert remote.begun == []


def test_what_is_there_is_not_made_again(ring: Declaration) -> None:
    remote = Remote()
    remote.state = "ready"
    assert on_cluster(remote, ring, yes=False)["state"] == "ready"
    assert remote.begun == []
    # unless it is asked for, as one that something has damaged
    remote.ends = [{"state": "done"}]
    code_places._on_cluster(cast("Client", remote), ring, "pool", yes=True, anew=True)
    assert remote.begun == [("ring", "pool", {})]


def test_each_line_is_told_once(ring: Declaration, capsys: pytest.CaptureFixture[str]) -> None:
    remote = Remote({"state": "running"}, {"state": "done"})
    assert on_cluster(remote, ring)["state"] == "ready"
    said = capsys.readouterr().err.splitlines()
    assert said == ["  Making an environment", "  and it is running", "  and it is done"]


def test_what_a_cluster_cannot_fetch_is_sent_and_taken_out_again(ring: Declaration, monkeypatch: pytest.MonkeyPatch) -> None:
    def fetch(code: Declaration, python: str, platform: str, folder: Path, tell: Any) -> list[Path]:
        assert (code.name, python, platform) == ("ring", "3.11.2", "x86_64-glibc-2.36")
        (folder / "tiny.whl").write_text("wheel")
        return [folder / "tiny.whl"]

    monkeypatch.setattr(wheels, "fetch", fetch)
    remote = Remote(FAILED, {"state": "done"})
    assert on_cluster(remote, ring)["state"] == "ready"
    assert remote.begun == [("ring", "pool", {}), ("ring", "pool", {"tiny.whl": "sha of tiny.whl"})]
    assert remote.files == {"install-ring-tiny.whl": "wheel"}
    assert remote.removed == ["install-ring-tiny.whl"]


def test_what_could_not_be_done_is_said(ring: Declaration, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = {"state": "failed", "error": "The disk is full.", "code": "disk-full"}
    with pytest.raises(InstallError, match=r"Ring was not installed on pool: The disk is full\."):
        on_cluster(Remote(bad), ring)
    with pytest.raises(InstallError, match="broken off: the agent there has ended"):
        on_cluster(Remote({"state": "idle"}), ring)


def test_a_target_that_is_not_there_is_refused_and_an_image_is_not_built_behind_ones_back(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_places, "client", Remote)
    unknown = CliRunner().invoke(code_places.install, ["ring", "--target", "poool"])
    assert "There is no target called 'poool'" in str(unknown.exception)
    box = CliRunner().invoke(code_places.install, ["ring", "--target", "box"])
    assert box.exit_code == 1
    assert "Run `simyard image build`" in box.output
