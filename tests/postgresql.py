"""A private PostgreSQL for the tests: one cluster a session on a Unix socket, one empty database a test.

`postgres` refuses to run as root: then it runs as the user `postgres`, or as `nobody`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

_START_SECONDS = 150


def find_binaries() -> Path | None:
    """The folder of initdb and postgres: the one on PATH, else the newest of Debian's."""
    on_path = shutil.which("initdb")
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]), reverse=True)
    for initdb in [*([Path(on_path)] if on_path else []), *debian]:
        if (initdb.parent / "postgres").exists():
            return initdb.parent
    return None


def _who() -> dict[str, Any]:
    """The arguments of Popen that make a process another user's, where we are root."""
    if os.getuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise RuntimeError("PostgreSQL refuses to run as root, and there is neither a user postgres nor nobody.")


@pytest.fixture(scope="session")
def postgresql_cluster() -> Iterator[str]:
    """The URL of a running private cluster, without a database's name."""
    binaries = find_binaries()
    if binaries is None:
        # conftest makes a skip a failure in CI
        pytest.skip("PostgreSQL is not on this machine (apt-get install postgresql).")
    who = _who()
    folder = Path(tempfile.mkdtemp(prefix="sy-pg-"))
    try:
        if who:
            os.chown(folder, who["user"], who["group"])
        yield from _run(binaries, folder, who)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(binaries: Path, folder: Path, who: dict[str, Any]) -> Iterator[str]:
    data = folder / "data"
    command = [str(binaries / "initdb"), "-D", str(data), "-U", "simyard", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"]
    made = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_START_SECONDS, check=False, **who)
    if made.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{made.stdout}{made.stderr}")
    log = folder / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses="],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True, **who,
        )  # fmt: skip
    try:
        _await_ready(server, folder, log)
        yield f"postgresql://simyard@/{{database}}?host={folder}"
    finally:
        server.send_signal(signal.SIGQUIT)  # "immediate": nothing is kept
        try:
            server.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _await_ready(server: subprocess.Popen[bytes], folder: Path, log: Path) -> None:
    import psycopg

    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            psycopg.connect(host=str(folder), user="simyard", dbname="postgres").close()
        except psycopg.OperationalError as error:
            if server.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"PostgreSQL did not start ({error}):\n{log.read_text(errors='replace')}") from None
            time.sleep(0.05)
        else:
            return


@pytest.fixture
def postgresql(postgresql_cluster: str) -> Iterator[Callable[[], str]]:
    """Makes an empty database at each call, and answers with its URL; all are dropped after the test."""
    import psycopg

    made: list[str] = []
    admin = postgresql_cluster.format(database="postgres")
    with psycopg.connect(admin, autocommit=True) as connection:

        def make() -> str:
            name = f"t{uuid.uuid4().hex}"
            connection.execute(f'CREATE DATABASE "{name}"')
            made.append(name)
            return postgresql_cluster.format(database=name)

        yield make
        for name in made:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
