"""A code's lock, as another machine than this one reads it: pip chooses the lines by where it runs itself, wherever it is to fetch for."""

from __future__ import annotations

import re
from collections.abc import Iterable

from packaging.requirements import InvalidRequirement, Requirement

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
        try:
            requirement = Requirement(wanted)
        except InvalidRequirement:
            found.append(line)
            continue
        if requirement.marker is None or requirement.marker.evaluate(there):
            requirement.marker = None
            found.append(" ".join((str(requirement), *hashes)))
    return found
