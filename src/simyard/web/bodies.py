"""Stop 1, web: what a request may say, as the models by which it is checked."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from simyard.protocol.ids import is_ulid
from simyard.protocol.jobs import State


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of printable characters")
    return text


def _ulid(text: str) -> str:
    if text and not is_ulid(text):
        raise ValueError("is not an id")
    return text


def _state(text: str) -> str:
    if text and text not in {state.value for state in State}:
        raise ValueError(f"must be one of {', '.join(state.value for state in State)}")
    return text


def _folder(text: str) -> str:
    """`a/b`, as it is kept: without spaces around a name, or slashes around it all."""
    parts = [part.strip() for part in text.strip().strip("/").split("/")]
    if parts == [""]:
        return ""
    if len(parts) > MAX_FOLDERS:
        raise ValueError(f"is deeper than {MAX_FOLDERS} folders")
    if not all(part and part not in {".", ".."} and part.isprintable() and len(part) <= MAX_FOLDER_NAME for part in parts):
        raise ValueError(f"must be names of 1 to {MAX_FOLDER_NAME} printable characters with / between them, or empty")
    return "/".join(parts)


def _tags(tags: list[str]) -> list[str]:
    """Each once, in their order."""
    found = list(dict.fromkeys(tag.strip() for tag in tags))
    for tag in found:
        if not tag or len(tag) > MAX_TAG or not tag.isprintable() or "," in tag:
            raise ValueError(f"a tag has 1 to {MAX_TAG} printable characters and no comma")
    if len(found) > MAX_TAGS:
        raise ValueError(f"are more than {MAX_TAGS}")
    return found


#: How deep folders go, and how long a name of one may be.
MAX_FOLDERS, MAX_FOLDER_NAME = 8, 80
MAX_TAGS, MAX_TAG = 20, 40

Title = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), AfterValidator(_printable)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Folder = Annotated[str, StringConstraints(max_length=700), AfterValidator(_folder)]
Tags = Annotated[list[str], Field(max_length=100), AfterValidator(_tags)]
SlurmName = Annotated[str, StringConstraints(max_length=200), AfterValidator(_printable)]
Option = Annotated[str, StringConstraints(min_length=1, max_length=500), AfterValidator(_printable)]
Ulid = Annotated[str, StringConstraints(max_length=26), AfterValidator(_ulid)]


class Checked(BaseModel):
    """What is not known is refused: a misspelt name must not be ignored."""

    model_config = ConfigDict(extra="forbid")


class Paging(Checked):
    cursor: Annotated[str, StringConstraints(max_length=200), AfterValidator(_printable)] = Field(
        "", description="`cursor` of the page before; none for the first."
    )
    limit: int = Field(50, ge=1, le=500, description="How many at most.")


class SimulationPaging(Paging):
    cursor: Ulid = Field("", description="`cursor` of the page before; none for the first.")
    code: str = Field("", max_length=64, description="Only those of this code.")
    tag: str = Field("", max_length=MAX_TAG, description="Only those with this tag.")
    folder: Folder = Field("", description="Only those in this folder, or in one within it.")
    deleted: bool = Field(False, description="Those in the bin, instead of those that are not.")
    brief: bool = Field(False, description="Without their inputs and files, which may be large.")


class SimulationDeletion(Checked):
    forever: bool = Field(False, description="At once and for good, instead of into the bin.")


class SavePaging(Checked):
    cursor: int = Field(0, ge=0, lt=1 << 53, description="`cursor` of the page before; none for the first.")
    limit: int = Field(50, ge=1, le=500, description="How many at most.")


class RunPaging(Paging):
    cursor: Ulid = Field("", description="`cursor` of the page before; none for the first.")
    simulation: Ulid = Field("", description="Only runs of this simulation.")
    code: str = Field("", max_length=64, description="Only runs of this code.")
    model: str = Field("", max_length=64, description="Only runs of this model.")
    state: Annotated[str, AfterValidator(_state)] = Field("", description="Only runs in this state.")


class LogQuery(Checked):
    offset: int = Field(0, ge=0, lt=1 << 53, description="From this byte on.")
    follow: bool = Field(False, description="Go on as the log grows, until the run has ended.")


class ReportQuery(Checked):
    frame: int = Field(-1, ge=-1, lt=1 << 31, description="Which picture of a report that has many.")


class LoginQuery(Checked):
    once: str = Field("", max_length=200)


class NewSimulation(Checked):
    code: Name
    name: Title | None = Field(None, description="The example's or the code's title where there is none.")
    example: Name | None = Field(None, description="Inputs to start from; without it, the defaults.")
    inputs: dict[str, Any] = Field(default_factory=dict, description="In place of those of the example.")
    files: dict[FileName, Sha256] = Field(default_factory=dict, description="Files by name: contents that were uploaded before.")
    folder: Folder = ""
    tags: Tags = Field(default_factory=list)


class SimulationChange(Checked):
    name: Title | None = None
    folder: Folder | None = Field(None, description='"a/b" for a folder in a folder; "" for none.')
    tags: Tags | None = Field(None, description="All of its tags from now on.")
    inputs: dict[str, Any] = Field(default_factory=dict, description="The inputs that change; null is back to the default.")
    files: dict[FileName, Sha256 | None] = Field(default_factory=dict, description="The files that change; null takes one away.")
    restore: int | None = Field(None, ge=1, lt=1 << 53, description="Inputs and files become those of this save.")


class SimulationCopy(Checked):
    name: Title | None = None


class RunBatch(Checked):
    """What is chosen on a cluster; "" is left to the cluster and its settings here."""

    partition: SlurmName = ""
    account: SlurmName = ""
    qos: SlurmName = ""
    constraint: SlurmName = ""
    nodes: int | None = Field(None, ge=1, le=1 << 20)
    tasks: int | None = Field(
        None, ge=1, le=1 << 24, description="Of a parallel model: its cores unless said; else one for each node."
    )
    cpus_per_task: int | None = Field(None, ge=1, le=1 << 20)
    gpus: int = Field(0, ge=0, le=1 << 20)
    extra: list[Option] = Field(default_factory=list, max_length=50, description="Further options of sbatch, one each.")


class RunResources(Checked):
    cores: int | None = Field(None, ge=1, le=1 << 20)
    memory: int | None = Field(None, ge=1, le=1 << 50, description="Bytes; on a cluster, on each node.")
    time_limit: float | None = Field(None, gt=0, le=1e9, description="Seconds, after which the run is stopped.")
    batch: RunBatch | None = Field(None, description="On a cluster only.")


class RunNote(Checked):
    name: Annotated[str, StringConstraints(max_length=200, strip_whitespace=True), AfterValidator(_printable)] | None = None
    note: Annotated[str, StringConstraints(max_length=10_000)] | None = None
    pinned: bool | None = None


class SourcesQuery(Checked):
    model: str = Field(
        "", max_length=64, description="Out of date with regard to the last run of this model; of any where it is not said."
    )


class SameQuery(Checked):
    model: Name


class NewRun(Checked):
    model: Name
    target: Name | None = Field(None, description="Where; the first of `/targets` unless said.")
    resources: RunResources | None = Field(None, description="What is not given is what the model declares.")
    reuse: bool = Field(True, description="An identical completed run may be the answer.")
    supersede: bool = Field(False, description="Cancel an active run with other inputs.")


class WantedInput(Checked):
    model: Name
    target: Name | None = Field(None, description="Where; the first of `/targets` unless said.")
    resources: RunResources | None = Field(None, description="What is not given is what the model declares.")


class TargetQuery(Checked):
    code: str = Field("", max_length=64, description="With `model`: what a run of it would wait at each target.")
    model: str = Field("", max_length=64)


class PictureQuery(Checked):
    version: str = Field(
        "", max_length=64, description="Of the code: another one is another picture, and this one never changes."
    )


class LoginWait(Checked):
    wait: float = Field(0.0, ge=0, le=30, description="Seconds to wait until it is your turn.")


class Login(Checked):
    """The next step of a login; without any, it is only asked how it stands."""

    begin: bool = Field(False, description="Anew, whatever has been before.")
    name: Annotated[str, StringConstraints(max_length=100), AfterValidator(_printable)] = Field(
        "", description="With `begin`: your name there, if it is not the one that is configured."
    )
    answers: list[Annotated[str, StringConstraints(max_length=4096)]] = Field(
        default_factory=list, max_length=16, repr=False, description="To the prompts of the answer before, in their order."
    )
    accept: str = Field("", max_length=200, description="The fingerprint of a host's key, once it has been compared.")
    wait: float = Field(10.0, ge=0, le=30, description="Seconds to wait until it is your turn.")
