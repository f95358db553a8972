"""`simyard target check` finds what is wrong on the way to a cluster, says what to do, and leaves nothing behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from tests.contract.sbatch.sbatch_kit import build
from tests.slurm_site import Site
from tests.ssh_server import Account, Sshd

pytestmark = [pytest.mark.slurm, pytest.mark.xdist_group("slurm"), pytest.mark.timeout(300)]
CODES = Path(__file__).parents[2] / "system" / "codes-mpi"
SIMYARD = Path(sys.executable).parent / "simyard"
WAY = ["name", "connection", "host key", "login"]
THERE = ["shell", "directory", "Python", "agent", "way back", "codes"]
SLURM = ["Slurm", "partitions", "job"]


class Check:
    """What a check has said, by step."""

    def __init__(self, home: Path, section: str, *words: str, given: str = "") -> None:
        home.mkdir(exist_ok=True)
        (home / "simyard.toml").write_text(f'codes_path = ["{CODES}"]\n{section}')
        done = subprocess.run(
            [SIMYARD, "--home", home, "target", "check", "pool", "--json", *words],
            input=given, capture_output=True, text=True, check=False, timeout=200, env={**os.environ, "HOME": str(home)},
        )  # fmt: skip
        self.status, self.errors = done.returncode, done.stderr
        self.found: dict[str, dict[str, Any]] = {one["step"]: one for one in json.loads(done.stdout)} if done.stdout else {}

    def states(self, *steps: str) -> list[str]:
        return [self.found[step]["state"] for step in steps]

    @property
    def bad(self) -> dict[str, Any]:
        """The one step that does not work."""
        (found,) = [one for one in self.found.values() if one["state"] == "bad"]
        assert found["advice"] or "." in found["detail"]
        return found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for the file: the agent is built once."""
    made = tmp_path_factory.mktemp("check")
    build(made / "agent")
    return made


@pytest.fixture
def mine(home: Path, tmp_path: Path) -> Path:
    """One for a test, which knows no host yet."""
    made = tmp_path / "home"
    made.mkdir()
    (made / "agent").symlink_to(home / "agent")
    return made


def section(port: int, *lines: str) -> str:
    return (
        f'[clusters.pool]\nhost = "127.0.0.1"\nport = {port}\nssh_config = "/dev/null"\nown_keys = false\n'
        + "\n".join(lines)
        + "\n"
    )


@contextmanager
def moved(path: Path) -> Iterator[None]:
    """It is not there meanwhile."""
    away = path.with_name(path.name + ".away")
    path.rename(away)
    try:
        yield
    finally:
        away.rename(path)


# ── a whole cluster ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_all_is_well_with_a_cluster_that_is_well_and_nothing_stays_there(pool: Site, home: Path) -> None:
    profile = pool.account.home / ".bash_profile"
    own = profile.read_text()
    # many sites' profiles have something to say
    profile.write_text(own + 'echo "Welcome: 4 jobs|of yours"; echo "The disk is 93% full." >&2\n')
    check = Check(home, pool.section())
    profile.write_text(own)
    assert check.states(*WAY, *THERE, *SLURM) == ["good"] * 13, check.found
    assert check.status == 0
    assert pool.account.name in check.found["login"]["detail"]
    assert str(pool.directory) in check.found["directory"]["detail"]
    assert "regular (2 nodes" in check.found["partitions"]["detail"]
    assert "ran on" in check.found["job"]["detail"]
    assert "Python 3." in check.found["job"]["detail"]
    assert pool.jobs() == []
    assert list(pool.directory.iterdir()) == []
    assert not list(Path("/tmp").glob(f"simyard-{pool.account.home.stat().st_uid}-*-check"))


def test_it_reads_as_sentences(pool: Site, home: Path) -> None:
    (home / "simyard.toml").write_text(f'codes_path = ["{CODES}"]\n{pool.section()}')
    command = ["--home", str(home), "target", "check", "pool", "--no-job"]
    done = subprocess.run([SIMYARD, *command], capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stdout
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == [f"✓ {step}" for step in [*WAY, *THERE, *SLURM[:2]]]


def test_a_code_that_cannot_start_there_is_told(pool: Site, home: Path) -> None:
    # the account's own Python has nothing of what MAD-X needs
    lines = [
        "[clusters.pool.codes.madx]", 'python = "/usr/bin/python3"',
        "[clusters.pool.codes.grayscott]", 'setup = ["module load moon || exit 7"]', 'python = "/nowhere/python"',
        "[clusters.pool.codes.mooncode]",
    ]  # fmt: skip
    own, _, _ = pool.section().partition("[clusters.pool.codes")
    check = Check(home, own + "\n".join(lines) + "\n", "--no-job")
    assert check.bad["step"] == "codes"
    for words in (
        "madx: /usr/bin/python3 has no cpymad.",
        "grayscott: /nowhere/python does not start: ",
        "mooncode: there is no",
    ):
        assert words in check.bad["detail"], check.bad


def test_a_refused_job_is_told_in_the_words_of_slurm(pool: Site, home: Path) -> None:
    check = Check(home, pool.section(more='constraint = "gpu"\n'))
    assert check.bad["step"] == "job"
    assert "Slurm refuses the job" in check.bad["detail"]
    assert check.status == 1


def test_a_partition_that_is_none_is_told_with_those_that_are(pool: Site, home: Path) -> None:
    check = Check(home, pool.section(more='partition = "moon"\n'))
    assert check.bad["step"] == "partitions"
    assert "no partition 'moon'; there are debug, regular" in check.bad["detail"]
    assert check.found["job"]["state"] == "left out"


def test_a_job_that_waits_behind_others_is_cancelled_and_no_fault(pool: Site, home: Path) -> None:
    pool.cluster.ask("sbatch", "--partition=debug", "--cpus-per-task=2", "--mem=100", "--output=/dev/null", "--wrap=sleep 300")
    try:
        check = Check(home, pool.section(more='partition = "debug"\n'), "--patience", "3")
    finally:
        pool.cluster.ask("scancel", "--user=root")
    assert (check.found["job"]["state"], check.status) == ("unsure", 0), check.found["job"]
    assert "still waits after 3 s" in check.found["job"]["detail"]
    pool.cluster.until(lambda: not pool.jobs())


def test_a_check_that_is_interrupted_leaves_no_job_and_no_folder(pool: Site, home: Path) -> None:
    (home / "simyard.toml").write_text(pool.section(more='partition = "debug"\n'))
    pool.cluster.ask("sbatch", "--partition=debug", "--cpus-per-task=2", "--mem=100", "--output=/dev/null", "--wrap=sleep 300")
    command = ["--home", str(home), "target", "check", "pool", "--patience", "200"]
    try:
        with subprocess.Popen(
            [SIMYARD, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        ) as check:
            pool.cluster.until(pool.jobs)
            check.send_signal(signal.SIGINT)
            assert check.wait(100) == 130
    finally:
        pool.cluster.ask("scancel", "--user=root")
    pool.cluster.until(lambda: not pool.jobs())
    assert list(pool.directory.iterdir()) == []


def test_a_controller_that_does_not_answer_is_no_fault_of_the_way(pool: Site, home: Path) -> None:
    with pool.fault("scontrol", 'echo "slurm_load_partitions: Unable to contact slurm controller" >&2; exit 1'):
        check = Check(home, pool.section(), "--no-job")
    assert check.bad["step"] == "partitions"
    assert "controller does not answer" in check.bad["detail"]


def test_a_login_node_without_slurm_is_told(pool: Site, home: Path) -> None:
    profile = pool.account.home / ".bash_profile"
    with moved(profile):
        profile.write_text(
            'mkdir -p "$HOME/few"; for one in bash head df mktemp id uname tail rm cat mkdir python3; do ln -sf "$(command -v $one)" "$HOME/few/"; done; PATH="$HOME/few"\n'
        )
        check = Check(home, pool.section(), "--no-job")
        profile.unlink()
    assert check.bad["step"] == "Slurm", check.found
    assert "sbatch" in check.bad["detail"]
    assert "~/.bash_profile" in check.bad["advice"]


# ── a login node alone ───────────────────────────────────────────────────────────────────────────────────────────────


def test_a_name_that_nobody_knows_is_told(home: Path) -> None:
    check = Check(home, '[clusters.pool]\nhost = "nowhere.invalid"\nssh_config = "/dev/null"\n')
    assert check.bad["step"] == "name"
    assert "nowhere.invalid" in check.bad["detail"]
    assert check.states("connection", "login", "job") == ["left out"] * 3


def test_a_port_where_nobody_listens_or_somebody_else_does_is_told(home: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        assert "Nobody listens" in Check(home, section(port)).bad["detail"]
    with socket.create_server(("127.0.0.1", 0)) as other:

        def hang_up() -> None:
            one, _ = other.accept()
            one.sendall(b"220 mail.example\r\n")
            one.close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        check = Check(home, section(other.getsockname()[1]))
        thread.join(60)
    assert check.bad["step"] == "connection"
    assert "no ssh server" in check.bad["detail"]


def test_an_unknown_host_is_compared_and_a_password_is_asked_for_and_kept_nowhere(
    sshd: Callable[..., Sshd], someone: Account, mine: Path
) -> None:
    server = sshd("UsePAM no", "PasswordAuthentication yes", "KbdInteractiveAuthentication no")
    fingerprint = asyncssh.import_public_key(server.key).get_fingerprint()
    lines = section(server.port, f'user = "{someone.name}"')
    shy = Check(mine, lines, given=f"{someone.password}\n")
    assert shy.bad["step"] == "host key"
    assert f"--accept {fingerprint}" in shy.bad["advice"]
    check = Check(mine, lines, "--no-job", "--accept", fingerprint, given=f"{someone.password}\n")
    assert check.states("host key", "login", "shell", "directory", "Python") == ["good"] * 5, check.found
    assert fingerprint in check.found["host key"]["detail"]
    again = Check(mine, lines, "--no-job", given="wrong\nwrong\nwrong\nwrong\nwrong\nwrong\n")
    assert again.found["host key"]["detail"].startswith("known")
    assert again.bad["step"] == "login"
    assert "does not let you in" in again.bad["detail"]
    for path in mine.rglob("*"):
        if path.is_file():
            assert someone.password.encode() not in path.read_bytes(), path


def test_a_changed_host_key_is_told_and_nobody_is_asked(sshd: Callable[..., Sshd], someone: Account, mine: Path) -> None:
    server = sshd("UsePAM no", "PasswordAuthentication yes", "KbdInteractiveAuthentication no")
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    (mine / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {other}")
    check = Check(mine, section(server.port, f'user = "{someone.name}"'), "--accept", "SHA256:x", given=f"{someone.password}\n")
    assert check.bad["step"] == "host key"
    assert "Somebody may be in between" in check.bad["detail"]


def test_no_python_no_room_and_no_way_back_are_each_told(sshd: Callable[..., Sshd], someone: Account, mine: Path) -> None:
    server = sshd("UsePAM no", "PasswordAuthentication yes", "KbdInteractiveAuthentication no", "DisableForwarding yes")
    (mine / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {server.key}\n")
    lines = [f'user = "{someone.name}"', 'directory = "/proc/simyard"', 'pythons = ["python2.2"]']
    check = Check(mine, section(server.port, *lines), "--no-job", given=f"{someone.password}\n")
    assert check.states("shell", "directory", "Python", "agent", "way back") == ["good", "bad", "bad", "left out", "left out"]
    assert "cannot be written to" in check.found["directory"]["detail"]
    assert "`pythons`" in check.found["Python"]["detail"]
    check = Check(mine, section(server.port, f'user = "{someone.name}"'), "--no-job", given=f"{someone.password}\n")
    assert check.found["way back"]["state"] == "bad"
    assert "AllowStreamLocalForwarding" in check.found["way back"]["detail"]


def test_a_full_home_is_told(sshd: Callable[..., Sshd], someone: Account, mine: Path) -> None:
    server = sshd("UsePAM no", "PasswordAuthentication yes", "KbdInteractiveAuthentication no")
    small = someone.home / "small"
    small.mkdir()
    (mine / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {server.key}\n")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0777", "none", small], check=True)
    try:
        lines = section(server.port, f'user = "{someone.name}"', 'directory = "~/small/yard"')
        check = Check(mine, lines, "--no-job", given=f"{someone.password}\n")
        left = [path for path in small.rglob("*") if path.is_file()]
    finally:
        subprocess.run(["umount", small], check=True)
    assert check.states("directory", "Python", "agent", "way back") == ["bad", "good", "left out", "good"], check.found
    assert "No space left on device" in check.found["directory"]["detail"]
    assert "make room" in check.found["directory"]["advice"]
    assert left == []


def test_a_door_is_tried_from_there(sshd: Callable[..., Sshd], someone: Account, mine: Path) -> None:
    server = sshd("UsePAM no", "PasswordAuthentication yes", "KbdInteractiveAuthentication no")
    (mine / "known_hosts").write_text(f"[127.0.0.1]:{server.port} {server.key}\n")
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        lines = section(server.port, f'user = "{someone.name}"', f'door = "ws://127.0.0.1:{port}/agent"')
        assert Check(mine, lines, "--no-job", given=f"{someone.password}\n").found["way back"]["state"] == "good"
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and nobody listens
        lines = lines.replace(f":{port}/", f":{nobody.getsockname()[1]}/")
        shut = Check(mine, lines, "--no-job", given=f"{someone.password}\n")
    assert shut.found["way back"]["state"] == "bad"
    assert "cannot be reached from" in shut.found["way back"]["detail"]


def test_what_is_no_cluster_cannot_be_checked(home: Path) -> None:
    (home / "simyard.toml").write_text("")
    done = subprocess.run([SIMYARD, "--home", home, "target", "check", "local"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (4, "")
    assert "no cluster called 'local'" in done.stderr
