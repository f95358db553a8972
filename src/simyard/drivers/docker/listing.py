"""The images of Simyard that a host has: what is in them, and who uses them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import aiodocker

from simyard.drivers.base import NoImage
from simyard.drivers.docker import image as images
from simyard.drivers.docker.host import NOT_FOUND, Host


@dataclass(frozen=True, kw_only=True)
class Made:
    """One image. `names` are its tags, none for one whose name another has taken; `built` is in seconds since the epoch, `size` in
    bytes; `version` is Simyard's, `agent` that of the agent in it; `codes` are {name: version}; `content` says what it was built
    from; `containers` is how many there are of it."""

    host: str
    id: str
    names: tuple[str, ...]
    built: float
    size: int
    version: str = ""
    agent: str = ""
    content: str = ""
    codes: dict[str, str] = field(default_factory=dict)
    containers: int = 0


async def made(host: Host) -> list[Made]:
    """All of them, the newest first. Raises Silent, and aiodocker.DockerError."""
    async with host.asked() as docker:
        found = await docker.images.list(filters={"label": [images.VERSION]})
        users = await docker._query_json("containers/json", params={"all": "1"})  # noqa: SLF001 - its own list() asks once for each
    used = [one["ImageID"] for one in users]
    return sorted((_read(host.url, one, used.count(one["Id"])) for one in found), key=lambda one: -one.built)


async def named(docker: aiodocker.Docker, name: str) -> tuple[str, str]:
    """The id of the image that has this name, and what it was built from; "" for what is not known."""
    found = await _looked_up(docker, name)
    return ("", "") if found is None else (str(found["Id"]), _labels(found).get(images.CONTENT, ""))


async def labels_of(docker: aiodocker.Docker, name: str) -> dict[str, str] | None:
    """The labels of the image that has this name; None where there is none."""
    found = await _looked_up(docker, name)
    return None if found is None else _labels(found)


async def codes_of(docker: aiodocker.Docker, name: str) -> dict[str, str] | None:
    """The codes in the image that has this name, and their versions; None where it does not say. Raises NoImage where there is none."""
    labels = await labels_of(docker, name)
    if labels is None:
        raise NoImage(f"There is no image {name!r} yet.")
    return _codes(labels[images.CODES]) if images.CODES in labels else None


async def _looked_up(docker: aiodocker.Docker, name: str) -> dict[str, Any] | None:
    try:
        return dict(await docker.images.inspect(name))
    except aiodocker.DockerError as error:
        if error.status == NOT_FOUND:
            return None
        raise


def _labels(found: dict[str, Any]) -> dict[str, str]:
    return dict(found["Config"].get("Labels") or {})


def _read(host: str, found: dict[str, Any], containers: int) -> Made:
    labels = found.get("Labels") or {}
    return Made(
        host=host,
        id=found["Id"],
        names=tuple(sorted(name for name in found.get("RepoTags") or () if name != "<none>:<none>")),
        built=float(found["Created"]),
        size=int(found["Size"]),
        version=labels.get(images.VERSION, ""),
        agent=labels.get(images.AGENT, ""),
        content=labels.get(images.CONTENT, ""),
        codes=_codes(labels.get(images.CODES, "")),
        containers=containers,
    )


def _codes(label: str) -> dict[str, str]:
    """Anybody may have labelled an image: what is not what we write says nothing."""
    try:
        found = json.loads(label)
    except ValueError:
        return {}
    return {str(name): str(version) for name, version in found.items()} if isinstance(found, dict) else {}
