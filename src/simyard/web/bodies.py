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


Title = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), AfterValidator(_printable)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
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


class SavePaging(Checked):
    cursor: int = Field(0, ge=0, lt=1 << 53, description="`cursor` of the page before; none for the first.")
    limit: int = Field(50, ge=1, le=500, description="How many at most.")


class RunPaging(Paging):
    cursor: Ulid = Field("", description="`cursor` of the page before; none for the first.")
    simulation: Ulid = Field("", description="Only runs of this simulation.")
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


class SimulationChange(Checked):
    name: Title | None = None
    inputs: dict[str, Any] = Field(default_factory=dict, description="The inputs that change; null is back to the default.")
    files: dict[FileName, Sha256 | None] = Field(default_factory=dict, description="The files that change; null takes one away.")


class SimulationCopy(Checked):
    name: Title | None = None


class RunResources(Checked):
    cores: int | None = Field(None, ge=1, le=1 << 20)
    memory: int | None = Field(None, ge=1, le=1 << 50, description="Bytes.")


class NewRun(Checked):
    model: Name
    target: Name = "local"
    resources: RunResources | None = Field(None, description="What is not given is what the model declares.")
    reuse: bool = Field(True, description="An identical completed run may be the answer.")
    supersede: bool = Field(False, description="Cancel an active run with other inputs.")


class Login(Checked):
    answers: list[Annotated[str, StringConstraints(max_length=4096)]] = Field(
        default_factory=list, max_length=16, description="To the prompts of the answer before; none at first."
    )
