"""Stop 1, web: the shapes of answers, for the OpenAPI document only: no request is slowed by them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from simyard.protocol.jobs import CAUSES, Kind, State
from simyard.web.shapes_codes import CodeTargetList, TargetInstall
from simyard.web.shapes_sources import SourceList, Taken

__all__ = ["CodeTargetList", "SourceList", "TargetInstall"]

Time = str


class Problem(BaseModel):
    """What went wrong (RFC 9457). `code` is stable, `detail` says what to do next; other members depend on the code."""

    type: str
    title: str
    status: int
    code: str
    detail: str


class Session(BaseModel):
    user: str
    csrf: str
    expires: Time | None


class LoginAddress(BaseModel):
    url: str
    expires: Time


class Code(BaseModel):
    """What a code declares of itself; `install` is the command that installs it where `installed` is false, and
    `installable` whether `POST /codes/{code}/install` does. `picture` is an address, "" for none."""

    name: str
    title: str
    description: str
    picture: str
    version: str
    python: str
    requires: list[str]
    inputs: list[dict[str, Any]]
    groups: list[dict[str, Any]]
    models: list[dict[str, Any]]
    reports: list[dict[str, Any]]
    results: list[dict[str, Any]]
    examples: list[dict[str, Any]]
    installed: bool
    install: str
    installable: bool


class Install(BaseModel):
    """How far the install of a code is: `state` is idle, running, done or failed; `lines` are the last of what the installer said."""

    state: str
    step: str = Field(description="starting, waiting, environment, resolving, downloading, unpacking, trying, or done")
    fraction: float
    lines: list[str]
    error: str


class CodeList(BaseModel):
    items: list[Code]
    cursor: str
    broken: dict[str, str]


class Wait(BaseModel):
    """An estimate in seconds."""

    low: float
    high: float


class Disk(BaseModel):
    """In bytes; null where nobody has looked yet, 0 where there is no such limit."""

    quota: int = Field(description="what your files and runs may take")
    used: int | None
    keep: int = Field(description="what must stay free")
    free: int | None


class Partition(BaseModel):
    """What a partition of a cluster takes: seconds, and bytes for one node; null where it has no limit of its own."""

    name: str
    up: bool
    default: bool
    nodes: int
    cores: int
    time_limit: float | None
    max_nodes: int | None
    min_nodes: int
    memory: int | None


class Target(BaseModel):
    name: str
    kind: str
    state: str = Field(description="ready, starting, needs-login, connecting, refused, away, silent (not answering) or disabled")
    since: Time | None = Field(description="Since when it does not answer, or your agent on it is away")
    detail: str
    cores: int
    memory: int
    cores_free: int
    memory_free: int
    waiting: int
    agent: str = Field(description="The version of your agent there, empty for none")
    wait: Wait | None
    disk: Disk | None
    login: str = Field(description="Of a cluster: the state of your login (as in LoginAnswer); empty where none is needed")
    partitions: list[Partition]


class TargetList(BaseModel):
    items: list[Target]
    cursor: str


class Prompt(BaseModel):
    """One question of a host, in its words; `echo`: the answer may be seen while it is typed."""

    text: str
    echo: bool


class LoginAnswer(BaseModel):
    """How a login stands. asking: `host` says `words` and wants its `prompts` answered, all of them in one step; unknown-host: compare
    the `fingerprint` of its key (`key_type`) with what its site tells, and accept it; refused: `words` say why, `again` whether other
    answers may help; lost: since when."""

    target: str
    state: str = Field(description="not-needed, needs-login, connecting, asking, unknown-host, ready, lost or refused")
    words: str
    host: str
    prompts: list[Prompt]
    fingerprint: str
    key_type: str
    again: bool
    since: Time | None


class FileRef(BaseModel):
    sha256: str
    size: int


class BriefSimulation(BaseModel):
    """`revision` names the content (inputs, files); `version` rises with every change; `etag` is for If-Match. `folder` is "" or
    "a/b"; `deleted` is since when it lies in the bin. A list that was asked for with `brief=true` has no more than this."""

    id: str
    name: str
    code: str
    folder: str
    tags: list[str]
    revision: str
    version: int
    etag: str
    created: Time
    updated: Time
    deleted: Time | None
    links: dict[str, str]


class Simulation(BriefSimulation):
    """A simulation with its inputs, and the files that belong to it."""

    inputs: dict[str, Any]
    files: dict[str, FileRef]


class SimulationList(BaseModel):
    items: list[Simulation | BriefSimulation]
    cursor: str


class Save(BaseModel):
    n: int
    revision: str
    saved: Time
    restores: int | None = Field(description="The number of the save that this one went back to.")
    inputs: dict[str, Any]
    files: dict[str, FileRef]


class SaveList(BaseModel):
    items: list[Save]
    cursor: str


class Progress(BaseModel):
    fraction: float | None
    frames: int
    message: str
    eta: float | None
    memory: int | None
    peak_memory: int | None


class Batch(BaseModel):
    """What was chosen on a cluster; "" is what the cluster gives."""

    partition: str
    account: str
    qos: str
    constraint: str
    nodes: int
    tasks: int
    cpus_per_task: int
    gpus: int
    extra: list[str]


class Resources(BaseModel):
    cores: int
    memory: int
    time_limit: float | None
    batch: Batch | None


class Remote(BaseModel):
    """What a cluster says of a run: the number of its job there, the cluster's `state` and what it means in `words`, when it is
    `expected` to begin, when the cluster said so (`at`), and since when it has not answered."""

    job: str
    state: str
    words: str
    expected: Time | None
    at: Time | None
    silent_since: Time | None


class Usage(BaseModel):
    wall: float
    cpu: float
    peak_memory: int
    exit_code: int | None
    signal: str | None


class Gate(BaseModel):
    gate: str
    passed: bool
    detail: str


class Run(BaseModel):
    """One execution of a compute job (`jid`). Sizes in bytes, durations in seconds; `reports` are names."""

    id: str
    jid: str
    simulation: str
    simulation_revision: str
    code: str
    code_version: str
    model: str
    kind: Kind
    target: str
    state: State
    reason: str
    cause: str = Field(description=f"Why it did not complete: {', '.join(CAUSES)}, or empty")
    revision: int
    change: int
    created: Time
    queued: Time
    started: Time | None
    ended: Time | None
    progress: Progress
    resources: Resources
    usage: Usage | None
    results: dict[str, Any]
    warnings: list[str]
    reports: list[str]
    waiting: list[Gate]
    last_heard: Time | None
    remote: Remote | None
    name: str = Field(description="What you called it")
    note: str = Field(description="What you wrote on it")
    pinned: bool
    noted: Time | None = Field(description="When you last did either")
    links: dict[str, str]


class StartedRun(Run):
    """`new` is false where an active or (`reused`) an identical completed run is the answer; `report` is the first
    report's figure where it came along."""

    new: bool
    reused: bool
    report: Any


class RunList(BaseModel):
    items: list[Run]
    cursor: str


class Explanation(BaseModel):
    run: str
    state: State
    summary: str
    gates: list[Gate]
    position: int


class RunInputs(BaseModel):
    """`files` maps file names to SHA-256; `sources` are those of them that came from other runs."""

    inputs: dict[str, Any]
    files: dict[str, str]
    sources: list[Taken]


class GeneratedFile(BaseModel):
    """`text` is null of a file that is no text; `truncated` says that there is more of it than is shown."""

    name: str
    text: str | None
    size: int
    truncated: bool


class GeneratedInput(BaseModel):
    """What the code would be given: its command line (null where it is called within Python), and the files it would read."""

    command: list[str] | None
    files: list[GeneratedFile]


class RunFile(BaseModel):
    path: str
    size: int
    modified: Time | None


class RunFileList(BaseModel):
    items: list[RunFile]
    cursor: str


class Figure(BaseModel):
    """A Plotly figure in its public JSON form; arrays may be `{dtype, bdata, shape}` in base64."""

    data: list[Any] = []
    layout: dict[str, Any] = {}


class LibraryFile(BaseModel):
    name: str
    sha256: str
    size: int
    created: Time
    updated: Time


class FileList(BaseModel):
    items: list[LibraryFile]
    cursor: str
