"""A cluster with several login nodes, on any of which a login may arrive: one agent all the same. Each node is a machine of its own as far as
names, numbers of processes and the place for sockets go; they share the user's home folder."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from simyard.drivers.base import Life
from simyard.drivers.sbatch.agent_file import AgentFile
from tests.contract.sbatch.sbatch_kit import KEYS, SITE, Bench, bench, build, cluster, key_for, play, ssh_config
from tests.ssh_server import Account, Sshd

pytestmark = [pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> AgentFile:
    return build(tmp_path_factory.mktemp("agent"))


@pytest.fixture
def nodes(sshd: Callable[..., Sshd], someone: Account, tmp_path: Path) -> list[Sshd]:
    """Two login nodes. What runs on one dies with its sshd, as with the machine."""
    made = []
    uid, gid = someone.home.stat().st_uid, someone.home.stat().st_gid
    sockets = Path(f"/tmp/simyard-{uid}-{SITE}")
    sockets.mkdir(mode=0o700, exist_ok=True)
    shutil.chown(sockets, uid, gid)
    for name in ("login1", "login2"):
        own = tmp_path / f"sockets-{name}"
        own.mkdir(mode=0o700)
        shutil.chown(own, uid, gid)
        node = sshd(*KEYS)
        node.stop()
        furnish = f'hostname {name} && mount --bind {own} {sockets} && exec "$@"'
        node.inside = (
            "unshare",
            "--uts",
            "--pid",
            "--mount",
            "--fork",
            "--mount-proc",
            "--kill-child",
            "sh",
            "-c",
            furnish,
            "sh",
        )
        node.start()
        made.append(node)
    return made


def at_node(at: Bench, node: Sshd) -> None:
    """The next login arrives there."""
    at.new_driver(cluster(node, Path(at.config.ssh_config)))


def test_a_login_that_arrives_on_another_node_ends_the_agent_that_cannot_be_reached_any_more(
    nodes: list[Sshd], someone: Account, tmp_path: Path, built: AgentFile
) -> None:
    first, second = nodes

    async def story() -> None:
        config = cluster(first, ssh_config(tmp_path, someone, key_for(someone, tmp_path)))
        async with bench(tmp_path, built, config, first, second) as at:
            older = await at.agent()
            assert (older["node"], at.supervisor.hellos[0].host) == ("login1", "login1")
            await at.driver.cleanup()
            at_node(at, second)
            # the supervisor asks about the agent that it knows; that one has left by the time of the answer
            await at.life(older, Life.GONE)
            newer = await at.agent()
            assert (newer["node"], at.supervisor.hellos[1].host) == ("login2", "login2")
            # and the other way round, without asking first: the older leaves when the newer has come
            await at.driver.cleanup()
            at_node(at, first)
            newest = await at.agent()
            assert at.supervisor.hellos[2].host == "login1"
            assert await at.driver.poll(newest) is Life.ALIVE
            await at.driver.stop(newest)
            assert await at.driver.poll(newest) is Life.GONE

    play(story)


def test_the_agent_of_a_login_node_that_has_died_is_replaced_once_that_is_certain(
    nodes: list[Sshd], someone: Account, tmp_path: Path, built: AgentFile
) -> None:
    first, second = nodes

    async def story() -> None:
        config = cluster(first, ssh_config(tmp_path, someone, key_for(someone, tmp_path)))
        async with bench(tmp_path, built, config, first, second) as at:
            older = await at.agent()
            await asyncio.to_thread(first.stop)
            await at.driver.cleanup()
            at_node(at, second)
            await at.life(older, Life.GONE)
            newer = await at.agent()
            assert at.supervisor.hellos[1].host == "login2"
            await at.driver.stop(newer)

    play(story)
