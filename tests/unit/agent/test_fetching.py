"""Fetching, with a supervisor that is played: it asks again where that may help, and gives up, in words, where it does not."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from simyard.agent import fetching
from simyard.agent.fetching import Fetching
from simyard.agent.place import Place
from simyard.agent.preparing import CannotPrepare
from simyard.agent.threads import Threads
from simyard.errors import ProtocolError
from simyard.protocol import agents as talk
from simyard.protocol.wire import pack

CONTENT = os.urandom(300_000)
SHA = hashlib.sha256(CONTENT).hexdigest()


class Scene:
    """An agent's place, and all that it says; `answer` is called with each WantFile."""

    def __init__(self, folder: Path) -> None:
        self.place = Place(str(folder / "u"), "pool")
        self.place.make()
        self.threads = Threads()
        self.room_made = 0
        self.said: list[Any] = []
        self.asked = asyncio.Event()
        self.answer: Callable[[talk.WantFile], None] = lambda _want: None
        self.fetching = Fetching(self.place, self.threads, self._make_room)
        self.fetching.connected(self)  # type: ignore[arg-type]

    async def _make_room(self) -> bool:
        self.room_made += 1
        return False

    async def say(self, message: Any) -> None:
        self.said.append(message)
        if isinstance(message, talk.WantFile):
            self.asked.set()
            self.answer(message)

    @property
    def wanted(self) -> list[int]:
        """The offsets of what was asked for."""
        return [one.offset for one in self.said if isinstance(one, talk.WantFile)]

    def send(self, want: talk.WantFile, content: bytes = CONTENT) -> None:
        """All of it, as a supervisor does."""
        self.fetching.on_opened(talk.FileOpened(op=want.op, size=len(content) - want.offset))
        for start in range(want.offset, len(content), 60_000):
            self.fetching.on_bytes(pack(want.op, content[start : start + 60_000]))
        self.close(want)

    def close(self, want: talk.WantFile, code: str = "", detail: str = "") -> None:
        self.fetching.on_closed(talk.FileClosed(op=want.op, code=code, detail=detail))

    async def get(self, sha: str = SHA) -> None:
        await asyncio.wait_for(self.fetching.get(sha), 60.0)

    @property
    def blob(self) -> Path:
        return Path(self.place.blob(SHA))

    @property
    def part(self) -> Path:
        return Path(self.place.part(SHA))


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "FIRST_WAIT", 0.001)
    monkeypatch.setattr(fetching, "LAST_WAIT", 0.001)


def play(folder: Path, story: Callable[[Scene], Awaitable[None]]) -> None:
    async def whole() -> None:
        scene = Scene(folder)
        try:
            await story(scene)
        finally:
            await scene.fetching.close()
            scene.threads.close()

    asyncio.run(whole())


def test_what_comes_is_there_and_nothing_else(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.answer = scene.send
        await asyncio.gather(scene.get(), scene.get(), scene.get())
        assert scene.blob.read_bytes() == CONTENT
        assert scene.wanted == [0]
        assert not scene.part.exists()
        assert scene.fetching.progress(SHA) is None

    play(tmp_path, story)


def test_an_empty_content_comes_too(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.answer = lambda want: scene.send(want, b"")
        sha = hashlib.sha256(b"").hexdigest()
        await scene.get(sha)
        assert os.stat(scene.place.blob(sha)).st_size == 0

    play(tmp_path, story)


def test_a_supervisor_that_is_busy_or_breaks_off_is_asked_again(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        def answer(want: talk.WantFile) -> None:
            if len(scene.wanted) <= 3:
                scene.close(want, "busy", "8 files are on their way already.")
            elif len(scene.wanted) == 4:
                scene.fetching.on_opened(talk.FileOpened(op=want.op, size=len(CONTENT)))
                scene.fetching.on_bytes(pack(want.op, CONTENT[:1000]))
                scene.close(want, "broken-off", "It became shorter while it was read.")
            else:
                scene.send(want)

        scene.answer = answer
        await scene.get()
        assert scene.wanted == [0, 0, 0, 0, 1000]
        assert scene.blob.read_bytes() == CONTENT

    play(tmp_path, story)


def test_it_gives_up_where_nothing_ever_comes_and_says_what_was_said(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.answer = lambda want: scene.close(want, "cannot-read", "It cannot be read: Input/output error.")
        with pytest.raises(
            CannotPrepare, match=r"could not be fetched: It cannot be read: Input/output error\. Run it again later"
        ):
            await scene.get()
        assert len(scene.wanted) == fetching.TRIES

    play(tmp_path, story)


def test_a_silent_supervisor_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "SILENCE", 0.05)

    async def story(scene: Scene) -> None:
        scene.answer = lambda want: scene.send(want) if len(scene.wanted) > 1 else None
        await scene.get()
        assert scene.wanted == [0, 0]

    play(tmp_path, story)


def test_a_part_that_is_longer_than_the_content_is_begun_again(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.part.write_bytes(bytes(1_000_000))
        scene.answer = lambda want: scene.close(want, "bad-offset") if want.offset else scene.send(want)
        await scene.get()
        assert scene.wanted == [1_000_000, 0]
        assert scene.blob.read_bytes() == CONTENT

    play(tmp_path, story)


def test_what_is_nowhere_is_missing_at_once(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.answer = lambda want: scene.close(want, "no-such-file", "There is no such content.")
        with pytest.raises(CannotPrepare) as refused:
            await scene.get()
        assert refused.value.code == "missing-file"
        assert scene.wanted == [0]

    play(tmp_path, story)


def test_what_will_not_fit_is_not_begun(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.answer = lambda want: scene.fetching.on_opened(talk.FileOpened(op=want.op, size=1 << 60))
        with pytest.raises(CannotPrepare) as refused:
            await scene.get()
        assert refused.value.code == "disk-full"
        assert "your quota there is used up" in refused.value.detail
        assert scene.room_made == 1
        assert not scene.part.exists()

    play(tmp_path, story)


def test_more_than_was_granted_or_announced_ends_the_connection(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        wants: list[talk.WantFile] = []
        scene.answer = wants.append
        getting = asyncio.ensure_future(scene.get())
        await scene.asked.wait()
        with pytest.raises(ProtocolError):
            scene.fetching.on_bytes(pack(wants[0].op, b"x"))
        scene.fetching.on_opened(talk.FileOpened(op=wants[0].op, size=1 << 30))
        for _ in range(talk.FIRST_CREDIT // 65536 - 1):
            scene.fetching.on_bytes(pack(wants[0].op, bytes(65536)))
        with pytest.raises(ProtocolError):
            scene.fetching.on_bytes(pack(wants[0].op, bytes(65536)))
        getting.cancel()
        await asyncio.gather(getting, return_exceptions=True)
        # what nobody waits for any more is dropped, and what was never asked for is not
        scene.fetching.on_bytes(pack(wants[0].op, b"x"))
        with pytest.raises(ProtocolError):
            scene.fetching.on_bytes(pack(77, b"x"))

    play(tmp_path, story)


def test_nothing_is_given_up_while_there_is_no_supervisor(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.fetching.disconnected()
        getting = asyncio.ensure_future(scene.get())
        await asyncio.sleep(0.05)
        assert scene.said == []
        assert not getting.done()
        scene.answer = scene.send
        scene.fetching.connected(scene)  # type: ignore[arg-type]
        await getting
        assert scene.blob.read_bytes() == CONTENT

    play(tmp_path, story)


def test_what_is_broken_off_in_the_moment_of_news_ends_all_the_same(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        wants: list[talk.WantFile] = []
        scene.answer = wants.append
        getting = asyncio.ensure_future(scene.get())
        await scene.asked.wait()
        scene.fetching.on_opened(talk.FileOpened(op=wants[0].op, size=1 << 30))
        await asyncio.wait_for(scene.fetching.close(), 60.0)
        await asyncio.gather(getting, return_exceptions=True)

    play(tmp_path, story)


def test_who_is_the_last_to_want_it_no_more_breaks_it_off(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        first, second = asyncio.ensure_future(scene.get()), asyncio.ensure_future(scene.get())
        await scene.asked.wait()
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        assert scene.fetching.progress(SHA) is not None
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        assert scene.fetching.progress(SHA) is None
        scene.answer = scene.send
        await scene.get()

    play(tmp_path, story)
