"""The environments of codes that a cluster's agent makes in its user's folder: complete or not at all, one at a time.

envs/NAME-DIGEST     a link to the environment that is in use, NAME-DIGEST being what it has in it (see codes.environment)
envs/.NAME-DIGEST-*  the environments themselves, which must stay where they were made (paths are written into them)
…/simyard.json       what is in it: written last
"""

from __future__ import annotations

import asyncio
import functools
import glob
import json
import logging
import os
import platform
import re
import shutil
import signal
import sys
import tempfile
import time
from typing import Any, Dict, List, Mapping, Optional, Tuple

from simyard.agent.link import Link, LinkDown
from simyard.agent.place import Place, read_json, write
from simyard.agent.preparing import CannotPrepare
from simyard.agent.providing import Providing
from simyard.agent.threads import Threads
from simyard.agent.transfers import Transfer
from simyard.errors import ProtocolError
from simyard.protocol.agents import Environment, Environments, MakeEnvironment

log = logging.getLogger(__name__)
MARKER, LOCK = "simyard.json", "requirements.lock"
#: What is kept of what an installer says: lines, and characters of each.
MAX_LINES, MAX_LINE = 200, 300
#: A step of an install that says nothing for so long is ended (seconds).
SILENCE = 900.0
#: What a broken-off install has left is removed once it is so old (seconds).
LEFT = 86400.0
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,80}-[0-9a-f]{12}\Z")
#: What may be sent: wheels, and packages as source, which are built here.
_PACKAGE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.!+-]{0,250}\.(whl|tar\.gz|zip)\Z")
#: What would lead an installer elsewhere.
_NOT_OURS = (
    "VIRTUAL_ENV",
    "PYTHONPATH",
    "PYTHONHOME",
    "CONDA_PREFIX",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_REQUIRE_VIRTUALENV",
)
_IMPORT = """
import sys
sys.path.insert(0, sys.argv[1])
import importlib.util as util
spec = util.spec_from_file_location("code_under_test", sys.argv[1] + "/code.py")
spec.loader.exec_module(util.module_from_spec(spec))
"""
_SHOW = """
import json, sys
from importlib.metadata import distributions
print(json.dumps({"python": ".".join(map(str, sys.version_info[:3])), "versions": {str(one.metadata["Name"]): one.version for one in distributions()}}))
"""


class _Failed(Exception):
    """A command did not work: which, how it ended, and what it said; or words of our own, under a code."""

    def __init__(self, command: List[str], status: int, code: str = "", words: str = "") -> None:
        super().__init__(words or f"{command}: {status}")
        self.command, self.status, self.code, self.words = command, status, code, words


class Making:
    """How the making of one environment goes, or went."""

    def __init__(self) -> None:
        self.state, self.code, self.error, self.status = "idle", "", "", 0
        self.command: List[str] = []
        self.lines: List[str] = []

    def tell(self, line: str) -> None:
        plain = "".join(letter if letter.isprintable() else " " for letter in line.rstrip())[:MAX_LINE]
        if plain.strip():
            self.lines = [*self.lines[-MAX_LINES + 1 :], plain]

    def told(self) -> bytes:
        plain = {
            "state": self.state, "lines": self.lines, "command": self.command, "status": self.status, "error": self.error, "code": self.code,
            "python": platform.python_version(), "platform": _machine(),
        }  # fmt: skip
        return json.dumps(plain).encode()


@functools.lru_cache(None)
def _machine() -> str:
    """The machine and its C library, by which wheels are chosen: `x86_64-glibc-2.36`."""
    return "-".join([platform.machine(), *platform.libc_ver()])


class CodeEnvironments:
    """All environments of an agent; `environ` is what installers find."""

    def __init__(self, place: Place, threads: Threads, providing: Providing, environ: Mapping[str, str]) -> None:
        self._place, self._threads, self._providing = place, threads, providing
        self._environ = {key: value for key, value in environ.items() if key not in _NOT_OURS}
        self._folder = os.path.join(place.root, "envs")
        self._made: Dict[str, Making] = {}
        self._turn = asyncio.Lock()
        self._tasks: Dict[str, asyncio.Task[None]] = {}
        self._link: Optional[Link] = None
        providing.on_gone = self._say

    async def send(self, ask: MakeEnvironment, transfer: Transfer) -> None:
        """Answer how it goes; begin, if that is asked. Raises ProtocolError for what cannot be."""
        wrong = [name for name in ask.wheels if not _PACKAGE.match(name)]
        if not _NAME.match(ask.environment) or wrong or not self._providing.is_cluster:
            raise ProtocolError("malformed", "That cannot be an environment.")
        for sha in ask.wheels.values():
            self._place.blob(sha)
        task = self._tasks.get(ask.environment)
        if ask.begin and (task is None or task.done()):
            making = self._made[ask.environment] = Making()
            making.state = "running"
            self._tasks[ask.environment] = asyncio.ensure_future(self._carried(ask, making))
        await transfer.send_bytes(self._made.get(ask.environment, Making()).told(), "application/json")

    async def linked(self, link: Link) -> None:
        """A supervisor is there, and is to know what there is."""
        self._link = link
        await self._say()

    async def close(self) -> None:
        """What is under way is broken off, and nothing of it kept."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _say(self) -> None:
        link = self._link
        if link is None:
            return
        try:
            await link.say(Environments(environments=await self._threads.bulk(there, self._folder)))
        except LinkDown:
            self._link = None
        except OSError as error:
            log.warning("What environments there are cannot be told: %s", error)

    async def _carried(self, ask: MakeEnvironment, making: Making) -> None:
        making.tell(f"Making an environment for {ask.code} with Python {platform.python_version()} …")
        try:
            async with self._turn:
                await self._make(ask, making)
            making.state = "done"
        except _Failed as error:
            making.command, making.status, making.code, making.error = error.command, error.status, error.code, error.words
        except CannotPrepare as error:
            making.code, making.error = error.code, error.detail
        except OSError as error:
            making.command, making.status = ["the agent"], 1
            making.tell(f"{error.strerror or error}: {error.filename or self._folder}")
        finally:
            if making.state != "done":
                making.state = "failed"
        await self._say()

    async def _make(self, ask: MakeEnvironment, making: Making) -> None:
        code_dir = self._place.code_dir(ask.code_dir)
        await self._providing.code(code_dir, ask.archive)
        for name in await self._threads.bulk(_missing, {name: self._place.blob(sha) for name, sha in ask.wheels.items()}):
            making.tell(f"Downloading {name} from where Simyard is …")
            await self._providing.fetching.get(ask.wheels[name])
        link = os.path.join(self._folder, ask.environment)
        await self._threads.bulk(_clear, self._folder, ask.code, link)
        folder = tempfile.mkdtemp(prefix=f".{ask.environment}-", dir=self._folder)
        wheels = folder + ".wheels"
        try:
            await self._threads.bulk(_lay_out, wheels, {name: self._place.blob(sha) for name, sha in ask.wheels.items()})
            await self._fill(ask, making, code_dir, folder, wheels if ask.wheels else "")
            said = await self._run([os.path.join(folder, "bin", "python"), "-I", "-c", _SHOW], Making())
            marker = {**json.loads(said[-1]), "code": ask.code, "requires": list(ask.requires)}
            await self._threads.bulk(_finish, folder, link, marker)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            shutil.rmtree(wheels, ignore_errors=True)

    async def _fill(self, ask: MakeEnvironment, making: Making, code_dir: str, folder: str, wheels: str) -> None:
        python = os.path.join(folder, "bin", "python")
        uv = shutil.which("uv", path=self._environ.get("PATH")) if not wheels else None
        pip_wheel = next((name for name in ask.wheels if name.startswith("pip-")), "")
        environ = dict(self._environ)
        if uv is not None and not await self._answers([uv, "--version"]):
            uv = None  # a shim may stand for one that is not there
        if uv is not None:
            await self._run(
                [uv, "venv", "--quiet", "--allow-existing", "--no-project", "--python", sys.executable, folder], making
            )
            pip = [uv, "pip", "install", "--python", python]
        else:
            bare = ["--without-pip"] if pip_wheel else []
            await self._run([sys.executable, "-m", "venv", *bare, folder], making)
            if pip_wheel:
                environ["PYTHONPATH"] = os.path.join(wheels, pip_wheel)
            pip = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--no-cache-dir"]
        files = await self._threads.bulk(os.listdir, code_dir)
        lock = ["--require-hashes", "--no-deps", "-r", os.path.join(code_dir, LOCK)]
        what = lock if LOCK in files else list(ask.requires)
        if what:
            making.tell(f"Installing {', '.join(ask.requires)} …")
            where = ["--no-index", "--find-links", wheels] if wheels else []
            if wheels and all(name.endswith(".whl") for name in ask.wheels):
                where += ["--only-binary", ":all:"]
            await self._run([*pip, *where, *what], making, environ)
        if "code.py" in files:
            making.tell("Trying it …")
            try:
                await self._run([python, "-c", _IMPORT, code_dir], making)
            except _Failed:
                words = f"Its packages were installed, but the code itself does not load there: {making.lines[-1]}"
                raise _Failed([python], 1, "does-not-load", words) from None

    async def _answers(self, command: List[str]) -> bool:
        try:
            await self._run(command, Making())
        except _Failed:
            return False
        return True

    async def _run(self, command: List[str], making: Making, environ: Optional[Mapping[str, str]] = None) -> List[str]:
        """Run it to its end, telling its lines, and answer with them. It does not outlive this. Raises _Failed."""
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
            env=dict(self._environ if environ is None else environ), cwd=self._folder, start_new_session=True, limit=1 << 20,
        )  # fmt: skip
        said: List[str] = []
        try:
            assert process.stdout is not None
            while line := await asyncio.wait_for(process.stdout.readline(), SILENCE):
                text = line.decode("utf-8", "replace")
                said = [*said[-MAX_LINES:], text]
                making.tell(text)
            status = await process.wait()
        except asyncio.TimeoutError:
            raise _Failed(
                command, 1, "install-failed", f"The installer has said nothing for {SILENCE / 60:.0f} minutes."
            ) from None
        finally:
            if process.returncode is None:
                try:
                    os.killpg(process.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                await process.wait()
        if status != 0:
            raise _Failed(command, status)
        return said


# ── blocking ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def there(folder: str) -> Tuple[Environment, ...]:
    """The environments that were made whole, and what they lack by now."""
    try:
        names = sorted(name for name in os.listdir(folder) if _NAME.match(name))
    except FileNotFoundError:
        return ()
    found = []
    for name in names:
        marker: Dict[str, Any] = read_json(os.path.join(folder, name, MARKER))
        versions = marker.get("versions")
        if "python" in marker and isinstance(versions, dict):
            known = {_plain(str(key)): str(version) for key, version in versions.items()}
            broken = _broken(os.path.join(folder, name), known)
            found.append(Environment(name=name, python=str(marker["python"]), versions=known, broken=broken))
    return tuple(found)


def _broken(made: str, versions: Mapping[str, str]) -> str:
    """What it lacks of what it was made with: a site may have replaced its Python, or cleared files that nobody has used for long."""
    if not os.access(os.path.join(made, "bin", "python"), os.X_OK):
        return "its Python is not there any more"
    site = os.path.join(glob.escape(made), "lib*", "python*", "site-packages")
    known = [os.path.dirname(path) for path in glob.glob(os.path.join(site, "*.dist-info", "METADATA"))]
    # as an old pip leaves it of a package that came as source
    known += glob.glob(os.path.join(site, "*.egg-info"))
    have = {_plain(os.path.basename(path).rpartition(".")[0].partition("-")[0]) for path in known}
    gone = sorted(set(versions) - have)
    return f"{', '.join(gone[:5])}{' and more' if gone[5:] else ''} is not in it any more" if gone else ""


def _plain(name: str) -> str:
    """The normalised name of a package."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _missing(blobs: Mapping[str, str]) -> List[str]:
    """The names of those contents that are not here."""
    return [name for name, path in sorted(blobs.items()) if not os.path.exists(path)]


def _clear(folder: str, code: str, link: str) -> None:
    """Have the folder there, without what broken-off installs have left, and of this code without all environments but the newest: runs may
    still use that."""
    os.makedirs(folder, mode=0o700, exist_ok=True)
    links = [os.path.join(folder, name) for name in os.listdir(folder) if name.rpartition("-")[0] == code and _NAME.match(name)]
    for old in sorted(links, key=lambda path: os.lstat(path).st_mtime)[:-1]:
        os.unlink(old)
    used = {os.path.realpath(os.path.join(folder, name)) for name in os.listdir(folder) if _NAME.match(name)}
    made = re.compile(rf"\.{re.escape(code)}-[0-9a-f]{{12}}-.*")
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        # a young one may be another target's agent's, which shares this folder, and be under way
        if made.match(name) and os.path.realpath(path) not in used and time.time() - os.lstat(path).st_mtime > LEFT:
            shutil.rmtree(path, ignore_errors=True)


def _lay_out(folder: str, wheels: Mapping[str, str]) -> None:
    """Links to the contents, under the names by which an installer knows what they are."""
    os.mkdir(folder, 0o700)
    for name, blob in wheels.items():
        _link(blob, os.path.join(folder, name))


def _link(blob: str, path: str) -> None:
    try:
        # not a symbolic one, which an installer resolves: by its name it knows how a source is packed
        os.link(blob, path)
    except OSError:  # on some file systems
        os.symlink(blob, path)


def _finish(folder: str, link: str, marker: Mapping[str, Any]) -> None:
    write(os.path.join(folder, MARKER), json.dumps(marker, indent=1).encode())
    beside = folder + ".link"
    os.symlink(os.path.basename(folder), beside)
    os.rename(beside, link)
