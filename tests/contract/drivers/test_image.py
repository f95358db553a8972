"""`simyard image`: the same input makes the same image, which says what is in it; and what is on a host is listed."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simyard import contents
from simyard.codes import registry
from simyard.config import Config
from simyard.drivers.docker import image, image_packages, layout
from tests.docker_engine import IMAGE, KEPT, Engine

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker"), pytest.mark.timeout(300)]
SIMYARD = Path(sys.executable).parent / "simyard"
NAME = "simyard-made"
#: Of an image with one interpreter: that, the bytecode, and all else.
LAYERS = 3


@pytest.fixture
def context(tmp_path: Path) -> Path:
    """What `docker build` gets, with small things in the place of packages, on the tests' own image."""
    code = registry.load(Config(home=KEPT)).code("grayscott")
    folder = tmp_path / "context"
    env = folder / "envs" / layout.OWN / layout.env(layout.OWN).lstrip("/")
    image_packages.put(env, layout.OWN, [])
    for n in range(20):
        (env / "lib" / f"python{image.PYTHON}" / "site-packages" / f"part{n}.py").write_text(
            f"WORDS = {{'a', 'b', 'c', {n}}}\ndef f(x):\n    return x in WORDS\n"
        )
    (folder / "codes" / "grayscott").mkdir(parents=True)
    (folder / "codes" / "grayscott" / "code.toml").write_bytes((code.folder / "code.toml").read_bytes())
    (folder / "agent.pyz").write_bytes(b"an agent")
    (folder / "Dockerfile").write_text(image.dockerfile(IMAGE, [layout.OWN], [code]))
    return folder


@pytest.fixture
def home(engine: Engine, tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    (folder / "simyard.toml").write_text(f'[docker]\nhosts = ["{engine.url}"]\nimage = "{NAME}"\nbase = "{IMAGE}"\n')
    yield folder
    subprocess.run(["docker", "-H", engine.url, "rmi", "-f", NAME], capture_output=True, check=False)


def simyard(home: Path, *words: str, status: int = 0) -> str:
    done = subprocess.run([SIMYARD, "--home", home, "image", *words], capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def files(engine: Engine, name: str) -> dict[str, tuple[Any, ...]]:
    """What the layers of an image hold that are Simyard's own, the last word on each file."""
    with tempfile.TemporaryFile() as file:
        subprocess.run(["docker", "-H", engine.url, "save", name], stdout=file, check=True)
        file.seek(0)
        with tarfile.open(fileobj=file) as saved:
            manifest = json.load(saved.extractfile("manifest.json") or io.BytesIO())
            found = {}
            for one in manifest[0]["Layers"][-LAYERS:]:
                with tarfile.open(fileobj=saved.extractfile(one)) as tar:
                    found.update({one.name: (one.mtime, one.mode, one.uid, one.size, one.linkname) for one in tar})
            return found


def test_the_same_input_makes_the_same_layers_whenever_it_is_built(engine: Engine, context: Path) -> None:
    found = []
    for name in ("same-1", "same-2"):
        engine.docker("build", "-q", "--no-cache", "-t", name, context)
        found.append(engine.inspect(name))
    one, two = files(engine, "same-1"), files(engine, "same-2")
    assert {name: (one[name], two[name]) for name in one if one[name] != two.get(name)} == {}
    assert found[0]["RootFS"]["Layers"] == found[1]["RootFS"]["Layers"]
    assert len(found[0]["RootFS"]["Layers"]) == len(engine.inspect(IMAGE)["RootFS"]["Layers"]) + LAYERS
    assert {
        "opt/simyard/agent.pyz",
        "opt/simyard/codes/grayscott/code.toml",
        f"opt/simyard/envs/{layout.OWN}/lib/python{image.PYTHON}/site-packages/part7.py",
        f"opt/simyard/envs/{layout.OWN}/lib/python{image.PYTHON}/site-packages/__pycache__/part7.cpython-311.pyc",
    } <= one.keys()
    assert not [name for name, (_, mode, *_) in one.items() if mode & 0o022 and not one[name][-1]], (
        "nobody but root may write there"
    )
    engine.docker("rmi", "same-1", "same-2")


def test_whatever_an_image_is_built_from_changes_the_name_of_its_content(context: Path) -> None:
    first = image.digest(context, "a base")
    assert image.digest(context, "a base") == first
    seen = {first, image.digest(context, "another base")}
    (context / "agent.pyz").write_bytes(b"another agent")
    seen.add(image.digest(context, "a base"))
    (context / "agent.pyz").chmod(0o755)
    seen.add(image.digest(context, "a base"))
    (context / "codes" / "grayscott" / "code.toml").rename(context / "codes" / "grayscott" / "code.txt")
    seen.add(image.digest(context, "a base"))
    assert len(seen) == 5


def test_an_image_is_built_once_says_what_is_in_it_and_is_listed(engine: Engine, home: Path) -> None:
    assert "No images" in simyard(home, "list") or IMAGE in simyard(home, "list")
    assert "Build it" in simyard(home, "show", status=2)
    simyard(home, "build", "--code", "grayscott")
    made = engine.inspect(NAME)
    labels = made["Config"]["Labels"]
    assert labels[image.AGENT] == contents.VERSION
    assert json.loads(labels[image.CODES]).keys() == {"grayscott"}
    assert "has it already" in simyard(home, "build", "--code", "grayscott")
    assert engine.inspect(NAME)["Id"] == made["Id"]
    (listed,) = [one for one in json.loads(simyard(home, "list", "--json")) if f"{NAME}:latest" in one["names"]]
    assert listed["id"] == made["Id"]
    assert listed["current"]
    assert listed["containers"] == 0
    shown = simyard(home, "show")
    assert "as here" in shown
    assert f"grayscott {listed['codes']['grayscott']}" in shown
    said = engine.docker("run", "--rm", "--network=none", NAME, *layout.RUN_AGENT, "version")
    assert said == contents.VERSION


def test_a_host_that_is_not_there_is_told_in_words(home: Path) -> None:
    said = simyard(home, "list", "--host", "unix:///nowhere/docker.sock", status=3)
    assert "unix:///nowhere/docker.sock" in said
    assert "Traceback" not in said
