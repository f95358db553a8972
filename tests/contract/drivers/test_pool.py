"""A pool of hosts: who goes where, who stays, and that one host's silence is nobody else's."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from simyard.drivers.base import DriverError, Life, News
from simyard.drivers.docker.driver import DockerDriver
from simyard.drivers.docker.host import Host, Silent
from simyard.drivers.docker.pool import Pool

SITE = "s1"
#: Long enough for a fake daemon of a busy machine, short enough to wait for (seconds).
PATIENCE = 5.0


class Daemon:
    """As much of a Docker daemon as a pool asks for, on a Unix socket. `users` have running containers there; while `frozen` it takes
    connections and questions, and answers none."""

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{name}.sock"
        self.url = f"unix://{self.path}"
        self.users: list[str] = []
        self.asked: list[str] = []
        self.refuses = ""
        #: A question came while it was frozen.
        self.left_open = asyncio.Event()
        self._thawed = asyncio.Event()
        self._thawed.set()
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_unix_server(self._serve, str(self.path))

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in self._open:
                writer.transport.abort()
            await self._server.wait_closed()
            self._server = None
            self.path.unlink(missing_ok=True)

    def freeze(self) -> None:
        self._thawed.clear()

    def thaw(self) -> None:
        self._thawed.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while line := await reader.readline():
                while (await reader.readline()).strip():
                    pass
                path = unquote(line.split()[1].decode())
                self.asked.append(path)
                if not self._thawed.is_set():
                    self.left_open.set()
                await self._thawed.wait()
                status, answer = self._answer(path)
                body = json.dumps(answer).encode()
                head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
                writer.write(head.encode() + body)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self._open.discard(writer)
            writer.close()

    def _answer(self, path: str) -> tuple[int, Any]:
        if path.endswith("/version"):
            return 200, {"ApiVersion": "1.41", "Version": "20.10"}
        if self.refuses:
            return 500, {"message": self.refuses}
        if "/containers/json" in path:
            return 200, [{"Labels": {"simyard.site": SITE, "simyard.user": user}, "State": "running"} for user in self.users]
        return 404, {"message": "no such container"}


class Pools:
    """Pools of the same fake daemons, as supervisors one after another have them."""

    def __init__(self, folder: Path, names: str) -> None:
        self.folder = folder
        self.daemons = {name: Daemon(folder, name) for name in names}
        self._pools: list[Pool] = []

    def pool(self, names: str = "", drained: str = "") -> Pool:
        hosts = [Host(self.daemons[name].url, time.time, patience=PATIENCE) for name in names or self.daemons]
        made = Pool(hosts, [self.daemons[name].url for name in drained], self.folder / "lives.json", SITE)
        self._pools.append(made)
        return made

    async def home(self, pool: Pool, user: str) -> str:
        """The name of the daemon that the user gets; they have a container there from now on."""
        async with pool.home_of(user) as host:
            (found,) = [name for name, daemon in self.daemons.items() if daemon.url == host.url]
            if user not in self.daemons[found].users:
                self.daemons[found].users.append(user)
            return found

    async def close(self) -> None:
        for pool in self._pools:
            await pool.close()
        for daemon in self.daemons.values():
            daemon.thaw()
            await daemon.stop()


@contextlib.asynccontextmanager
async def pools(folder: Path, names: str = "ab") -> AsyncIterator[Pools]:
    made = Pools(folder, names)
    try:
        for daemon in made.daemons.values():
            await daemon.start()
        yield made
    finally:
        await made.close()


async def silenced(pool: Pool, daemon: Daemon) -> Host:
    """The pool has found out that this daemon does not answer."""
    (news,) = await pool.look()
    assert not news.good
    assert news.words.startswith(f"The Docker daemon at {daemon.url} ")
    host = pool.host(daemon.url)
    assert host.silent_since is not None
    return host


def test_a_new_user_goes_to_the_least_loaded_host_and_stays_there(tmp_path: Path) -> None:
    async def story() -> None:
        async with pools(tmp_path, "abc") as all_of_them:
            all_of_them.daemons["a"].users = ["x", "y"]
            all_of_them.daemons["b"].users = ["z"]
            pool = all_of_them.pool()
            assert await all_of_them.home(pool, "ann") == "c"
            all_of_them.daemons["c"].users += ["k", "l", "m"]
            assert await all_of_them.home(pool, "ann") == "c"
            assert await all_of_them.home(all_of_them.pool(), "ann") == "c", "and after a restart"

    asyncio.run(story())


def test_of_users_who_come_at_once_each_counts_the_others(tmp_path: Path) -> None:
    async def story() -> None:
        async with pools(tmp_path, "abc") as all_of_them, contextlib.AsyncExitStack() as stack:
            pool = all_of_them.pool()
            coming = [stack.enter_async_context(pool.home_of(f"u{number}")) for number in range(6)]
            urls = [host.url for host in await asyncio.gather(*coming)]
            assert sorted(urls) == sorted(2 * [daemon.url for daemon in all_of_them.daemons.values()])

    asyncio.run(story())


def test_a_container_is_found_again_where_nobody_remembers_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with pools(tmp_path) as both:
            both.daemons["b"].users = ["ann", "x", "y"]
            assert await both.home(both.pool(), "ann") == "b"
            both.daemons["a"].users = ["bob"]
            assert await both.home(both.pool(drained="a"), "bob") == "a", "a drained host keeps those who have one there"

    asyncio.run(story())


def test_who_has_a_container_on_a_drained_host_stays_and_others_move(tmp_path: Path) -> None:
    async def story() -> None:
        async with pools(tmp_path) as both:
            pool = both.pool("a")
            assert await both.home(pool, "ann") == "a"
            assert await both.home(pool, "bob") == "a"
            both.daemons["a"].users.remove("bob")
            pool = both.pool(drained="a")
            assert await both.home(pool, "ann") == "a"
            assert await both.home(pool, "bob") == "b"
            assert await both.home(pool, "eve") == "b"
            both.daemons["a"].users.remove("ann")
            assert await both.home(pool, "ann") == "b"

    asyncio.run(story())


def test_where_every_host_is_drained_a_new_user_is_told_so(tmp_path: Path) -> None:
    async def story() -> None:
        async with pools(tmp_path) as both:
            with pytest.raises(DriverError, match="drained"):
                await both.home(both.pool(drained="ab"), "ann")

    asyncio.run(story())


def test_a_silent_host_delays_nobody_who_lives_elsewhere(tmp_path: Path) -> None:
    async def story() -> None:
        async with pools(tmp_path) as both:
            pool = both.pool()
            both.daemons["b"].users = ["x"]
            assert await both.home(pool, "ann") == "a"
            both.daemons["b"].freeze()
            newcomer = asyncio.create_task(both.home(pool, "bob"))
            await both.daemons["b"].left_open.wait()
            assert await both.home(pool, "ann") == "a"
            assert not newcomer.done(), "somebody who lives elsewhere did not wait for who does not"
            assert await newcomer == "a"
            assert pool.host(both.daemons["b"].url).silent_since is not None

    asyncio.run(story())


def test_what_is_known_not_to_answer_is_not_waited_for_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with pools(tmp_path) as both:
            pool = both.pool()
            both.daemons["b"].users = ["ann"]
            assert await both.home(pool, "ann") == "b"
            both.daemons["b"].freeze()
            host = await silenced(pool, both.daemons["b"])
            asked = len(both.daemons["b"].asked)
            for _ in range(20):
                with pytest.raises(Silent, match="has not answered in time"):
                    await host.find("simyard-x")
            assert await both.home(pool, "bob") == "a"
            assert len(both.daemons["b"].asked) == asked
            assert await both.home(pool, "ann") == "b", "nobody is made to live twice"

    asyncio.run(story())


def test_since_when_a_host_is_silent_is_when_the_first_question_came_that_it_left_open(tmp_path: Path) -> None:
    async def story() -> None:
        async with pools(tmp_path, "a") as one:
            pool = one.pool()
            assert await pool.look() == []
            assert pool.trouble("ann", None) is None
            one.daemons["a"].freeze()
            before = time.time()
            host = await silenced(pool, one.daemons["a"])
            trouble = pool.trouble("ann", None)
            assert trouble is not None
            assert trouble.since is not None
            assert before <= trouble.since <= time.time() - PATIENCE / 2
            assert trouble.words == f"The Docker daemon at {host.url} is not answering"
            assert await pool.look() == []
            assert pool.trouble("ann", host.url) == trouble, "a second silence does not begin"
            one.daemons["a"].thaw()
            assert await pool.look() == [News(words=f"The Docker daemon at {host.url} answers again.", good=True)]
            assert pool.trouble("ann", None) is None
            assert await pool.look() == []

    asyncio.run(story())


def test_a_daemon_that_is_gone_is_silent_at_once_and_heard_of_when_it_is_back(tmp_path: Path) -> None:
    async def story() -> None:
        async with pools(tmp_path, "a") as one:
            pool = one.pool()
            await pool.look()
            await one.daemons["a"].stop()
            host = await silenced(pool, one.daemons["a"])
            with pytest.raises(Silent, match="cannot be reached: No such file or directory"):
                await host.find("simyard-x")
            await one.daemons["a"].start()
            assert [news.good for news in await pool.look()] == [True]
            assert await host.find("simyard-x") is None

    asyncio.run(story())


def test_a_daemon_that_refuses_is_not_silent(tmp_path: Path) -> None:
    async def story() -> None:
        async with pools(tmp_path, "a") as one:
            pool = one.pool()
            one.daemons["a"].refuses = "the disk is full"
            assert await pool.look() == []
            assert pool.trouble("ann", None) is None
            with pytest.raises(DriverError, match="the disk is full"):
                await one.home(pool, "ann")

    asyncio.run(story())


async def slow(host: Host) -> None:
    """A question that is not answered in time, while another is."""
    async with host.asked(limit=PATIENCE):
        await host.find("y")
        await asyncio.Event().wait()


def test_one_question_that_is_slow_does_not_make_a_host_silent_that_answers_others(tmp_path: Path) -> None:
    async def story() -> None:
        async with pools(tmp_path, "a") as one:
            host = one.pool().host(one.daemons["a"].url)
            await host.find("x")
            with pytest.raises(Silent):
                await slow(host)
            assert host.silent_since is None

    asyncio.run(story())


def test_a_new_user_is_in_trouble_only_where_no_open_host_answers(tmp_path: Path) -> None:
    async def story() -> None:
        async with pools(tmp_path, "abc") as three:
            pool = three.pool(drained="c")
            for name in "ac":
                await three.daemons[name].stop()
            await pool.look()
            assert pool.trouble("ann", None) is None
            await three.daemons["b"].stop()
            await pool.look()
            assert pool.trouble("ann", None) is not None

    asyncio.run(story())


def test_an_agent_on_a_host_that_was_removed_is_unknown_and_says_what_helps(tmp_path: Path) -> None:
    async def story() -> None:
        async with pools(tmp_path) as both:
            url = both.daemons["a"].url
            driver = DockerDriver(both.pool("b"), lambda _user: pytest.fail("no container is wanted"))
            handle = {"host": url, "container": "c" * 64, "process": {"pid": 7, "start_time": 1, "boot": "b"}}
            assert await driver.poll(handle) is Life.UNKNOWN
            trouble = driver.trouble("ann", handle)
            assert trouble is not None
            assert trouble.words == f"The Docker host {url} is not in the configuration any more. Put it back, or cancel"
            assert driver.trouble("ann", None) is None
            with pytest.raises(DriverError):
                await driver.stop(handle)

    asyncio.run(story())


def test_a_host_that_was_made_anew_says_that_agents_in_containers_of_the_old_one_are_gone(tmp_path: Path) -> None:
    async def story() -> None:
        async with pools(tmp_path, "a") as one:
            driver = DockerDriver(one.pool(), lambda _user: pytest.fail("no container is wanted"))
            handle = {"host": one.daemons["a"].url, "container": "c" * 64, "process": {"pid": 7, "start_time": 1, "boot": "b"}}
            assert await driver.poll(handle) is Life.GONE
            await one.daemons["a"].stop()
            assert await driver.poll(handle) is Life.UNKNOWN

    asyncio.run(story())


def test_who_lived_on_a_host_that_was_removed_and_has_no_agent_there_moves(tmp_path: Path) -> None:
    async def story() -> None:
        async with pools(tmp_path) as both:
            assert await both.home(both.pool("a"), "ann") == "a"
            assert await both.home(both.pool("b"), "ann") == "b"
            assert await both.home(both.pool(), "ann") == "b"

    asyncio.run(story())


def test_where_users_live_is_written_whole_whoever_comes_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with pools(tmp_path) as both:
            pool = both.pool()
            await asyncio.gather(*(both.home(pool, f"u{number}") for number in range(30)))
            assert len(json.loads((tmp_path / "lives.json").read_text())) == 30
            assert sorted(os.listdir(tmp_path)) == ["a.sock", "b.sock", "lives.json"]

    asyncio.run(story())
