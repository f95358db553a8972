"""The sbatch driver on a login node behind a real sshd: one logs in as with ssh, and an agent there finds its way back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tornado.netutil import bind_sockets

from simyard.drivers.base import DriverError, Life
from simyard.drivers.sbatch.agent_file import AgentFile
from tests.contract.sbatch.sbatch_kit import KEYS, SITE, bench, build, cluster, key_for, play, ssh_config
from tests.ssh_server import Account, Sshd, account

pytestmark = [pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> AgentFile:
    return build(tmp_path_factory.mktemp("agent"))


def environment_of(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/environ").read_text().split("\0")


def done(command: list[str]) -> None:
    subprocess.run(command, check=True)


def test_with_a_key_an_agent_is_started_without_a_question_and_finds_its_way_back(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path, built: AgentFile
) -> None:
    server = sshd(*KEYS)
    config = cluster(server, ssh_config(tmp_path, someone, key_for(someone, tmp_path)))

    async def story() -> None:
        async with bench(tmp_path, built, config, server) as at:
            assert at.driver.login("me").state == "untried"
            handle = await at.agent()
            assert at.driver.login("me").state == "ready"
            assert [news.good for news in await at.driver.look()] == [True]
            root = someone.home / ".simyard" / f"{SITE}-me"
            assert handle["root"] == str(root)
            assert stat.S_IMODE(root.stat().st_mode) == 0o700
            assert (root / built.name).read_bytes() == built.path.read_bytes()
            door = Path(os.readlink(f"/proc/{handle['process']['pid']}/cwd"))
            assert door == root
            assert await at.driver.poll(handle) is Life.ALIVE
            await at.driver.stop(handle)
            assert await at.driver.poll(handle) is Life.GONE
            await at.driver.stop(handle)

    play(story)


def test_the_folder_is_as_the_login_there_understands_it_whatever_its_shell_prints(
    sshd: Callable[..., Sshd], tmp_path: Path, built: AgentFile
) -> None:
    server = sshd(*KEYS)

    async def story(who: Account) -> None:
        (who.home / ".bash_profile").write_text(
            "echo simyard: welcome; echo to the pool >&2\nexport SCRATCH=$HOME/big SITE_PATHS=/opt/x MY_TOKEN=abc DB_PASSWORD=def\n"
        )
        config = ssh_config(tmp_path, who, key_for(who, tmp_path))
        async with bench(tmp_path, built, cluster(server, config, directory="$SCRATCH/sim yard's"), server) as at:
            handle = await at.agent()
            assert handle["root"] == f"{who.home}/big/sim yard's/{SITE}-me"
            seen = environment_of(handle["process"]["pid"])
            names = {one.partition("=")[0] for one in seen}
            assert "SITE_PATHS=/opt/x" in seen
            assert not names & {"MY_TOKEN", "DB_PASSWORD", "SSH_CONNECTION", "SSH_CLIENT", "SIMYARD_HOME"}
            assert await at.driver.poll(handle) is Life.ALIVE
            await at.driver.stop(handle)

    with account() as who:
        subprocess.run(["usermod", "--shell", "/bin/sh", who.name], check=True)
        play(lambda: story(who))


def test_the_agent_is_copied_when_its_hash_differs_and_only_then(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path, built: AgentFile
) -> None:
    server = sshd(*KEYS)
    config = cluster(server, ssh_config(tmp_path, someone, key_for(someone, tmp_path)), directory="~/copied")

    async def story() -> None:
        async with bench(tmp_path, built, config, server) as at:
            handle = await at.agent()
            there = Path(handle["root"], built.name)
            assert handle["file"] == str(there)
            before = os.stat(there).st_ino
            await at.driver.stop(handle)
            await at.driver.stop(await at.agent())
            assert os.stat(there).st_ino == before
            await asyncio.to_thread(there.write_bytes, b"damaged")
            await at.driver.stop(await at.agent())
            assert await asyncio.to_thread(there.read_bytes) == built.path.read_bytes()
            assert sorted(path.name for path in there.parent.glob("agent-*")) == [there.name]

    play(story)


def test_a_supervisor_that_was_started_again_finds_the_agent_by_itself(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path, built: AgentFile
) -> None:
    server = sshd(*KEYS)
    config = cluster(server, ssh_config(tmp_path, someone, key_for(someone, tmp_path)))

    async def story() -> None:
        async with bench(tmp_path, built, config, server) as at:
            handle = await at.agent()
            await at.driver.cleanup()
            at.new_driver()
            # all that a supervisor does of itself is to ask about the agent that it knows
            assert await at.driver.poll(handle) is Life.ALIVE
            await at.supervisor.connected(2)
            assert at.supervisor.hellos[0].pid == at.supervisor.hellos[1].pid
            folder = Path(f"/tmp/simyard-{someone.home.stat().st_uid}-{SITE}")
            await at.until(lambda: len([one for one in folder.iterdir() if one.name.startswith("door-")]) <= 2)
            await at.driver.stop(handle)

    play(story)


def test_without_a_python_or_room_or_a_way_back_it_says_what_to_do(
    sshd: Callable[..., Sshd], tmp_path: Path, built: AgentFile
) -> None:
    server, narrow = sshd(*KEYS), sshd(*KEYS, "AllowStreamLocalForwarding no")

    async def story(who: Account) -> None:
        config = ssh_config(tmp_path, who, key_for(who, tmp_path))
        async with bench(tmp_path, built, cluster(server, config), server, narrow) as at:
            at.new_driver(cluster(server, config, pythons=("no-such-python", "false")))
            with pytest.raises(
                DriverError, match=r"no Python 3.9 or newer on .* Ask your site where it has one \(perhaps a module\)"
            ):
                await at.agent()
            assert at.driver.login("me").state == "ready"
            await at.driver.cleanup()
            at.new_driver(cluster(narrow, config))
            with pytest.raises(DriverError, match=r"AllowStreamLocalForwarding .* or set `door` in \[clusters\]"):
                await at.agent()
            await at.driver.cleanup()
            at.new_driver(cluster(server, config, directory="/proc/no"))
            with pytest.raises(DriverError, match=rf"/proc/no/{SITE}-me cannot be written to"):
                await at.agent()
            await at.driver.cleanup()
            full = who.home / "full"
            full.mkdir()
            await asyncio.to_thread(
                subprocess.run, ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0777", "none", str(full)], check=True
            )
            try:
                at.new_driver(cluster(server, config, directory="~/full"))
                with pytest.raises(DriverError, match=r"could not be copied to .* Make room there, and try again\."):
                    await at.agent()
                assert [path.name for path in (full / f"{SITE}-me").iterdir()] == []
                (full / "all").write_bytes(b"x" * 100_000)
                with contextlib.suppress(OSError):
                    (full / "all").write_bytes(b"x" * 1_000_000)
                with pytest.raises(DriverError, match=r"cannot be written to: No space left .* make room there, and try again\."):
                    await at.agent()
                (full / "all").unlink()
                await asyncio.to_thread(done, ["mount", "-o", "remount,size=16m", str(full)])
                await at.driver.stop(await at.agent())
                await at.driver.cleanup()
            finally:
                await asyncio.to_thread(done, ["umount", "--lazy", str(full)])

    with account() as who:
        play(lambda: story(who))


def test_a_folder_of_somebody_elses_is_no_place_for_the_socket(
    sshd: Callable[..., Sshd], tmp_path: Path, built: AgentFile
) -> None:
    server = sshd(*KEYS)

    async def story(who: Account) -> None:
        taken = [Path(f"{place}/simyard-{who.home.stat().st_uid}-{SITE}") for place in ("/tmp", "/var/tmp")]
        config = cluster(server, ssh_config(tmp_path, who, key_for(who, tmp_path)))
        try:
            taken[0].mkdir()  # root's
            async with bench(tmp_path, built, config, server) as at:
                handle = await at.agent()
                assert any(one.name.startswith("door-") for one in taken[1].iterdir())
                assert stat.S_IMODE(taken[1].stat().st_mode) == 0o700
                assert list(taken[0].iterdir()) == []
                await at.driver.stop(handle)
                await at.driver.cleanup()
                shutil.rmtree(taken[1])
                taken[1].symlink_to(who.home)
                at.new_driver()
                with pytest.raises(DriverError, match=r"no place for a socket: .* is there, and is not yours"):
                    await at.agent()
        finally:
            taken[0].rmdir()
            taken[1].unlink(missing_ok=True)

    with account() as who:
        play(lambda: story(who))


def test_an_agent_dials_a_door_of_its_own_where_the_cluster_reaches_the_supervisor(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path, built: AgentFile
) -> None:
    server = sshd(*KEYS, "AllowStreamLocalForwarding no", "AllowTcpForwarding no")
    config = ssh_config(tmp_path, someone, key_for(someone, tmp_path))

    async def story() -> None:
        async with bench(tmp_path, built, cluster(server, config), server) as at:
            (listening,) = bind_sockets(0, "127.0.0.1")
            assert at.supervisor._server is not None
            at.supervisor._server.add_socket(listening)
            at.new_driver(cluster(server, config, door=f"ws://127.0.0.1:{listening.getsockname()[1]}"))
            handle = await at.agent()
            # it needs no ssh to be heard
            server.break_connections()
            await at.until(lambda: at.driver.login("me").state == "lost")
            assert at.supervisor.door is not None
            await at.life(handle, Life.ALIVE)
            await at.driver.stop(handle)

    play(story)


def test_two_clusters_in_one_account_do_not_take_each_others_way_back(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path, built: AgentFile
) -> None:
    server = sshd(*KEYS)
    config = cluster(server, ssh_config(tmp_path, someone, key_for(someone, tmp_path)))

    async def story() -> None:
        async with bench(tmp_path, built, config, server) as at:
            handle = await at.agent()
            first = at.driver
            other = at.new_driver(name="lake")
            assert await other.poll({**handle, "node": "", "target": "lake"}) is Life.GONE  # it has none; it is logged in now
            assert other.login("me").state == "ready"
            await other.cleanup()
            # what the first one's agent dials leads to the supervisor as before
            assert at.supervisor.door is not None
            at.supervisor.door.close()
            await at.supervisor.connected(2)
            at.driver = first
            await at.driver.stop(handle)

    play(story)
