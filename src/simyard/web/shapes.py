"""Stop 1, web: the shapes of answers, for the OpenAPI document only: no request is slowed by them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from simyard.protocol.jobs import Kind, State

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
    """What a code declares of itself; `install` is the command that installs it where `installed` is false."""

    name: str
    title: str
    description: str
    version: str
    python: str
    requires: list[str]
    inputs: list[dict[str, Any]]
    groups: list[dict[str, Any]]
    models: list[dict[str, Any]]
    reports: list[dict[str, Any]]
    examples: list[dict[str, Any]]
    installed: bool
    install: str


class CodeList(BaseModel):
    items: list[Code]
    cursor: str
    broken: dict[str, str]


class Target(BaseModel):
    name: str
    kind: str
    state: str = Field(description="ready, starting, needs-login, away or disabled")
    detail: str
    cores: int
    memory: int
    cores_free: int
    memory_free: int
    waiting: int


class TargetList(BaseModel):
    items: list[Target]
    cursor: str


class LoginAnswer(BaseModel):
    target: str
    state: str
    prompts: list[str]


class FileRef(BaseModel):
    sha256: str
    size: int


class Simulation(BaseModel):
    """`revision` names the content (inputs, files); `version` rises with every change; `etag` is for If-Match."""

    id: str
    name: str
    code: str
    inputs: dict[str, Any]
    files: dict[str, FileRef]
    revision: str
    version: int
    etag: str
    created: Time
    updated: Time
    links: dict[str, str]


class SimulationList(BaseModel):
    items: list[Simulation]
    cursor: str


class Save(BaseModel):
    n: int
    revision: str
    saved: Time
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


class Resources(BaseModel):
    cores: int
    memory: int


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
