"""The root file system that an image stands on where no registry can be reached: Debian's smallest with Python, by debootstrap."""

from __future__ import annotations

import email.utils
import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from simyard.drivers.base import DriverError

#: The Debian that is made.
SUITE = "bookworm"
#: What differs from one making to the next, or comes from this machine, and is of no use in a container.
_LITTER = (
    "etc/hostname", "etc/resolv.conf", "etc/machine-id", "var/log/**/*", "var/cache/apt/**/*", "var/lib/apt/lists/**/*",
    "var/cache/ldconfig/aux-cache", "var/cache/debconf/*-old", "var/lib/dpkg/*-old", "etc/*-",
)  # fmt: skip


def make(tar: Path, tell: Callable[[str], None]) -> None:
    """Write the tar file. The same packages make the same bytes. Needs root. Raises DriverError."""
    tell("Making a root file system with debootstrap …")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "root"
        try:
            run(["debootstrap", "--variant=minbase", "--include=python3", SUITE, str(root)])
            released = _released(root)
            _clean(root, released)
            beside = tar.with_suffix(".new")
            run([
                "tar", "-C", str(root), "--sort=name", "--numeric-owner", "--format=posix",
                "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
                # what was made here is as old as the release; what packages bring keeps its time, by which Python knows its bytecode
                f"--mtime=@{released}", "--clamp-mtime", "-cf", str(beside), ".",
            ])  # fmt: skip
        except FileNotFoundError as error:
            raise DriverError(f"{error.filename} is not on this machine. Install it, or name a base image with --base.") from None
    beside.replace(tar)


def run(command: list[str]) -> None:
    """Raises DriverError with the program's words."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip()[-800:]
        raise DriverError(f"{Path(command[0]).name} failed: {words}")


def _released(root: Path) -> int:
    """When the release of Debian that was taken was made, in seconds since the epoch; 0 where it does not say."""
    for path in sorted((root / "var/lib/apt/lists").glob("*Release")):
        said = re.search(r"^Date: (.+)$", path.read_text("utf-8", "replace"), re.MULTILINE)
        if said is not None:
            return int(email.utils.parsedate_to_datetime(said[1]).timestamp())
    return 0


def _clean(root: Path, released: int) -> None:
    for pattern in _LITTER:
        for path in root.glob(pattern):
            if path.is_symlink() or not path.is_dir():
                path.unlink()
    # the day on which passwords were changed last: there are none
    shadow = root / "etc/shadow"
    day = str(released // 86400)
    lines = [line.split(":") for line in shadow.read_text().splitlines()]
    shadow.write_text("".join(":".join([*line[:2], day, *line[3:]]) + "\n" for line in lines))
    # Docker writes these two anew in each container; they have to be there
    for name in ("etc/hostname", "etc/resolv.conf"):
        (root / name).write_text("")
    os.utime(root, (released, released))
