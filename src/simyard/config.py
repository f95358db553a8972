"""What a site can set: one frozen object, read once from `simyard.toml` and the environment, and passed in."""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
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
#: Of the targets that are clusters.
SBATCH = "sbatch"
#: Every kind of target.
KINDS = ("local", "docker", SBATCH)
_TARGET = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SIZES = {"memory", "upload_limit", "analysis_memory", "tmp", "disk", "disk_free"}
_UNITS = {"": 1, "B": 1}
_UNITS |= {f"{letter}B": 1000**power for power, letter in enumerate("KMGT", 1)}
_UNITS |= {f"{letter}iB": 1024**power for power, letter in enumerate("KMGT", 1)}
#: Everything in a container is this numeric user's where Simyard itself is root's.
NOBODY_IN_PARTICULAR = 10001
#: A Unix socket's path may have 107 bytes; what is longer goes to a short private folder.
_MAX_SOCKET_PATH = 100


class ConfigError(InvalidRequest):
    """The configuration says something that cannot be; `detail` names the file and the key."""

    def __init__(self, detail: str) -> None:
        super().__init__("bad-configuration", detail)


@dataclass(frozen=True, kw_only=True)
class WebConfig:
    """`[web]`: where pages and API are served. `port` 0 takes a free one; `upload_limit` in bytes; `install_codes` says
    whether a code can be installed from the page, `reload_codes` whether codes are read anew when their files change. Behind a proxy: `url` is the address that people open, "" for the one that
    web listens on; `socket` is the path of a Unix socket for the proxy, "" for none; the addresses (or networks) `proxies` are
    believed what they say of who asks, and how, as is who comes by the socket."""

    host: str = "127.0.0.1"
    port: int = 8760
    url: str = ""
    socket: str = ""
    proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    workers: int = 1
    upload_limit: int = 1 << 30
    install_codes: bool = True
    reload_codes: bool = False

    def __post_init__(self) -> None:
        """Raises ConfigError for an address that is none."""
        if self.url and not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?", self.url):
            raise ConfigError(f"web.url must be like https://simyard.example.org, without a path, not {self.url!r}.")
        if self.socket and not os.path.isabs(self.socket):
            raise ConfigError(f"web.socket must be an absolute path, not {self.socket!r}.")
        for one in self.proxies:
            try:
                ipaddress.ip_network(one)
            except ValueError as error:
                raise ConfigError(f"web.proxies: {error}; write addresses like 10.0.0.7, or networks like 10.0.0.0/24.") from None


@dataclass(frozen=True, kw_only=True)
class DatabaseConfig:
    """`[database]`: SQLAlchemy URLs; "" is SQLite in the home folder."""

    jobs: str = ""
    web: str = ""


@dataclass(frozen=True, kw_only=True)
class TargetConfig:
    """`[targets.NAME]`: a place to run.

    `cores` and `memory` (bytes) are what its runs share, 0 for all that the machine has; `disk` is what all files and runs of
    one user may take there, and `disk_free` what must stay free on that file system (bytes, 0: nobody counts); `analyses` is how
    many reports are made at once, beside the runs; the limits of runs and reports are in seconds; `patience` is how long a run
    that does not fit lets smaller ones pass, in seconds. On a cluster, whose partitions say what a run may have, `cores` is only a limit where it
    is given, and `memory` and `long_seconds` are none.
    """

    kind: str = "local"
    enabled: bool = True
    cores: int = 0
    memory: int = 0
    disk: int = 0
    disk_free: int = 0
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
class DockerConfig:
    """`[docker]`: where targets of kind `docker` have their containers, and what one container may use.

    `hosts` are unix://, ssh:// or tcp:// addresses, the last with client certificates from the folder `certificates`; those
    in `drained` take no new users. `owner` is the numeric user of everything in a container, 0 for the one who runs Simyard, or
    10001 where that is root. `memory` and `tmp` in bytes, 0 for all that the targets of this kind may use; `idle` is how long a
    container that nobody needs is kept, in seconds. `base` is the image that `simyard image build` builds on, a Debian with Python;
    "" for one that it makes itself; `interpreters` are Pythons of this machine of which it puts copies there."""

    hosts: tuple[str, ...] = ("unix:///var/run/docker.sock",)
    drained: tuple[str, ...] = ()
    certificates: str = ""
    image: str = "simyard"
    base: str = ""
    owner: int = 0
    memory: int = 0
    cores: float = 0.0
    processes: int = 1024
    open_files: int = 4096
    tmp: int = 256 << 20
    idle: float = 1800.0
    interpreters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class ClusterCode:
    """`[clusters.NAME.codes.CODE]`: how a code is run there: shell lines before it (`setup`, such as `module load madx`), and the
    Python that runs it ("": the agent's, or, of a code that names a Python of its own, the `python3` that its setup lines bring along)."""

    setup: tuple[str, ...] = ()
    python: str = ""


@dataclass(frozen=True, kw_only=True)
class ClusterConfig:
    """`[clusters.NAME]`: a Slurm cluster behind ssh; it makes a target of the same name and of kind `sbatch`.

    `host` is what one writes after `ssh`; `user` and `port` as `ssh_config` (a file, "" for `~/.ssh/config`) says unless given;
    `own_keys` lets logins use the keys and the ssh-agent of whoever runs Simyard, which is right where that is the one user.
    `directory` is where agent, runs and input files are there (`~` and variables of the login are understood); `keep_days` after its end a run's
    directory is removed there (0: never). `pythons` are commands, one of which is a Python ≥ 3.9. `door` is a `ws://` or `wss://` address by
    which agents reach the supervisor; "" for a socket that is forwarded through ssh. `template` are lines of the script of each run; `partition`,
    `account`, `qos`, `constraint` and `extra` hold where a run's user says nothing; `launcher` starts a parallel code. `interval` is how often
    Slurm is asked, in seconds.
    """

    host: str = ""
    user: str = ""
    port: int = 0
    ssh_config: str = ""
    own_keys: bool = True
    directory: str = "~/.simyard"
    keep_days: float = 0.0
    pythons: tuple[str, ...] = ("python3", "python3.13", "python3.12", "python3.11", "python3.10", "python3.9")
    door: str = ""
    template: str = ""
    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    extra: tuple[str, ...] = ()
    launcher: tuple[str, ...] = ("srun",)
    interval: float = 5.0
    codes: Mapping[str, ClusterCode] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ConfigError for what cannot be."""
        if not self.host:
            raise ConfigError("a cluster needs host: what one writes after `ssh` to get there.")
        if self.interval < 1:
            raise ConfigError("interval must be at least 1 second: Slurm is not to be asked more often.")
        if not self.pythons:
            raise ConfigError('pythons needs at least one command, such as "python3".')
        if self.door and not self.door.startswith(("ws://", "wss://")):
            raise ConfigError(f"door must be a ws:// or wss:// address, not {self.door!r}.")


@dataclass(frozen=True, kw_only=True)
class Config:
    """All of it. `default_target` is where a run goes when nobody says where; `interpreters` maps a name in a `code.toml` to the
    path of a Python; `codes_path` are folders of codes."""

    home: Path
    web: WebConfig = WebConfig()
    database: DatabaseConfig = DatabaseConfig()
    docker: DockerConfig = DockerConfig()
    targets: Mapping[str, TargetConfig] = field(default_factory=lambda: {"local": TargetConfig()})
    clusters: Mapping[str, ClusterConfig] = field(default_factory=dict)
    default_target: str = "local"
    interpreters: Mapping[str, str] = field(default_factory=dict)
    codes_path: tuple[Path, ...] = ()

    @property
    def doors(self) -> Path:
        """The private folder of the sockets; short enough for a socket's path, whatever the home folder is called."""
        plain = self.home / "run"
        if len(str(plain / "agents" / "door.sock")) <= _MAX_SOCKET_PATH:
            return plain
        digest = hashlib.sha256(str(self.home).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"simyard-{os.getuid()}-{digest}"

    @property
    def web_door(self) -> Path:
        """The supervisor's socket for web."""
        return self.doors / "web.sock"

    @property
    def agent_door(self) -> Path:
        """The supervisor's socket for agents, in a folder of its own: it is all of this that a container is shown."""
        return self.doors / "agents" / "door.sock"

    @property
    def container_owner(self) -> tuple[int, int]:
        """The numeric user and group of everything in a container; never root."""
        if os.getuid() != 0:
            return self.docker.owner or os.getuid(), os.getgid()
        uid = self.docker.owner or NOBODY_IN_PARTICULAR
        return uid, uid

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

    def driver(self, target: str) -> str:
        """The name of the driver of a target: its kind, and for a cluster `sbatch:` and its name, for each has one of its own."""
        kind = self.targets[target].kind
        return f"{kind}:{target}" if kind == SBATCH else kind

    @property
    def known_hosts(self) -> Path:
        """The host keys that were accepted here, beside those that OpenSSH knows."""
        return self.home / "known_hosts"

    @property
    def archives(self) -> Path:
        """Codes as archives by their SHA-256, for clusters."""
        return self.home / "archives"

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
    `simyard.toml` in the home folder, else the defaults. SIMYARD_CODES adds folders of codes, which are read anew when they change.
    Raises ConfigError."""
    settings = _settings(environ, home)
    mine = tuple(Path(one).expanduser().absolute() for one in environ.get("SIMYARD_CODES", "").split(os.pathsep) if one)
    web = dataclasses.replace(settings.web, reload_codes=True)
    return dataclasses.replace(settings, codes_path=(*mine, *settings.codes_path), web=web) if mine else settings


def _settings(environ: Mapping[str, str], home: Path | None) -> Config:
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
    known = {"web", "database", "docker", "targets", "default_target", "interpreters", "codes_path", "clusters"}
    if unknown := set(settings) - known:
        raise ConfigError(f"{where}: unknown key {min(unknown)!r}; known are {', '.join(sorted(known))}.")
    targets = {"local": TargetConfig()}
    for name, section in _table(settings.get("targets", {}), f"{where}: targets").items():
        targets[name] = _section(TargetConfig, section, f"{where}: targets.{name}")
    clusters = {
        name: _cluster(section, f"{where}: clusters.{name}")
        for name, section in _table(settings.get("clusters", {}), f"{where}: clusters").items()
    }
    for name in clusters:
        targets[name] = _target_of(name, settings.get("targets", {}), targets, where)
    if lost := [name for name, target in targets.items() if target.kind == SBATCH and name not in clusters]:
        raise ConfigError(
            f"{where}: targets.{lost[0]} is of kind {SBATCH!r} and needs a section [clusters.{lost[0]}] with its host."
        )
    paths = settings.get("codes_path", [])
    if not isinstance(paths, list) or not all(isinstance(p, str) for p in paths):
        raise ConfigError(f"{where}: codes_path must be a list of folders.")
    return Config(
        home=home,
        web=_section(WebConfig, settings.get("web", {}), f"{where}: web"),
        database=_section(DatabaseConfig, settings.get("database", {}), f"{where}: database"),
        docker=_section(DockerConfig, settings.get("docker", {}), f"{where}: docker"),
        targets=targets,
        clusters=clusters,
        default_target=_default_target(settings.get("default_target", ""), targets, where),
        interpreters=_value(Mapping[str, str], "interpreters", settings.get("interpreters", {}), f"{where}: interpreters"),
        codes_path=tuple(Path(p).expanduser() for p in paths),
    )


def _cluster(section: Any, where: str) -> ClusterConfig:
    table = dict(_table(section, where))
    codes = _table(table.pop("codes", {}), f"{where}.codes")
    try:
        made = _section(ClusterConfig, table, where)
    except ConfigError as error:
        raise error if error.detail.startswith(where) else ConfigError(f"{where}: {error.detail}") from None
    return dataclasses.replace(
        made, codes={name: _section(ClusterCode, code, f"{where}.codes.{name}") for name, code in codes.items()}
    )


def _target_of(name: str, sections: Mapping[str, Any], targets: Mapping[str, TargetConfig], where: str) -> TargetConfig:
    """The target of a cluster, with the limits of its section in `[targets]`, if there is one."""
    if name == "local" or not _TARGET.fullmatch(name):
        raise ConfigError(f'{where}: clusters.{name}: {name!r} cannot be the name of a cluster; write one like "pool".')
    if name in sections and sections[name].get("kind", SBATCH) != SBATCH:
        raise ConfigError(f"{where}: targets.{name} is of kind {targets[name].kind!r}, and there is a cluster of the same name.")
    return dataclasses.replace(targets.get(name, TargetConfig()), kind=SBATCH)


def _default_target(named: Any, targets: Mapping[str, TargetConfig], where: str) -> str:
    """That one, else the first that is not switched off: `local`, unless it is."""
    if named != "" and (not isinstance(named, str) or named not in targets):
        raise ConfigError(f"{where}: default_target must be one of {', '.join(targets)}, not {named!r}.")
    return named or next((name for name, target in targets.items() if target.enabled), "local")


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
    if hint == tuple[str, ...]:
        if not isinstance(item, list) or not all(isinstance(one, str) for one in item):
            raise ConfigError(f"{where} must be a list of texts, not {item!r}.")
        return tuple(item)
    if hint == Mapping[str, str]:
        return {name: str(path) for name, path in _table(item, where).items()}
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
