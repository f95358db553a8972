"""Of the conversation of web and supervisor (see `asking`): the places to run, what they have, and the login to those that need one."""

from __future__ import annotations

import dataclasses
from typing import Optional, Tuple

from simyard.protocol.batch import Partition
from simyard.protocol.wire import message


@message
class TargetList:
    """The places to run; with `code` and `model`, each with what a run of that model would wait if it came now."""

    user: str
    code: str = ""
    model: str = ""


@message
class TargetLogin:
    """How the login to a target stands, and the next step of it: `begin` (anew, as `name` there, "" as configured), `answers` to the prompts
    that were asked last, `accept` the host key with this fingerprint, or `end` it. None of them only asks; the answer comes after at
    most `wait` seconds, or as soon as it is somebody's turn."""

    user: str
    target: str
    answers: Tuple[str, ...] = dataclasses.field(default=(), repr=False)
    accept: str = ""
    begin: bool = False
    name: str = ""
    end: bool = False
    wait: float = 10.0


@message
class Wait:
    """An estimate: between `low` and `high` seconds."""

    low: float
    high: float


@message
class Disk:
    """What a user's files and runs take of a disk, and may take (`quota`); what is free of it, and must stay free (`keep`). In
    bytes; None where nobody has looked yet, 0 where there is no such limit. `measured` is when all of it was weighed."""

    quota: int = 0
    keep: int = 0
    used: Optional[int] = None
    free: Optional[int] = None
    measured: float = 0.0


@message
class Target:
    """A place to run, as the user sees it; `state` is ready, starting, needs-login, connecting, refused, away, silent (what runs its agents does not answer)
    or disabled, `since` when it does not answer; `agent` the version of the user's agent there, "" for none.
    `wait` is what a run that came now would wait, None where nobody can say. Of a cluster: `login` is the state of the user's login (as in
    LoginAnswer), `partitions` what it has told of them; cores and memory are 0 there, which is not known."""

    name: str
    kind: str
    state: str
    detail: str = ""
    cores: int = 0
    memory: int = 0
    cores_free: int = 0
    memory_free: int = 0
    waiting: int = 0
    wait: Optional[Wait] = None
    since: Optional[float] = None
    disk: Optional[Disk] = None
    agent: str = ""
    login: str = ""
    partitions: Tuple[Partition, ...] = ()


@message
class Targets:
    targets: Tuple[Target, ...]


@message
class Prompt:
    """One question of a host; `echo`: the answer may be seen while it is typed."""

    text: str
    echo: bool = False


@message
class LoginAnswer:
    """How a login stands. `state` is `not-needed`, `needs-login`, `connecting`, `asking` (the `host` says `words`, and wants its `prompts`
    answered), `unknown-host` (its key of `key_type` has this `fingerprint`: to be compared and accepted), `ready`, `lost` (`since`), or `refused`
    (`words` say why, `again` whether other answers may help)."""

    target: str
    state: str
    words: str = ""
    host: str = ""
    prompts: Tuple[Prompt, ...] = ()
    fingerprint: str = ""
    key_type: str = ""
    again: bool = False
    since: Optional[float] = None
