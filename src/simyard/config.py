"""What a site can set: one frozen object, read once from `simyard.toml` and the environment, and passed in."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from simyard.errors import InvalidRequest

T = TypeVar("T")
_SIZES = {"memory", "upload_limit", "analysis_memory"}
_UNITS = {
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
#: A Unix socket's path may have 107 bytes; what is longer goes to a short private folder.
_MAX_SOCKET_PATH = 100


class ConfigError(InvalidRequest):
    """The configuration says something that cannot be; `detail` names the file and the key."""

    def __init__(self, detail: str) -> None:
        super().__init__("bad-configuration", detail)


@dataclass(frozen=True, kw_only=True)
class WebConfig:
    """`[web]`: where pages and API are served. `port` 0 takes a free one; `upload_limit` in bytes."""

    host: str = "127.0.0.1"
    port: int = 8760
    workers: int = 1
    upload_limit: int = 1 << 30


@dataclass(frozen=True, kw_only=True)
class DatabaseConfig:
    """`[database]`: SQLAlchemy URLs; "" is SQLite in the home folder."""

    jobs: str = ""
    web: str = ""


@dataclass(frozen=True, kw_only=True)
class TargetConfig:
    """`[targets.NAME]`: a place to run.

    `cores` and `memory` (bytes) are what its runs share, 0 for all that the machine has; `analyses` is how many reports
    are made at once, beside the runs; the limits of runs and reports are in seconds; `patience` is how long a run
    that does not fit lets smaller ones pass, in seconds.
    """

    kind: str = "local"
    enabled: bool = True
    cores: int = 0
    memory: int = 0
    analyses: int = 2
    transfers: int = 32
    quick_seconds: float = 120.0
    long_seconds: float = 7 * 86400.0
    analysis_seconds: float = 60.0
    analysis_memory: int = 2 << 30
    active_runs: int = 1000
    queued_runs: int = 200_000
    patience: float = 60.0


@dataclass(frozen=True, kw_only=True)
class Config:
    """All of it. `interpreters` maps a name in a `code.toml` to the path of a Python; `codes_path` are folders of codes."""

    home: Path
    web: WebConfig = WebConfig()
    database: DatabaseConfig = DatabaseConfig()
    targets: Mapping[str, TargetConfig] = field(default_factory=lambda: {"local": TargetConfig()})
    interpreters: Mapping[str, str] = field(default_factory=dict)
    codes_path: tuple[Path, ...] = ()

    @property
    def doors(self) -> Path:
        """The private folder of the sockets; short enough for a socket's path, whatever the home folder is called."""
        plain = self.home / "run"
        if len(str(plain / "agents.sock")) <= _MAX_SOCKET_PATH:
            return plain
        digest = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"simyard-{os.getuid()}-{digest}"

    @property
    def web_door(self) -> Path:
        """The supervisor's socket for web."""
        return self.doors / "web.sock"

    @property
    def agent_door(self) -> Path:
        """The supervisor's socket for agents."""
        return self.doors / "agents.sock"

    @property
    def door_secret(self) -> Path:
        """The 0600 file with the secret that web shows to the supervisor."""
        return self.home / "secret"

    @property
    def token(self) -> Path:
        """The 0600 file with the token of one-user mode."""
        return self.home / "token"

    @property
    def jobs_url(self) -> str:
        return self.database.jobs or f"sqlite:///{self.home / 'jobs.db'}"

    @property
    def web_url(self) -> str:
        return self.database.web or f"sqlite:///{self.home / 'web.db'}"

    def user_dir(self, user: str) -> Path:
        """Where a user's files, runs and agents are."""
        return self.home / "users" / user

    def interpreter(self, name: str) -> Path | None:
        """The Python of that name: the site's, or the one that `simyard code install` made; None where there is none."""
        if name in self.interpreters:
            return Path(self.interpreters[name])
        made = self.home / "envs" / name / "bin" / "python"
        return made if made.exists() else None


def load(environ: Mapping[str, str], home: Path | None = None) -> Config:
    """The configuration: `home`, else SIMYARD_HOME, else the XDG data folder; settings from SIMYARD_CONFIG, else
    `simyard.toml` in the home folder, else the defaults. Raises ConfigError."""
    if home is None:
        data = environ.get("XDG_DATA_HOME") or os.path.join(environ.get("HOME", "/"), ".local", "share")
        home = Path(environ.get("SIMYARD_HOME") or os.path.join(data, "simyard"))
    home = home.expanduser().absolute()
    named = environ.get("SIMYARD_CONFIG")
    path = Path(named) if named else home / "simyard.toml"
    if not path.exists():
        if named:
            raise ConfigError(f"SIMYARD_CONFIG names {path}, which does not exist.")
        return Config(home=home)
    try:
        settings = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    return from_settings(home, settings, str(path))


def from_settings(home: Path, settings: Mapping[str, Any], where: str) -> Config:
    """The configuration that a parsed `simyard.toml` describes; `where` is named in errors."""
    known = {"web", "database", "targets", "interpreters", "codes_path"}
    if unknown := set(settings) - known:
        raise ConfigError(f"{where}: unknown key {min(unknown)!r}; known are {', '.join(sorted(known))}.")
    targets = {"local": TargetConfig()}
    for name, section in _table(settings.get("targets", {}), f"{where}: targets").items():
        targets[name] = _section(TargetConfig, section, f"{where}: targets.{name}")
    interpreters = _table(settings.get("interpreters", {}), f"{where}: interpreters")
    paths = settings.get("codes_path", [])
    if not isinstance(paths, list) or not all(isinstance(p, str) for p in paths):
        raise ConfigError(f"{where}: codes_path must be a list of folders.")
    return Config(
        home=home,
        web=_section(WebConfig, settings.get("web", {}), f"{where}: web"),
        database=_section(DatabaseConfig, settings.get("database", {}), f"{where}: database"),
        targets=targets,
        interpreters={name: str(path) for name, path in interpreters.items()},
        codes_path=tuple(Path(p).expanduser() for p in paths),
    )


def _table(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where} must be a table.")
    return value


def _section(cls: type[T], value: Any, where: str) -> T:
    table = _table(value, where)
    hints = get_type_hints(cls)
    if unknown := set(table) - set(hints):
        raise ConfigError(f"{where}: unknown key {min(unknown)!r}; known are {', '.join(sorted(hints))}.")
    return cls(**{key: _value(hints[key], key, item, f"{where}.{key}") for key, item in table.items()})


def _value(hint: type, key: str, item: Any, where: str) -> Any:
    if hint is int and key in _SIZES:
        return parse_size(item, where)
    if hint is float and type(item) is int:
        return float(item)
    if type(item) is not hint:
        raise ConfigError(f"{where} must be {'true or false' if hint is bool else 'of type ' + hint.__name__}, not {item!r}.")
    return item


def parse_size(text: str | int, where: str = "size") -> int:
    """Bytes from a number or a text such as `2 GB` or `512 MiB`; raises ConfigError."""
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text) if isinstance(text, str) else None
    if match is None or match[2] not in _UNITS:
        raise ConfigError(f"{where}: {text!r} is not a size; write one like 512 MiB or 2 GB.")
    return int(float(match[1]) * _UNITS[match[2]])
