"""Builds agent.pyz: the agent, the job cmd and a pure-Python tornado in one file that any Python from 3.9 on can run.

    python -m simyard.agent.pyz OUT

The same sources make the same bytes, so that the file can be told by its hash. Tornado is the one that pyz.lock names, fetched by
uv or pip and checked against its hashes: releases that Simyard itself runs on may be too new for Python 3.9.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Dict, List

from simyard import contents

_HERE = Path(__file__).parent
LOCK = _HERE / "pyz.lock"
#: The oldest Python that it is for.
OLDEST = "3.9"
_SHEBANG = b"#!/usr/bin/env python3\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_MAIN = """import os
import sys

if len(sys.argv) > 1:
    from simyard.agent import detached

    sys.exit(detached.main(sys.argv[1:]))

from simyard.agent.__main__ import main

status = main()
sys.stderr.flush()
os._exit(status)
"""


def build(out: Path) -> Path:
    """Write agent.pyz to `out`, beside and renamed. Raises CalledProcessError where tornado cannot be fetched."""
    with tempfile.TemporaryDirectory() as folder:
        fetch_tornado(Path(folder))
        entries = {**simyard_files(), **tornado_files(Path(folder)), "__main__.py": _MAIN.encode()}
    out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_name(f".{out.name}.{os.getpid()}")
    with beside.open("wb") as file:
        file.write(_SHEBANG)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name in sorted(entries):
                info = zipfile.ZipInfo(name, _EPOCH)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = 0o644 << 16
                archive.writestr(info, entries[name])
    beside.chmod(0o755)
    beside.replace(out)
    return out


def simyard_files() -> Dict[str, bytes]:
    """{name in the archive: content} of Simyard's part."""
    found = {f"simyard/{name}": content for name, content in contents.files().items()}
    found[f"simyard/{contents.NOTE}"] = contents.on_disk().encode()
    return found


def tornado_files(folder: Path) -> Dict[str, bytes]:
    """{name in the archive: content} of the tornado installed in `folder`: its Python and its licence, neither tests nor C."""
    found = {}
    for path in sorted((folder / "tornado").rglob("*.py")):
        name = path.relative_to(folder).as_posix()
        if not name.startswith("tornado/test/"):
            found[name] = path.read_bytes()
    for path in sorted(folder.glob("tornado-*.dist-info/**/LICENSE")):
        found["tornado/LICENSE"] = path.read_bytes()
    return found


def fetch_tornado(folder: Path) -> None:
    """Install the tornado of pyz.lock into `folder`."""
    uv = shutil.which("uv")
    common = ["install", "--quiet", "--no-deps", "--require-hashes", "--target", str(folder), "--only-binary", ":all:"]
    if uv is not None:
        command: List[str] = [uv, "pip", *common, "--python", sys.executable]
    else:
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *common]
    subprocess.run([*command, "--python-version", OLDEST, "-r", str(LOCK)], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m simyard.agent.pyz", description="Build agent.pyz.")
    parser.add_argument("out", type=Path, help="where to write it")
    out = build(parser.parse_args().out)
    sys.stdout.write(f"{out}: {out.stat().st_size} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
