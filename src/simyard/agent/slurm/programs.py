"""Slurm's programs, run one at a time of a kind: each with a limit, its output bounded, and none of its user's own settings."""

from __future__ import annotations

import asyncio
import os
import re
from dataclasses import dataclass
from typing import Dict, Mapping, Optional, Sequence

from simyard.agent.slurm.text import ENVIRONMENT, KEPT
from simyard.errors import SimyardError

#: A program that takes longer is ended, and nothing is known (seconds). Busy controllers take tens of seconds at times.
LIMIT = 60.0
#: Variables by which users change what Slurm's programs do and print.
_THEIRS = re.compile(r"(SLURM|SBATCH|SQUEUE|SACCT|SCANCEL|SINFO|SCONTROL|SRUN|SALLOC)_")
#: More than this is no answer (bytes): 200,000 jobs are less.
MAX_OUTPUT = 32 << 20


class Unanswered(SimyardError):
    """Slurm did not answer: nothing is known, and nothing may be concluded. `detail` says who said what."""

    def __init__(self, detail: str) -> None:
        super().__init__("slurm-silent", detail)


class NoSuchProgram(Unanswered):
    """The cluster has no such program."""


@dataclass(frozen=True)
class Answer:
    """What a program printed, and how it ended."""

    status: int
    out: str
    error: str


class Programs:
    """`path` is where they are looked for, "" for the PATH of `environ`."""

    def __init__(self, environ: Mapping[str, str], path: str = "") -> None:
        #: What a job is to find in its environment: all of `environ` but what changes how it is submitted.
        self.of_jobs = of_jobs(environ)
        self._environment: Dict[str, str] = {
            **{name: environ[name] for name in ("HOME", "USER", "LOGNAME", *KEPT) if name in environ},
            **ENVIRONMENT,
            "PATH": path or environ.get("PATH", os.defpath),
        }

    async def run(
        self, command: Sequence[str], text: str = "", limit: float = LIMIT, environment: Optional[Mapping[str, str]] = None
    ) -> Answer:
        """Its answer, whatever its exit status; `text` is its standard input, `environment` stands for its usual one. Raises Unanswered
        where there is no such program, and where it does not end in time: then it has been ended, and what it had begun may happen
        all the same."""
        usual = self._environment
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                env=usual if environment is None else {**environment, "PATH": usual["PATH"]}, limit=MAX_OUTPUT, start_new_session=True,
            )  # fmt: skip
        except FileNotFoundError:
            raise NoSuchProgram(f"There is no {command[0]} on the cluster's PATH.") from None
        except OSError as error:
            raise Unanswered(f"{command[0]} cannot be started: {error.strerror or error}.") from None
        try:
            out, words = await asyncio.wait_for(_talk(process, text.encode()), limit)
        except asyncio.TimeoutError:
            raise Unanswered(f"{command[0]} has not answered within {limit:g} s.") from None
        finally:
            await _end(process)
        return Answer(process.returncode or 0, out.decode("utf-8", "replace"), words.decode("utf-8", "replace").strip()[-2000:])


def of_jobs(environ: Mapping[str, str]) -> Dict[str, str]:
    """The part of a login's environment that a code is to have: sbatch gives a job its own."""
    kept = {name: value for name, value in environ.items() if name in KEPT or not _THEIRS.match(name)}
    # what programs say is to be read here, but a code keeps its language
    if "LC_ALL" in kept:
        kept["LANG"] = kept["LC_ALL"]
    kept.update(LC_ALL="", LC_MESSAGES="C")
    return kept


async def _talk(process: asyncio.subprocess.Process, text: bytes) -> tuple[bytes, bytes]:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        process.stdin.write(text)
        await process.stdin.drain()
        process.stdin.close()
    except (BrokenPipeError, ConnectionResetError):
        pass  # it ended without reading; its status says why
    out, error = await asyncio.gather(_read(process.stdout), _read(process.stderr))
    await process.wait()
    return out, error


async def _read(stream: asyncio.StreamReader) -> bytes:
    """All of it, as far as it is kept: what comes after that is read and dropped, so that the program can end."""
    kept = bytearray()
    while piece := await stream.read(1 << 16):
        kept += piece[: max(0, MAX_OUTPUT - len(kept))]
    return bytes(kept)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        try:
            os.killpg(process.pid, 9)
        except ProcessLookupError:
            pass
        await process.wait()
