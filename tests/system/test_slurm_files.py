"""Files on a cluster: they go up once, go on where the way was cut, and come back as they were; a code brings its folder and its setup."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from simyard.client import RemoteRun
from simyard.drivers.site import site_of
from tests.slurm_site import Site
from tests.system.cluster_kit import LIMIT, NO_LOCAL, ClusterYard, reaches, yard_on
from tests.system.page_kit import wait_until

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm"), pytest.mark.timeout(600)]
TOML = """\
title = "Digest"
[inputs.table]
type = "file"
[models.digest]
kind = "long"
"""
PROGRAM = """\
import hashlib, os, shutil
import beside

def prepare(run):
    return work

def work(run):
    data = open(run.inputs["table"], "rb").read()
    with open("back.bin", "wb") as file:
        file.write(data)
    with open("setup.txt", "w") as file:
        file.write(os.environ.get("FROM_SETUP", ""))

def finish(run):
    return {"results": {"digest": beside.digest("back.bin"), "setup": open("setup.txt").read()}}
"""
BESIDE = """\
import hashlib

def digest(name):
    return hashlib.sha256(open(name, "rb").read()).hexdigest()
"""


@pytest.fixture(scope="module")
def yard(pool: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterYard]:
    """By a way that can be cut, with a code of its own."""
    codes = tmp_path_factory.mktemp("codes")
    (codes / "digest").mkdir()
    for name, text in (("code.toml", TOML), ("code.py", PROGRAM), ("beside.py", BESIDE)):
        (codes / "digest" / name).write_text(text)
    setup = "[clusters.pool.codes.digest]\nsetup = [\"export FROM_SETUP='set up'; echo loaded\"]\n"
    with yard_on(pool, NO_LOCAL + pool.section(host="pool-by-wire") + setup, codes=codes) as made:
        yield made


def send(yard: ClusterYard, folder: Path, content: bytes) -> RemoteRun:
    """Start a run with that content as its file."""
    path = folder / "table.bin"
    path.write_bytes(content)
    sha = yard.client.upload(path)["sha256"]
    simulation = yard.client.create_simulation("digest", "digest", inputs={"table": "table.bin"}, files={"table.bin": sha})
    return yard.client.start(simulation["id"], "digest", reuse=False)


def root(yard: ClusterYard, pool: Site) -> Path:
    return pool.directory / f"{site_of(yard.home)}-me"


def test_a_file_goes_up_once_and_comes_back_and_setup_comes_before_the_code(
    yard: ClusterYard, pool: Site, tmp_path: Path
) -> None:
    content = os.urandom(3_000_000)
    sha = hashlib.sha256(content).hexdigest()
    runs = [send(yard, tmp_path, content), send(yard, tmp_path, content)]
    blob = root(yard, pool) / "files" / sha[:2] / sha
    for run in runs:
        reaches(run, "completed")
        assert run.results == {"digest": sha, "setup": "set up"}
    stored = blob.stat()
    reaches(send(yard, tmp_path, content), "completed")
    assert (blob.stat().st_ino, blob.stat().st_size) == (stored.st_ino, len(content))
    assert [path.name for path in (root(yard, pool) / "codes").iterdir() if path.name.startswith("digest")] != []
    assert runs[0].download_file("work/back.bin", tmp_path / "back.bin").read_bytes() == content


def test_a_file_goes_on_where_the_way_was_cut(yard: ClusterYard, pool: Site, tmp_path: Path) -> None:
    content = os.urandom(1 << 20) * 100
    sha = hashlib.sha256(content).hexdigest()
    files = root(yard, pool) / "files"
    run = send(yard, tmp_path, content)
    try:
        wait_until(lambda: any(path.stat().st_size > 0 for path in files.glob(f"{sha}.*")), LIMIT)
        pool.wire.cut()
        part = next(files.glob(f"{sha}.*"))
        before = part.stat().st_size
        assert run.refresh().state == "starting"
    finally:
        pool.wire.mend()
    sizes = [before]

    def is_whole() -> bool:
        sizes.append(_size(part))
        return sizes[-1] < 0

    wait_until(is_whole, 2 * LIMIT)
    # it only grew, and became the file
    assert sizes[:-1] == sorted(sizes[:-1])
    reaches(run, "completed")
    assert run.results["digest"] == sha


def _size(path: Path) -> int:
    """-1 for a file that is not there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1
