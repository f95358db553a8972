"""What is typed at a login to a cluster, and what an agent identifies itself with, is nowhere afterwards: no file, no log, no process shows it."""

from __future__ import annotations

import base64
import sqlite3
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from simyard.drivers.base import LoginStep
from simyard.protocol.launch import AgentSpec
from simyard.protocol.targets import TargetLogin
from simyard.supervisor.outbox import StartAgent, hash_secret
from simyard.web.bodies import Login
from tests.slurm_site import Site
from tests.ssh_server import Sshd
from tests.system.cluster_kit import CODES, LIMIT, reaches
from tests.system.page_kit import Yard
from tests.system.secrets_kit import Search, Watch

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm"), pytest.mark.timeout(600)]
#: Read before each command that comes over ssh.
BASHRC = """\
printf '%s\\n' "$BASH_EXECUTION_STRING" >> "$HOME/commands"
env >> "$HOME/environments"
"""
#: Each mark is of this test alone, and nothing else looks like it.
WRONG, PASSPHRASE = f"wrong-{uuid.uuid4().hex}", f"phrase-{uuid.uuid4().hex}"


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="yard-") as made:
        yield Path(made)


@pytest.fixture
def questions(folder: Path, pool: Site) -> Iterator[Sshd]:
    """The same host, which asks through PAM."""
    (folder / "sshd").mkdir()
    ways = ("UsePAM yes", "PasswordAuthentication no", "KbdInteractiveAuthentication yes")
    server = Sshd(folder / "sshd", *ways, *pool.sshd.options)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def yard(folder: Path, pool: Site, questions: Sshd) -> Iterator[Yard]:
    """The cluster by each way in: `pool` by a password, `asking` by questions, `keyed` by a key with a passphrase."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    identity = folder / "id_ed25519"
    identity.touch(0o600)
    identity.write_bytes(key.export_private_key(passphrase=PASSPHRASE))
    allowed = pool.home / ".ssh" / "authorized_keys"
    before = allowed.read_bytes()
    allowed.write_bytes(before + key.export_public_key())
    (pool.home / ".bashrc").write_text(BASHRC)
    (folder / "known_hosts").write_text("".join(f"[127.0.0.1]:{server.port} {server.key}\n" for server in (pool.sshd, questions)))
    ports = {"pool": pool.sshd.port, "asking": questions.port, "keyed": pool.sshd.port}
    (folder / "ssh_config").write_text(
        "".join(
            f"Host {host}\n  HostName 127.0.0.1\n  Port {port}\n  User {pool.account.name}\n  IdentityAgent none\n"
            f"  UserKnownHostsFile {folder}/known_hosts\n  IdentityFile {identity}\n  IdentitiesOnly yes\n"
            for host, port in ports.items()
        )
    )
    made = Yard(folder / "home", CODES)
    with (made.home / "simyard.toml").open("a") as file:
        for name in ports:
            # what a job sees of an environment is written down, and so looked through as well
            file.write(
                f'[clusters.{name}]\nhost = "{name}"\nssh_config = "{folder}/ssh_config"\ninterval = 1.0\n'
                f"own_keys = {'true' if name == 'keyed' else 'false'}\n"
                f"[clusters.{name}.codes.trouble]\nsetup = ['env >> \"$HOME/environments\"']\n"
            )
    try:
        with made:
            yield made
    finally:
        allowed.write_bytes(before)
        for name in (".bashrc", "commands", "environments"):
            (pool.home / name).unlink(missing_ok=True)
        pool.clear()


def log_in(yard: Yard, target: str, *answers: str) -> None:
    """With these answers, one after the other."""
    left = list(answers)
    now = yard.client.login(target).through(lambda _: [left.pop(0)], lambda _: False)
    assert now["state"] == "ready", now
    assert not left


def agents(home: Path) -> dict[str, str]:
    """The hashes of the secrets of all agents that there were."""
    with closing(sqlite3.connect(f"file:{home}/jobs.db?mode=ro", uri=True)) as store:
        return {f"secret of {agent}": digest for agent, digest in store.execute("SELECT id, secret_hash FROM agent")}


def test_what_is_typed_at_a_login_and_an_agents_secret_are_shown_and_kept_nowhere(yard: Yard, pool: Site, folder: Path) -> None:
    planted = f"planted-{uuid.uuid4().hex}"
    typed = {"password": pool.account.password, "wrong answer": WRONG, "passphrase": PASSPHRASE, "planted": planted}
    places = (yard.home, pool.home, pool.folder, pool.cluster.folder, folder / "sshd")
    with Watch() as watch:
        log_in(yard, "pool", WRONG, pool.account.password)
        log_in(yard, "asking", WRONG, pool.account.password)
        log_in(yard, "keyed", WRONG, PASSPHRASE)
        inputs = {"how": "slow", "seconds": 5.0}
        simulation = yard.client.create_simulation("trouble", "secrets", inputs=inputs)["id"]
        run = yard.client.start(simulation, "later", reuse=False, target="pool")
        reaches(run, "running", "completed", seconds=LIMIT)
        search = Search(typed, agents(yard.home))
        during, _ = search.files(*places)
        reaches(run, "completed")
        assert run.report("line")["data"]
        # what is looked for is seen where it is: a process that shows it, in each of both ways
        show = "import os; os.environ['PLANTED']; input()"
        with subprocess.Popen(
            [sys.executable, "-c", show, planted], env={"PLANTED": planted}, stdin=subprocess.PIPE
        ) as process:  # fmt: skip
            watch.look()
            process.communicate(b"\n")
        yard.simyard("down", "--stop-runs")
    search.hashes = agents(yard.home)
    assert search.hashes
    assert during == set()

    # ── processes ──
    for kind, shown in watch.shown.items():
        given_away = {name: one for one in shown for name in search.names(one)}
        assert set(given_away) == {"planted"}, (kind, given_away)
    for words in (b"simyard.supervisor", b"simyard.web", b".pyz", b"runner-", b"sshd"):
        assert watch.has(words), words
    # those that are too quick to be seen are written down by the login shell itself
    assert " launch " in (pool.home / "commands").read_text()

    # ── files ──
    plants = plant(yard.home / "planted.db", pool.home / "planted", planted)
    secret = "0123456789abcdef" * 4
    search.hashes["secret of nobody"] = hash_secret(secret)
    (pool.home / "planted-secret").write_text(f'{{"secret":"{secret}"}}')
    found, seen = search.files(*places)
    assert found == {(str(path), "planted") for path in plants} | {(str(pool.home / "planted-secret"), "secret of nobody")}
    names = {Path(path).name for path in seen}
    assert {
        "jobs.db",
        "slurmctld.log",
        "sshd.log",
        "events.jsonl",
        "job.sh",
        "slurm.json",
        "calls",
        "commands",
        "environments",
    } <= names
    assert any(path.endswith(".log") and path.startswith(str(yard.home)) for path in seen)
    for path in [*plants, pool.home / "planted-secret"]:
        path.unlink()


def plant(store: Path, text: Path, secret: str) -> list[Path]:
    """It in a database, in a file as it is, and in one in base64 within something longer."""
    with closing(sqlite3.connect(store)) as database:
        database.execute("CREATE TABLE planted (word TEXT)")
        database.execute("INSERT INTO planted VALUES (?)", (secret,))
        database.commit()
    found = [store, text]
    text.write_text(f"password={secret}\n")
    for before in range(3):
        coded = text.with_name(f"planted-{before}")
        coded.write_bytes(base64.b64encode(b"." * before + secret.encode() + b"behind"))
        found.append(coded)
    return found


@pytest.mark.parametrize(
    "message",
    [
        TargetLogin(user="me", target="pool", answers=(WRONG,)),
        LoginStep(answers=(WRONG,)),
        Login.model_validate({"answers": [WRONG]}),
        AgentSpec(agent="A1", user="me", target="pool", door="d", root="r", secret=WRONG),
        StartAgent(agent="A1", user="me", target="pool", secret=WRONG),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_that_carries_a_secret_does_not_show_it(message: Any) -> None:
    carried = message.answers[0] if hasattr(message, "answers") else message.secret
    assert carried == WRONG
    assert WRONG not in repr(message)
    assert WRONG not in str(message)
