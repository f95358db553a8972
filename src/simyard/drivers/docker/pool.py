"""The hosts that containers live on: a new user goes to the least loaded one, and stays there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiodocker

from simyard.drivers.base import DriverError, News, Trouble
from simyard.drivers.docker.container import SITE, USER
from simyard.drivers.docker.host import Host, Silent

#: What a host says of its containers of this site, as its API has it.
Rooms = list[dict[str, Any]]


class Pool:
    """`hosts` in the order of the configuration; those whose url is in `drained` take no new user. `memory` is the file in which
    it is written where each user lives: a host that does not answer must not make a user live twice."""

    def __init__(self, hosts: Sequence[Host], drained: Sequence[str], memory: Path, site: str) -> None:
        self._hosts = {host.url: host for host in hosts}
        self._drained = frozenset(drained)
        self._memory, self._site = memory, site
        self._lives: dict[str, str] = json.loads(memory.read_text("utf-8")) if memory.exists() else {}
        self._coming: dict[str, str] = {}
        self._looked_at: set[str] = set()
        self._silent: set[str] = set()
        self._writing = asyncio.Lock()

    async def close(self) -> None:
        for host in self._hosts.values():
            await host.close()

    def host(self, url: str) -> Host:
        """Raises KeyError where the configuration has none of that name (any more)."""
        return self._hosts[url]

    def trouble(self, user: str, url: str | None) -> Trouble | None:
        """Why the host `url`, where an agent of the user's is, or without it the one where it would be, does not answer."""
        if url is not None and url not in self._hosts:
            return Trouble(words=f"The Docker host {url} is not in the configuration any more. Put it back, or cancel")
        home = self._hosts.get(url or self._lives.get(user, ""))
        silent = [host for host in ([home] if home is not None else self._open) if host.silent_since is not None]
        if home is None and len(silent) < len(self._open):
            return None  # there is one that would take them
        first = min(silent, key=lambda host: host.silent_since or 0.0, default=None)
        return Trouble(words=f"The Docker daemon at {first.url} is not answering", since=first.silent_since) if first else None

    def likely(self, user: str) -> Host | None:
        """Where the user is, or, of one who is nowhere yet, the first that takes anybody."""
        return self._hosts.get(self._lives.get(user, "")) or next(iter(self._open), None)

    async def look(self) -> list[News]:
        """Ask every host whether it answers, all at once, each one question at a time; what has changed since it was asked before.
        Raises nothing."""
        looks = await asyncio.gather(*(self._look_at(host) for host in self._hosts.values()))
        return [news for news in looks if news is not None]

    @asynccontextmanager
    async def home_of(self, user: str) -> AsyncIterator[Host]:
        """Where the user's container is, or is to be: whoever comes while it is being made finds it counted. Raises DriverError
        where no host answers that may take them."""
        host = await self._chosen(user)
        try:
            yield host
        finally:
            self._coming.pop(user, None)

    @property
    def _open(self) -> list[Host]:
        return [host for host in self._hosts.values() if host.url not in self._drained]

    async def _chosen(self, user: str) -> Host:
        home = self._hosts.get(self._lives.get(user, ""))
        # one that does not answer may hold the user's container: it is waited for, and nobody else with it
        if home is not None and (home.url not in self._drained or self._has(await self._rooms(home), user)):
            return home
        if not self._open:
            raise DriverError("Every Docker host is being drained: no new user can be taken in.")
        found, words = await self._asked_all()
        # nothing is awaited between the counts and the choice: of two who come at once, one counts the other
        there = next((host for host, rooms in found.items() if self._has(rooms, user)), None)
        chosen = there or self._least_loaded(found)
        if chosen is None:
            raise DriverError(f"No Docker host answers. {words}")
        self._lives[user] = self._coming[user] = chosen.url
        async with self._writing:
            await asyncio.to_thread(self._write, json.dumps(self._lives))
        return chosen

    def _least_loaded(self, found: dict[Host, Rooms]) -> Host | None:
        loads: list[tuple[int, int, Host]] = []
        for at, host in enumerate(self._open):
            if host in found:
                users = {one["Labels"].get(USER) for one in found[host] if one["State"] == "running"}
                loads.append((len(users | {user for user, url in self._coming.items() if url == host.url}), at, host))
        return min(loads)[2] if loads else None

    async def _asked_all(self) -> tuple[dict[Host, Rooms], str]:
        """What each host says that answers, the drained ones included; and why one does not."""
        hosts = list(self._hosts.values())
        found: dict[Host, Rooms] = {}
        words = ""
        for host, said in zip(hosts, await asyncio.gather(*map(self._rooms, hosts), return_exceptions=True), strict=True):
            match said:
                case list():
                    found[host] = said
                case DriverError(detail=detail):
                    words = detail
                case aiodocker.DockerError():
                    words = f"Docker at {host.url} refuses: {said.message}"
                case BaseException():
                    raise said
        return found, words

    async def _look_at(self, host: Host) -> News | None:
        if host.url in self._looked_at:
            return None
        self._looked_at.add(host.url)
        try:
            await host.containers(f"{SITE}={self._site}", anew=True)
        except (Silent, aiodocker.DockerError, ValueError):
            pass  # what it means that it does not answer, the host itself keeps
        finally:
            self._looked_at.discard(host.url)
        was_silent, is_silent = host.url in self._silent, host.silent_since is not None
        if was_silent == is_silent:
            return None
        (self._silent.add if is_silent else self._silent.discard)(host.url)
        return News(words=host.silence or f"The Docker daemon at {host.url} answers again.", good=was_silent)

    @staticmethod
    def _has(rooms: Rooms, user: str) -> bool:
        return any(one["Labels"].get(USER) == user and one["State"] == "running" for one in rooms)

    async def _rooms(self, host: Host) -> Rooms:
        return await host.containers(f"{SITE}={self._site}")

    def _write(self, text: str) -> None:
        beside = self._memory.with_name(self._memory.name + ".new")
        beside.write_text(text, "utf-8")
        beside.replace(self._memory)
