"""Stop 1, web: the shapes of what simulations take from each other, for the OpenAPI document only."""

from __future__ import annotations

from pydantic import BaseModel, Field

Time = str


class Taken(BaseModel):
    """A file of the run `run` that was given to a run, as the file `as` in its folder; `name` is what the simulation was called then."""

    input: str
    simulation: str
    model: str
    file: str
    name: str
    run: str
    as_: str = Field(alias="as")
    sha256: str
    size: int
    taken: Time


class Source(BaseModel):
    """An input that is a file of another simulation's run. `run` is the run that counts now, null for none; `taken` what the last run of
    this simulation took, null where none did. `name` and `title` are those of the other simulation and its model."""

    input: str
    simulation: str
    model: str
    file: str
    state: str = Field(description="current, out-of-date, nothing-yet or gone")
    why: str = Field(
        description="newer-run, edited, upstream, no-run, simulation, bin, model, file or cycle; empty where it is current"
    )
    detail: str
    name: str
    title: str
    run: str | None
    ended: Time | None
    taken: Taken | None
    links: dict[str, str | None]


class SourceList(BaseModel):
    items: list[Source]
    cursor: str
