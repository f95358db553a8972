"""A login node over ssh: what is run there, and what is found there. What it says is foreign: bounded, and never trusted to end."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh

from simyard.drivers.base import DriverError
from simyard.drivers.sbatch import far

#: A command there ends within this time (seconds): profiles that load modules take long on busy file systems.
LIMIT = 25.0
_MOST_SAID = 1 << 20
_LONGEST = 4096
_FAR = Path(far.__file__).read_bytes()
#: Prints its version where it is new enough for the agent, and nothing otherwise.
_IS_NEW_ENOUGH = "import sys; sys.version_info >= (3, 9) and print('.'.join(map(str, sys.version_info[:3])))"


class Unfit(DriverError):
    """What was found there will not do; `detail` says what is to be done about it."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """What a login found: the node's own `name`, the numeric user, the site's `directory` there, and the command that is a Python, "" where
    there is none, with its version."""

    name: str
    uid: int
    directory: str
    python: str
    version: str


async def run(
    connection: asyncssh.SSHClientConnection, command: str, given: bytes = b"", limit: float = LIMIT
) -> tuple[int, str, str]:
    """Exit status, output and errors of a command of bash, run as at a login: with the modules and paths of the user. `given` is its
    standard input. Raises DriverError where it does not end within `limit` seconds, or the connection does first."""
    # their own shell may be any: it sees one line with one quoted argument
    line = f"exec bash -lc {shlex.quote(command)}"
    try:
        async with asyncio.timeout(limit), connection.create_process(line, encoding=None) as process:
            out, err, _ = await asyncio.gather(_read(process.stdout), _read(process.stderr), _give(process.stdin, given))
            await process.wait()
            status = process.exit_status if process.exit_status is not None else 255
    except TimeoutError:
        raise DriverError(f"The login node has not answered within {limit:.0f} s.") from None
    except (asyncssh.Error, OSError) as error:
        raise DriverError(f"The connection to the login node broke ({_reason(error)}).") from None
    words = "".join(c for c in err.decode("utf-8", "replace") if c == "\n" or c.isprintable())
    return status, out.decode("utf-8", "replace"), words.strip()[-2000:]


async def probe(connection: asyncssh.SSHClientConnection, directory: str, pythons: Sequence[str]) -> Node:
    """Find out where one is, and which of the commands `pythons` is new enough. Raises DriverError."""
    tests = "; ".join(
        f'test -n "$version" || {{ version=$({one} -I -c {shlex.quote(_IS_NEW_ENOUGH)} 2>/dev/null </dev/null); python={number}; }}'
        for number, one in enumerate(pythons)
    )
    command = (
        f'cd / || exit; version=; {tests}; test -n "$version" || python=; '
        f'printf "\\n{far.MARK}%s\\n{far.MARK}%s\\n{far.MARK}%s\\n{far.MARK}%s\\n{far.MARK}%s\\n" '
        f'"$(uname -n)" "$(id -u)" {_expanding(directory)} "$python" "${{version##*[!0-9.]}}"'
    )
    status, out, err = await run(connection, command)
    said = [line[len(far.MARK) :] for line in out.splitlines() if line.startswith(far.MARK)][-5:]
    if status != 0 or len(said) != 5 or not said[1].isdigit() or len("".join(said)) > _LONGEST:
        raise Unfit(f"The login node does not run a simple command of bash: {err or 'it said nothing of use'}.")
    name, uid, folder, chosen, version = said
    if not folder.startswith("/") or "\n" in folder:
        raise Unfit(
            f"The cluster's directory {directory!r} is {folder!r} there, which is no absolute path. See `directory` in [clusters]."
        )
    python = pythons[int(chosen)] if chosen.isdigit() and int(chosen) < len(pythons) else ""
    return Node(name=name, uid=int(uid), directory=folder.rstrip("/") or "/", python=python, version=version)


async def ask_far(connection: asyncssh.SSHClientConnection, node: Node, *words: str) -> dict[str, Any]:
    """What far.py answers to these words. Raises Unfit with its sentence where it could not do it."""
    command = f"{with_python(node)} -I - {shlex.join(words)}"
    status, out, err = await run(connection, command, _FAR)
    for line in reversed(out.splitlines()):
        if line.startswith(far.MARK):
            try:
                said = json.loads(line[len(far.MARK) :])
            except ValueError:
                break
            if isinstance(said, dict):
                if "error" in said:
                    advice = (
                        " Its quota is used up, or its disk is full: make room there, and try again." if said.get("full") else ""
                    )
                    raise Unfit(f"{said['error']}{advice}")
                return said
    raise DriverError(
        f"Python on the login node did not do what it was asked (exit status {status}): {err or 'it said nothing'}."
    )


def with_python(node: Node) -> str:
    """The command that is Python there. Raises Unfit where there is none."""
    if not node.python:
        raise Unfit(
            f"There is no Python 3.9 or newer on {node.name}: none of the commands `pythons` in [clusters] is one. "
            "Ask your site where it has one (perhaps a module), and name it there."
        )
    return node.python


def _expanding(directory: str) -> str:
    """A word of bash in which `~` and variables are replaced, and nothing else is."""
    home = re.fullmatch(r"~(/.*)?", directory, re.DOTALL)
    text = f"$HOME{home[1] or ''}" if home else directory
    return '"' + re.sub(r'(["`\\]|\$(?![A-Za-z_{]))', r"\\\1", text) + '"'


def _reason(error: BaseException) -> str:
    return str(getattr(error, "reason", "") or getattr(error, "strerror", "") or error)


async def _read(stream: asyncssh.SSHReader[bytes]) -> bytes:
    kept = bytearray()
    while piece := await stream.read(1 << 16):
        kept += piece
        del kept[:-_MOST_SAID]
    return bytes(kept)


async def _give(stream: asyncssh.SSHWriter[bytes], given: bytes) -> None:
    try:
        stream.write(given)
        await stream.drain()
        stream.write_eof()
    except (BrokenPipeError, ConnectionResetError, asyncssh.Error):
        pass  # it ended without reading; its status says why
