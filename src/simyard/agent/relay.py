"""On a Docker host that is not the supervisor's machine: agents' connections, taken at a socket, go to the supervisor through the relay's
standard input and output, which the supervisor holds at the other end. So neither the agents' containers nor this one needs a network.

    agent.pyz relay SOCKET    until the supervisor lets go of it
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from simyard.protocol.tunnel import MAX_PAYLOAD, Tunnel

#: How the supervisor answers an agent that it knows.
WELCOME = b"HTTP/1.1 101"


def serve(path: Path) -> None:
    """Relay until standard input ends, or the supervisor is silent for too long. Raises OSError where the socket cannot be made."""
    # one that was here before is gone: there is one relay at a time, by its container's name
    if path.is_socket():
        path.unlink()
    asyncio.run(_serve(str(path)))


async def _serve(path: str) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    # copies, because the loop closes what it is given
    into, outof = (os.fdopen(os.dup(number), mode, 0) for number, mode in ((0, "rb"), (1, "wb")))
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), into)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, outof)
    out = asyncio.StreamWriter(transport, protocol, None, loop)

    async def send(data: bytes) -> None:
        out.write(data)
        await out.drain()

    tunnel = Tunnel(send, welcome=WELCOME)
    server = await asyncio.start_unix_server(tunnel.carry, path)
    os.chmod(path, 0o666)  # noqa: S103 - containers of any user may connect; who they are they show to the supervisor
    # the first sign of life: from now on agents are heard
    watching = asyncio.ensure_future(tunnel.watch())
    reading = asyncio.ensure_future(_read(reader, tunnel))
    try:
        await asyncio.wait([watching, reading], return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.close()
        for task in (watching, reading):
            task.cancel()
        await asyncio.gather(watching, reading, return_exceptions=True)
        await tunnel.close()
        transport.abort()


async def _read(reader: asyncio.StreamReader, tunnel: Tunnel) -> None:
    while True:
        data = await reader.read(MAX_PAYLOAD)
        if not data:
            return
        tunnel.feed(data)
