"""`simyard code install`: gives a code's interpreter an environment of its own, complete or not at all.

$SIMYARD_HOME/envs/NAME       a link to the environment that is in use: changed by one rename, so it is never half made
$SIMYARD_HOME/envs/.NAME-*    the environments themselves, which must stay where they were made (paths are written into them)
…/simyard.json                what is in it: written last, and compared to know whether there is anything to do
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from simyard.codes.declaration import Declaration
from simyard.codes.install_words import InstallError, explain
from simyard.config import Config

LOCK = "requirements.lock"
MARKER = "simyard.json"
#: Lines of an installer's output that are kept to explain a failure.
_KEPT = 200
_IMPORT_SECONDS = 120
_IMPORT = """
import sys
sys.path.insert(0, sys.argv[1])
import importlib.util as util
spec = util.spec_from_file_location("code_under_test", sys.argv[1] + "/code.py")
spec.loader.exec_module(util.module_from_spec(spec))
"""

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Status:
    """Whether a code can run here. `python` is its interpreter, None where there is none yet; `versions` are those of the
    packages that it requires; `missing` are requirements that are not met; `detail` says it in a sentence, with the next step."""

    installed: bool
    python: Path | None
    detail: str
    versions: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[str, ...] = ()


def status(config: Config, code: Declaration) -> Status:
    """Looks at files only: quick, and never starts the interpreter."""
    if not code.python:
        return Status(installed=True, python=Path(sys.executable), detail="It runs in Simyard's own Python.")
    python = config.interpreter(code.python)
    if code.python in config.interpreters:
        if python is None or not os.access(python, os.X_OK):
            return Status(
                installed=False,
                python=None,
                detail=f"interpreters.{code.python} in the configuration is {python}, which is no program.",
            )
        return Status(installed=True, python=python, detail=f"It runs in the site's {python}.")
    if python is None:
        words = (
            "It was installed, but its Python is not there any more"
            if _made(config.home / "envs" / code.python)
            else "It is not installed"
        )
        detail = f"{words}: run `simyard code install {code.name}`."
        return Status(installed=False, python=None, missing=code.requires, detail=detail)
    have = _packages(config.home / "envs" / code.python)
    versions = {name: have[name] for one in code.requires if (name := name_of(one)) in have}
    missing = _missing(code, have)
    if missing or not _is_for(_made(config.home / "envs" / code.python), code):
        what = f"{', '.join(missing)} is missing" if missing else "its requirements have changed"
        detail = f"It must be installed again ({what}): run `simyard code install {code.name}`."
        return Status(installed=False, python=python, versions=versions, missing=missing, detail=detail)
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    return Status(installed=True, python=python, versions=versions, detail=f"It is installed: {named or 'nothing is required'}.")


def is_other(config: Config, code: Declaration) -> bool:
    """Whether the environment that is there was made for other requirements than the code has now, or lacks some of them. One of the site's,
    and one that says nothing of itself, is taken as it is."""
    if not code.python or code.python in config.interpreters:
        return False
    env = config.home / "envs" / code.python
    made = _made(env)
    return bool(made) and (not _is_for(made, code) or bool(_missing(code, _packages(env))))


def install(config: Config, code: Declaration, tell: Tell, *, anew: bool = False) -> Path:
    """Makes the environment that `code` needs, and returns its Python; quick where there is nothing to do, unless it is to be made `anew`.

    `tell` is called with one line of progress after the other. Raises InstallError; then the environment that there was
    before, if any, is still in use.
    """
    now = status(config, code)
    if code.python in config.interpreters or not code.python:
        if now.python is None:
            raise InstallError("no-interpreter", now.detail + " Correct it, or remove it and install again.")
        tell(f"{code.title}: {now.detail}")
        return now.python
    envs = config.home / "envs"
    link = envs / code.python
    envs.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time(envs / f".{code.python}.lock", tell):
        now = status(config, code)  # another install may have done it meanwhile
        if now.installed and now.python is not None and not anew:
            tell(f"{code.title}: {now.detail}")
            return now.python
        _clear(envs, code.python, link)
        folder = Path(tempfile.mkdtemp(prefix=f".{code.python}-", dir=envs))
        try:
            folder.chmod(0o755)
            _make(folder, code, {**_made(link), code.name: _wanted(code)}, tell)
            _point(link, folder)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    done = status(config, code)
    if done.python is None or not done.installed:
        raise InstallError("install-failed", f"The installer ended well, but: {done.detail}")
    tell(f"{code.title}: {done.detail}")
    return done.python


def _make(folder: Path, code: Declaration, codes: Mapping[str, dict[str, object]], tell: Tell) -> None:
    uv = uv_there()
    version = ".".join(str(part) for part in sys.version_info[:3])
    tell(f"Making an environment for {code.title} with Python {version}{' and uv' if uv else ''} …")
    python = folder / "bin" / "python"
    if uv:
        _run([uv, "venv", "--quiet", "--allow-existing", "--no-project", "--python", sys.executable, str(folder)], tell)
    else:
        _run([sys.executable, "-m", "venv", str(folder)], tell)
    for name, wanted in codes.items():
        lock = Path(str(wanted["folder"])) / LOCK
        if lock.is_file():
            what = ["--require-hashes", "--no-deps", "-r", str(lock)]
        else:
            what = [str(one) for one in wanted["requires"]]  # type: ignore[attr-defined]
        if not what:
            continue
        tell(f"Installing {', '.join(str(one) for one in wanted['requires'])} for {name} …")  # type: ignore[attr-defined]
        if uv:
            _run([uv, "pip", "install", "--compile-bytecode", "--python", str(python), *what], tell)
        else:
            _run([str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *what], tell)
    tell("Trying it …")
    try:
        if (code.folder / "code.py").is_file():
            _run([str(python), "-c", _IMPORT, str(code.folder)], tell, seconds=_IMPORT_SECONDS)
    except InstallError as error:
        raise InstallError(
            "does-not-load",
            f"Its packages were installed, but the code itself does not load. {error.detail} "
            "If it needs a package, add that to `requires` in its code.toml; else mend its code.py. Then install again.",
        ) from None
    marker = folder / MARKER
    marker.write_text(json.dumps({"python": version, "codes": codes}, indent=1), "utf-8")


def _run(command: list[str], tell: Tell, seconds: float | None = None) -> None:
    """Runs it to its end, and tells its lines; raises InstallError with what they mean."""
    environ = {
        key: value for key, value in os.environ.items() if key not in {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "CONDA_PREFIX"}
    }
    environ["PYTHONDONTWRITEBYTECODE"] = ""
    kept: list[str] = []
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=environ, text=True, encoding="utf-8", errors="replace",
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            if seconds is not None:
                kept = process.communicate(timeout=seconds)[0].splitlines()
            else:
                for line in process.stdout:
                    kept = [*kept[-_KEPT:], line.rstrip()]
                    if line.strip():
                        tell("  " + line.rstrip())
        except subprocess.TimeoutExpired:
            raise InstallError("install-failed", f"`{Path(command[0]).name}` did not answer within {seconds:g} s.") from None
        finally:
            if process.poll() is None:
                process.kill() if sys.exc_info()[0] else process.wait()
    if process.returncode:
        raise explain(command, process.returncode, kept)


def uv_there() -> str | None:
    """uv, if it is there and works (a shim may stand for one that is not)."""
    uv = shutil.which("uv")
    if uv is None:
        return None
    tried = subprocess.run([uv, "--version"], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return uv if tried.returncode == 0 else None


@contextmanager
def _one_at_a_time(path: Path, tell: Tell) -> Iterator[None]:
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("Another install of the same environment is under way; waiting for it …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _clear(envs: Path, name: str, link: Path) -> None:
    """Removes what broken-off installs left, and what was replaced: the last one stays until now, because runs may still use it."""
    current = os.path.realpath(link)
    for path in envs.glob(f".{name}-*"):
        if os.path.realpath(path) != current:
            shutil.rmtree(path, ignore_errors=True)


def _point(link: Path, folder: Path) -> None:
    if link.exists() and not link.is_symlink():
        raise InstallError("in-the-way", f"{link} is not something that Simyard made; move it away and install again.")
    beside = folder / ".link"
    beside.symlink_to(folder.name)
    os.replace(beside, link)


def _wanted(code: Declaration) -> dict[str, object]:
    lock = code.folder / LOCK
    digest = hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else ""
    return {"requires": list(code.requires), "lock": digest, "folder": str(code.folder)}


def _is_for(made: Mapping[str, Mapping[str, object]], code: Declaration) -> bool:
    """Whether what was made is for the requirements that the code has now; where its folder lies is not what matters."""
    now = _wanted(code)
    return all(made.get(code.name, {}).get(key) == now[key] for key in ("requires", "lock"))


def _made(env: Path) -> dict[str, dict[str, object]]:
    """What the environment was made for; {} where that is not known."""
    try:
        made: dict[str, dict[str, object]] = json.loads((env / MARKER).read_text("utf-8"))["codes"]
    except (OSError, ValueError, KeyError):
        return {}
    return made


def _packages(env: Path) -> dict[str, str]:
    """The distributions in the environment, by their normalised names."""
    found = {}
    for path in env.glob("lib/python*/site-packages/*.dist-info"):
        name, _, version = path.name.removesuffix(".dist-info").partition("-")
        found[name_of(name)] = version
    return found


def _missing(code: Declaration, have: Mapping[str, str]) -> tuple[str, ...]:
    """The requirements of which an environment with these packages has none."""
    return tuple(one for one in code.requires if name_of(one) not in have)


def name_of(requirement: str) -> str:
    """The normalised name of the package that is required."""
    match = re.match(r"[A-Za-z0-9][A-Za-z0-9._-]*", requirement)
    return re.sub(r"[-_.]+", "-", match[0]).lower() if match else requirement
