"""Stop 1, web: the shapes of where codes can run, for the OpenAPI document only."""

from __future__ import annotations

from pydantic import BaseModel, Field


class CodeTarget(BaseModel):
    """How a code stands at a target; `remedy` is the command that helps where it cannot run there."""

    code: str
    target: str
    kind: str
    state: str = Field(description="ready, missing, other (what is there is of another version), or unknown (nobody has looked)")
    detail: str
    remedy: str
    version: str = Field(description="of the code in an image, or of its environment on a cluster; empty where there is none")
    wanted: str
    versions: dict[str, str] = Field(description="of the packages that it requires")
    missing: list[str]
    installable: bool = Field(description="Whether Simyard can install it there by itself.")


class CodeTargetList(BaseModel):
    items: list[CodeTarget]
    cursor: str


class TargetInstall(BaseModel):
    """How far the install of a code on a cluster is: `lines` are the last of what the installer said, `code` is that of the `error`."""

    state: str = Field(description="idle, running, done or failed")
    step: str
    fraction: float
    lines: list[str]
    error: str
    code: str
    python: str = Field(description="The version of the Python there.")
    platform: str = Field(description="Its machine and C library, such as x86_64-glibc-2.36.")
