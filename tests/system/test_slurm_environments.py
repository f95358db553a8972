"""Codes on a cluster: one that is not there is refused in words, its agent makes its environment, and what a cluster cannot fetch is sent."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from simyard.client import RemoteRun
from simyard.drivers.site import site_of
from simyard.errors import Conflict, InvalidRequest
from tests import source_package
from tests.slurm_site import PYTHON, Site
from tests.system.cluster_kit import LIMIT, NO_LOCAL, ClusterYard, reaches, yard_on
from tests.system.page_kit import wait_until

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm"), pytest.mark.timeout(600)]
#: A pure package of 7 kB, of the version that the tests themselves are pinned to.
PACKAGE = "iniconfig"
TOML = f"""\
title = "Small"
python = "small"
requires = ["{PACKAGE}>=2"]
[models.look]
kind = "long"
"""
PROGRAM = """\
import sys
from importlib.metadata import version

import iniconfig

def prepare(run):
    return work

def work(run):
    pass

def finish(run):
    return {"results": {"version": version("iniconfig"), "python": sys.prefix}}
"""


def lock() -> str:
    text = (Path(__file__).parents[2] / "requirements" / "dev.lock").read_text()
    found = re.search(rf"^{PACKAGE}==(?:.*\\\n)+.*$", text, re.MULTILINE)
    assert found is not None
    return found[0] + "\n"


@pytest.fixture(scope="module")
def codes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two that are alike: one for each way."""
    folder = tmp_path_factory.mktemp("codes")
    for name in ("small", "sent"):
        (folder / name).mkdir()
        (folder / name / "code.toml").write_text(TOML)
        (folder / name / "code.py").write_text(PROGRAM)
        (folder / name / "requirements.lock").write_text(lock())
    return folder


@pytest.fixture(scope="module")
def yard(pool: Site, codes: Path) -> Iterator[ClusterYard]:
    with yard_on(pool, NO_LOCAL + pool.section(), codes=codes) as made:
        wait_until(lambda: standing(made, "small")["state"] != "unknown", LIMIT)
        yield made


@contextmanager
def pip_settings(pool: Site, lines: str) -> Iterator[None]:
    """What pip is told on the login node."""
    folder = pool.home / ".config" / "pip"
    folder.mkdir(parents=True)
    (folder / "pip.conf").write_text(f"[global]\n{lines}")
    for path in (folder.parent, folder, folder / "pip.conf"):
        shutil.chown(path, pool.account.name, pool.account.name)
    try:
        yield
    finally:
        shutil.rmtree(folder.parent)


def as_here() -> str:
    """The package index of whoever runs the tests: pip's own settings."""
    said = subprocess.run([PYTHON, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True).stdout
    wanted = ("index-url", "extra-index-url", "find-links", "cert", "trusted-host", "proxy")
    found = {key: value for key, value in re.findall(r"^\S+?\.([a-z-]+)='(.*)'$", said, re.MULTILINE) if key in wanted}
    return "".join(f"{key} = {value}\n" for key, value in found.items())


def standing(yard: ClusterYard, code: str) -> dict[str, object]:
    (found,) = [one for one in yard.client.code_targets(code) if one["target"] == "pool"]
    return dict(found)


def environments(yard: ClusterYard, pool: Site) -> Path:
    return pool.directory / f"{site_of(yard.home)}-me" / "envs"


def works(yard: ClusterYard, pool: Site, code: str) -> RemoteRun:
    run = reaches(yard.send(code, "look"), "completed")
    assert str(environments(yard, pool)) in run.results["python"]
    assert f"{PACKAGE}=={run.results['version']} " in lock()
    return run


def test_a_code_is_refused_in_words_until_its_environment_is_made_by_the_agent(
    yard: ClusterYard, pool: Site, codes: Path
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        yard.send("small", "look")
    assert refused.value.code == "code-not-installed"
    assert "Small is not installed on pool. Run `simyard code install small --target pool`" in refused.value.detail
    assert list(yard.client.runs()) == []
    said = yard.simyard("code", "list")
    assert "small on pool: Small is not installed on pool. Run `simyard code install small --target pool`." in said
    assert "Nobody is there to be asked" in yard.simyard("code", "install", "small", "--target", "pool", status=4)
    assert standing(yard, "small")["state"] == "missing"
    with pip_settings(pool, as_here()):
        said = yard.simyard("code", "install", "small", "--target", "pool", "--yes")
        assert f"Installing {PACKAGE}>=2" in said
        assert "Trying it" in said
        assert "fetched here" not in said
        first = works(yard, pool, "small")
        ready = standing(yard, "small")
        assert ready["state"] == "ready"
        assert ready["versions"] == {PACKAGE: first.results["version"]}
        listed = json.loads(yard.simyard("code", "list", "--json"))
        assert [one["targets"][0]["state"] for one in listed if one["name"] == "small"] == ["ready"]
        # nothing is done twice
        assert "Installing" not in yard.simyard("code", "install", "small", "--target", "pool", "--yes")
        # other requirements are another environment, and a run does not take the one that is there
        (codes / "small" / "requirements.lock").write_text(f"# pinned anew\n{lock()}")
        with pytest.raises(InvalidRequest) as other:
            yard.send("small", "look")
        assert other.value.code == "code-of-another-version"
        yard.simyard("code", "install", "small", "--target", "pool", "--yes")
        second = works(yard, pool, "small")
    assert first.results["python"] != second.results["python"]
    # the one before stays for what still runs in it
    assert Path(first.results["python"]).is_dir()


def test_what_a_cluster_cannot_fetch_is_fetched_here_and_sent_and_a_source_is_built_there(
    yard: ClusterYard, pool: Site, codes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_package.made(PACKAGE)
    (tmp_path / source_package.NAME).write_bytes(source)
    (codes / "sent" / "requirements.lock").write_text(lock() + source_package.pinned(source))
    (codes / "sent" / "code.py").write_text(PROGRAM.replace("import iniconfig\n", "import iniconfig\nimport made_there\n"))
    # where the index is that is reached from here: the one of whoever runs the tests, and this folder
    monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path} {os.environ.get('PIP_FIND_LINKS', '')}")
    with pip_settings(pool, "index-url = http://127.0.0.1:9/simple\nretries = 0\ntimeout = 3\n"):
        said = yard.simyard("code", "install", "sent", "--target", "pool", "--yes")
        assert "pool could not install it by itself: " in said
        assert "So it is fetched here, and sent there." in said
        assert f"{source_package.NAME}: no wheel for Python" in said
        # what it is built with is sent anyhow
        assert "Fetching pip here" in said
        assert "Successfully built made-there" in said
        works(yard, pool, "sent")
    # what was sent is not among the user's files
    assert [one["name"] for one in yard.client.http.get("/api/v1/files")["items"]] == []


def test_what_cannot_be_installed_says_why_and_leaves_what_there_was(yard: ClusterYard, pool: Site, codes: Path) -> None:
    (codes / "sent" / "requirements.lock").write_text(f"{PACKAGE}==2.0.0 --hash=sha256:{'0' * 64}\n")
    before = sorted(path.name for path in environments(yard, pool).iterdir() if not path.name.startswith("."))
    with pip_settings(pool, as_here()):
        said = yard.simyard("code", "install", "sent", "--target", "pool", "--yes", status=4)
    assert "Small was not installed on pool: A package's content is not what was pinned in requirements.lock." in said
    assert sorted(path.name for path in environments(yard, pool).iterdir() if not path.name.startswith(".")) == before
    assert standing(yard, "sent")["state"] == "other"
    with pytest.raises(Conflict, match="There is nothing to install"):
        yard.client.install_on("grayscott", "pool")


def test_an_environment_that_has_been_cleared_away_is_told_of_and_is_made_again(yard: ClusterYard, pool: Site) -> None:
    made = environments(yard, pool)
    (name,) = [path.name for path in made.iterdir() if path.name.startswith("small-") and path.lstat().st_mtime == newest(made)]
    python = made / name / "bin" / "python"
    shutil.move(python, python.with_name("gone"))
    run = yard.send("small", "look")
    run.wait(timeout=LIMIT)
    assert run.state == "failed"
    assert "Run `simyard code install small --target pool`, then run it again." in run.reason
    wait_until(lambda: standing(yard, "small")["state"] == "missing", LIMIT)
    words = "Small was installed on pool, but its Python is not there any more."
    assert f"small on pool: {words} Run `simyard code install small --target pool`." in yard.simyard("code", "list")
    with pytest.raises(InvalidRequest, match=words):
        yard.send("small", "look")
    with pip_settings(pool, as_here()):
        yard.simyard("code", "install", "small", "--target", "pool", "--yes")
    works(yard, pool, "small")


def newest(folder: Path) -> float:
    return max(path.lstat().st_mtime for path in folder.iterdir() if path.name.startswith("small-"))
