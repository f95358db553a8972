"""On a cluster's login node, step by step: a shell, room, Python, the agent, and the way back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from simyard import contents
from simyard.cli.check_trip import Stuck, Trip
from simyard.cli.common import size
from simyard.drivers.base import DriverError
from simyard.drivers.sbatch import agent_file, way_back
from simyard.drivers.sbatch import node as nodes

#: Writing this much must work (bytes), and less than that free is little: the agent and a small run need it.
_PROBE, _LITTLE = 4 << 20, 256 << 20
_FULL = ("No space left on device", "Disk quota exceeded")
_KNOCK = """
import socket, sys
one = socket.socket(socket.AF_UNIX)
one.settimeout(20)
one.connect(sys.argv[1])
one.sendall(sys.argv[2].encode())
sys.stdout.write(one.recv(100).decode())
"""
_DIAL = """
import socket, sys
one = socket.create_connection((sys.argv[1], int(sys.argv[2])), 20)
sys.stdout.write("open")
"""


async def shell(trip: Trip) -> str:
    """A command of bash runs there, and says where one is."""
    node = await nodes.probe(trip.line, trip.cluster.directory, trip.cluster.pythons)
    trip.node = node
    return f"bash on {node.name}, as user {node.uid}"


async def directory(trip: Trip) -> str:
    """Where agent, runs and files are to be: it can be written to, and has room."""
    where = shlex.quote(trip.there.directory)
    status, out, err = await trip.run(
        f"export LC_ALL=C; umask 077; mkdir -p {where} && probe=$(mktemp {where}/.probe-XXXXXX) && "
        f'head -c {_PROBE} /dev/zero >"$probe"; status=$?; test -z "$probe" || rm -f "$probe"; df -Pk {where} | tail -n 1; exit $status'
    )
    words = err.splitlines()[-1] if err else f"exit status {status}"
    if status != 0 and any(full in err for full in _FULL):
        raise Stuck(
            f"{trip.there.directory}: {words}.",
            "Its quota is used up, or its disk is full: make room there, or set `directory` to a place that has some.",
        )
    if status != 0:
        raise Stuck(f"{trip.there.directory} cannot be written to: {words}.", "Set `directory` to a folder of yours there.")
    columns = last(out).split()
    free = int(columns[3]) << 10 if len(columns) > 5 and columns[3].isdigit() else None
    if free is not None and free < _LITTLE:
        raise Stuck(f"{trip.there.directory} has only {size(free)} free.", "Make room there before large runs.", unsure=True)
    return f"{trip.there.directory}{'' if free is None else f', {size(free)} free'}"


async def python(trip: Trip) -> str:
    """One of the commands is a Python that is new enough."""
    command = nodes.with_python(trip.there)
    return f"{command} is {trip.there.version}"


async def agent(trip: Trip) -> str:
    """The agent's file is copied, arrives as it was, and answers."""
    file = await agent_file.Builder(trip.settings.home / "agent").file()
    trip.left.append(trip.root)
    path = await agent_file.put(trip.line, trip.there, trip.root, file)
    status, out, err = await trip.run(f"{nodes.with_python(trip.there)} -I {shlex.quote(path)} version")
    version = last(out)
    if status != 0 or version != contents.VERSION:
        raise Stuck(
            f"The agent was copied, and does not answer as it should: {err[-500:] or version or f'exit status {status}'}.",
            f"Is {trip.there.python} a whole Python, with its standard library?",
        )
    return f"{size(file.path.stat().st_size)} copied, answers"


async def back(trip: Trip) -> str:
    """What runs there reaches what runs here."""
    if trip.cluster.door:
        return await _by_door(trip, trip.cluster.door)
    path = str(trip.folder / "door")
    async with _listening(path):
        way = await way_back.lead_back(trip.line, trip.there, trip.site, trip.folder / "door")
        trip.left.append(os.path.dirname(way.path))
        try:
            word = os.urandom(8).hex()
            said = await _there(trip, _KNOCK, way.path, word)
        finally:
            way.close()
    if said != word[::-1]:
        raise Stuck(
            "The socket that is led back through ssh does not lead here.",
            "Ask your site whether its ssh server lets sockets be forwarded (AllowStreamLocalForwarding), or set `door`.",
        )
    return f"a socket in {os.path.dirname(way.path)}, through the ssh connection"


@contextlib.asynccontextmanager
async def _listening(path: str) -> AsyncIterator[None]:
    """Whoever says a word at this socket hears it backwards."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read(100))[::-1])
        writer.close()

    async with await asyncio.start_unix_server(reply, path):
        yield


async def _by_door(trip: Trip, door: str) -> str:
    parts = urlsplit(door)
    port = parts.port or (443 if parts.scheme == "wss" else 80)
    try:
        await _there(trip, _DIAL, parts.hostname or "", str(port))
    except Stuck as error:
        raise Stuck(
            f"{door}, which is `door`, cannot be reached from {trip.there.name}: {error.words}",
            "Is Simyard up, and its port open to the cluster? Without `door`, agents come back through the ssh connection.",
        ) from None
    return f"{door} can be reached from {trip.there.name}"


async def _there(trip: Trip, program: str, *words: str) -> str:
    """What a little program of Python prints there."""
    command = f"{nodes.with_python(trip.there)} -I -c {shlex.quote(program)} {shlex.join(words)}"
    try:
        status, out, err = await trip.run(command)
    except DriverError as error:
        raise Stuck(error.detail) from None
    if status != 0:
        raise Stuck(err.splitlines()[-1] if err else f"exit status {status}")
    return last(out)


def last(out: str) -> str:
    """The last line of what was printed: before it may stand what a profile prints."""
    lines = out.strip().splitlines()
    return lines[-1].strip() if lines else ""
