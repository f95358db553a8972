"""Connections through one stream of bytes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simyard.errors import ProtocolError
from simyard.protocol import tunnel
from simyard.protocol.tunnel import Frames, Tunnel, frame

FRAMES = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 2**32 - 1), st.binary(max_size=200)), max_size=10)


@given(FRAMES, st.integers(1, 50))
def test_frames_come_out_as_they_went_in_however_they_are_cut(frames: list[tuple[int, int, bytes]], step: int) -> None:
    sent = b"".join(frame(*one) for one in frames)
    decoder = Frames()
    got = [one for at in range(0, len(sent), step) for one in decoder.feed(sent[at : at + step])]
    assert got == frames


@pytest.mark.parametrize("junk", [b"\0" * 9, b"HTTP/1.1 200", frame(2, 1, bytes(tunnel.MAX_PAYLOAD + 1))])
def test_what_is_no_frame_is_refused(junk: bytes) -> None:
    with pytest.raises(ProtocolError):
        list(Frames().feed(junk))


class Pair:
    """Two ends, with a peer at `path` that connects to one of them, and a server that the other dials."""

    def __init__(
        self, folder: Path, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], welcome: bytes = b""
    ) -> None:
        self.folder, self._serve = folder, serve
        self.near = Tunnel(self._to_far, welcome=welcome)
        self.far = Tunnel(self._to_near, lambda: asyncio.open_unix_connection(folder / "far"))
        self.sent = 0

    async def __aenter__(self) -> Self:
        self._servers = [
            await asyncio.start_unix_server(self._serve, self.folder / "far"),
            await asyncio.start_unix_server(self.near.carry, self.folder / "near"),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.near.close()
        await self.far.close()
        for server in self._servers:
            server.close()
            await server.wait_closed()

    async def dial(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_unix_connection(self.folder / "near")

    async def _to_far(self, data: bytes) -> None:
        self.sent += len(data)
        self.far.feed(data)
        await asyncio.sleep(0)

    async def _to_near(self, data: bytes) -> None:
        self.near.feed(data)
        await asyncio.sleep(0)


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
        await writer.drain()
    writer.close()


def test_megabytes_come_back_whole_on_many_connections_at_once(tmp_path: Path) -> None:
    async def one(pair: Pair) -> None:
        reader, writer = await pair.dial()
        data = os.urandom(1 << 20)
        writer.write(data)
        assert await reader.readexactly(len(data)) == data
        writer.close()
        assert await reader.read() == b""

    async def story() -> None:
        async with Pair(tmp_path, echo) as pair:
            await asyncio.gather(*(one(pair) for _ in range(8)))

    asyncio.run(story())


def test_what_was_said_before_a_connection_ends_arrives_before_its_end(tmp_path: Path) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"no" * 100_000)
        writer.close()

    async def story() -> None:
        async with Pair(tmp_path, refuse) as pair:
            reader, writer = await pair.dial()
            writer.write(b"may I?\n")
            assert await reader.read() == b"no" * 100_000
            writer.close()

    asyncio.run(story())


def test_a_connection_that_nobody_reads_holds_up_no_other_and_fills_no_memory(tmp_path: Path) -> None:
    asked: list[bytes] = []
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readline())
        if asked[-1] == b"sleep\n":
            await over.wait()
        await echo(reader, writer)

    async def story() -> None:
        async with Pair(tmp_path, serve) as pair:
            _, stuck = await pair.dial()
            stuck.write(b"sleep\n" + bytes(8 << 20))
            for _ in range(3):
                reader, writer = await pair.dial()
                writer.write(b"echo\nhello\n")
                assert await reader.readline() == b"hello\n"
                writer.close()
            # the window, and what the sockets on the way hold
            assert pair.sent < 2 << 20
            stuck.close()
            over.set()

    asyncio.run(story())


def test_a_door_that_is_shut_ends_the_connection(tmp_path: Path) -> None:
    async def story() -> None:
        async with Pair(tmp_path, echo) as pair:
            (tmp_path / "far").unlink()
            reader, writer = await pair.dial()
            assert await reader.read() == b""
            writer.close()

    asyncio.run(story())


def test_connections_that_nobody_welcomes_keep_no_welcome_one_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tunnel, "MAX_LINES", 3)
    over, here = asyncio.Event(), asyncio.Semaphore(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        here.release()
        if await reader.readline() == b"friend\n":
            writer.write(b"welcome\n")
        await over.wait()
        writer.close()

    async def friend(pair: Pair) -> asyncio.StreamWriter:
        reader, writer = await pair.dial()
        writer.write(b"friend\n")
        assert await reader.readline() == b"welcome\n"
        return writer

    async def story() -> None:
        async with Pair(tmp_path, serve, b"welcome") as pair:
            first = await friend(pair)
            await here.acquire()
            strangers = []
            for _ in range(20):
                strangers.append(await pair.dial())
                await here.acquire()
            for reader, _ in strangers[:-2]:
                assert await reader.read() == b""  # made room
            friends = [first, await friend(pair), await friend(pair)]
            reader, refused = await pair.dial()  # all who are there are welcome
            assert await reader.read() == b""
            over.set()
            for writer in (refused, *friends, *(writer for _, writer in strangers)):
                writer.close()

    asyncio.run(story())


def test_an_end_that_sends_more_than_it_may_is_found_out(tmp_path: Path) -> None:
    async def story() -> None:
        async with Pair(tmp_path, echo) as pair:
            pair.far.feed(frame(tunnel.OPEN, 7))
            as_much_as_it_may = tunnel.WINDOW // tunnel.MAX_PAYLOAD
            pair.far.feed(as_much_as_it_may * frame(tunnel.DATA, 7, bytes(tunnel.MAX_PAYLOAD)))
            with pytest.raises(ProtocolError):
                pair.far.feed(frame(tunnel.DATA, 7, b"x"))

    asyncio.run(story())


def test_an_end_whose_other_is_silent_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nowhere(_data: bytes) -> None:
        return None

    async def story() -> None:
        monkeypatch.setattr(tunnel, "HEARTBEAT", 0.01)
        monkeypatch.setattr(tunnel, "SILENCE", 0.05)
        async with asyncio.timeout(60):
            await Tunnel(nowhere).watch()

    asyncio.run(story())
