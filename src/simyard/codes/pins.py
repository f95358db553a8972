"""A code's lock, as another machine than this one reads it: pip chooses the lines by where it runs itself, wherever it is to fetch for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

_HASHES = re.compile(r"\s+(?=--hash=)")
_COMMENT = re.compile(r"(^|\s+)#.*")


def meant(lock: str, python: str, machine: str) -> str:
    """The entries of a lock that hold for that CPython (`3.11.2`) on Linux, without the conditions on which they do."""
    whole = re.sub(r"\\\n", " ", lock).splitlines()
    return "".join(f"{one}\n" for one in chosen((_COMMENT.sub("", line).strip() for line in whole), python, machine))


def chosen(lines: Iterable[str], python: str, machine: str) -> list[str]:
    """Those requirements that hold there, without their conditions. What is none, or an option, stays for pip to judge."""
    there = {
        "python_version": ".".join(python.split(".")[:2]), "python_full_version": python, "implementation_version": python,
        "implementation_name": "cpython", "platform_python_implementation": "CPython", "platform_machine": machine,
        "sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_release": "", "platform_version": "", "extra": "",
    }  # fmt: skip
    found = []
    for line in filter(None, lines):
        wanted, *hashes = _HASHES.split(line)
        requirement = _requirement(wanted)
        if requirement is None:
            found.append(line)
        elif requirement.marker is None or requirement.marker.evaluate(there):
            requirement.marker = None
            found.append(" ".join((str(requirement), *hashes)))
    return found


def unmet(wanted: Iterable[str], lock: str) -> list[str]:
    """Those requirements that no entry of that lock (as `meant` has it) fulfils."""
    pinned: dict[str, str] = {}
    for line in lock.splitlines():
        entry = _requirement(_HASHES.split(line)[0])
        pin = [one.version for one in entry.specifier if one.operator == "=="] if entry else []
        if entry and pin:
            pinned[canonicalize_name(entry.name)] = pin[0]
    return [one for one in wanted if not _is_met(_requirement(one), pinned)]


def _is_met(wanted: Requirement | None, pinned: Mapping[str, str]) -> bool:
    version = pinned.get(canonicalize_name(wanted.name)) if wanted else None
    return wanted is not None and version is not None and wanted.specifier.contains(version, prereleases=True)


def _requirement(line: str) -> Requirement | None:
    try:
        return Requirement(line)
    except InvalidRequirement:
        return None
