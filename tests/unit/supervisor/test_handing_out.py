"""What an agent may ask of those who hand contents out, and what becomes of one that does not take them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from simyard.config import Config
from simyard.errors import ProtocolError
from simyard.protocol import agents as talk
from simyard.protocol.wire import unpack
from simyard.supervisor import handing_out
from simyard.supervisor.handing_out import AT_ONCE, HandingOut


class Scene:
    """A user with one content of so many bytes, and all that was sent."""

    def __init__(self, home: Path, size: int) -> None:
        content = bytes(size)
        self.sha = hashlib.sha256(content).hexdigest()
        folder = Config(home=home).user_dir("me") / "files" / self.sha[:2]
        folder.mkdir(parents=True)
        (folder / self.sha).write_bytes(content)
        self.sent: list[Any] = []
        self.moved = asyncio.Event()
        self.broken = False
        self.out = HandingOut(Config(home=home), "me", self._send)

    async def _send(self, message: Any) -> None:
        if self.broken:
            raise ConnectionError
        self.sent.append(message)
        self.moved.set()

    def want(self, op: int = 1, **more: Any) -> None:
        self.out.on_wanted(talk.WantFile(**{"op": op, "sha": self.sha, **more}))

    async def until(self, what: Callable[[], Any]) -> Any:
        async with asyncio.timeout(60.0):
            while not (found := what()):
                self.moved.clear()
                await self.moved.wait()
        return found

    @property
    def bytes(self) -> int:
        return sum(len(unpack(one)[1]) for one in self.sent if isinstance(one, bytes))

    def closed(self) -> list[talk.FileClosed]:
        return [one for one in self.sent if isinstance(one, talk.FileClosed)]


def play(home: Path, size: int, story: Callable[[Scene], Awaitable[None]]) -> None:
    async def whole() -> None:
        scene = Scene(home, size)
        await story(scene)
        scene.out.close()

    asyncio.run(whole())


def test_an_agent_that_takes_nothing_is_not_served_any_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handing_out, "PATIENCE", 0.1)

    async def story(scene: Scene) -> None:
        scene.want()
        await scene.until(scene.closed)
        assert scene.closed()[0].code == "silent"
        assert scene.bytes == talk.FIRST_CREDIT

    play(tmp_path, 2 * talk.FIRST_CREDIT, story)


def test_credit_has_an_end_and_is_never_taken_back(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.want()
        await scene.until(lambda: scene.bytes == talk.FIRST_CREDIT)
        scene.out.on_credit(talk.FileCredit(op=1, size=-(1 << 40)))
        scene.out.on_credit(talk.FileCredit(op=7, size=1000))
        scene.out.on_credit(talk.FileCredit(op=1, size=1000))
        await scene.until(lambda: scene.bytes == talk.FIRST_CREDIT + 1000)
        scene.out.on_credit(talk.FileCredit(op=1, size=1 << 60))
        await scene.until(scene.closed)
        assert scene.bytes == 2 * talk.FIRST_CREDIT

    play(tmp_path, 2 * talk.FIRST_CREDIT, story)


@pytest.mark.parametrize("wrong", [{"op": -1}, {"op": 1 << 63}, {"offset": -1}, {"op": 5}])
def test_what_no_agent_says_is_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    async def story(scene: Scene) -> None:
        scene.want(op=5)
        with pytest.raises(ProtocolError):
            scene.want(**wrong)

    play(tmp_path, 2 * talk.FIRST_CREDIT, story)


def test_an_agent_that_does_not_stop_asking_is_refused(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        for op in range(2 * AT_ONCE):
            scene.want(op)
        with pytest.raises(ProtocolError):
            scene.want(99)

    play(tmp_path, 2 * talk.FIRST_CREDIT, story)


def test_where_the_connection_has_ended_nothing_is_left_of_it(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.broken = True
        scene.want()
        async with asyncio.timeout(60.0):
            await asyncio.gather(*scene.out._tasks)
        assert scene.out._contents == {}
        assert scene.sent == []

    play(tmp_path, 1000, story)


def test_what_is_no_plain_file_is_no_content(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        folder = Config(home=tmp_path).user_dir("me") / "files" / "aa" / ("a" * 64)
        folder.mkdir(parents=True)
        scene.want(sha="a" * 64)
        await scene.until(scene.closed)
        assert scene.closed()[0].code == "no-such-file"

    play(tmp_path, 10, story)
