"""The image that containers are made of: a Debian with Python, the agent, the chosen codes, and an interpreter for each of them.

Nothing is fetched while the image is built: packages are put beside the Dockerfile first, checked against the codes' locks, so
that a build needs no network, and the same inputs make the same files.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import simyard
from simyard import contents
from simyard.codes.declaration import Declaration
from simyard.codes.environment import LOCK
from simyard.drivers.docker import image_packages, image_python, layout

#: Its labels: Simyard's version, the agent's (see contents), {code: version} as JSON, and what it was built from (`digest`).
VERSION, AGENT, CODES, CONTENT = "simyard.version", "simyard.agent", "simyard.codes", "simyard.content"
PYTHON = image_packages.PYTHON
#: As if made by anybody at any time: the same files make the same layers.
_TIDY = "chmod -R a+rX,go-w /image && find /image -exec touch -h -d @0 {} +"
#: Bytecode that does not depend on when it was made, nor on chance. The tests of packages, half of all their modules, are left out.
_COMPILE = f"PYTHONHASHSEED=0 {layout.PYTHON} -m compileall -qq -j 0 --invalidation-mode unchecked-hash -x '/tests?/'"

Tell = Callable[[str], None]


def write_context(
    folder: Path,
    base: str | Path,
    agent: Path,
    codes: Sequence[Declaration],
    tell: Tell,
    interpreters: Mapping[str, str] | None = None,
) -> None:
    """Everything that `docker build` needs, in a folder that is empty; `base` is the name of an image, or a tar file of a root
    file system; `agent` is an agent.pyz; `interpreters` are Pythons of this machine by the names that codes have for them, instead of
    the base's with packages. Raises DriverError where packages cannot be had, or an interpreter cannot be copied."""
    if isinstance(base, Path):
        _place(base.resolve(), folder / "base.tar")
    shutil.copy(agent, folder / "agent.pyz")
    (folder / "codes").mkdir()
    for code in codes:
        shutil.copytree(code.folder, folder / "codes" / code.name, ignore=shutil.ignore_patterns("__pycache__", ".*", "*~"))
    names = sorted({layout.OWN, *(code.python for code in codes if code.python)})
    own = {name: path for name, path in (interpreters or {}).items() if name in names and name != layout.OWN}
    for name in names:
        env = folder / "envs" / name / layout.env(name).lstrip("/")
        if name in own:
            tell(f"Copying {own[name]} as {name} …")
            image_python.copy(Path(own[name]).expanduser(), env, layout.interpreter(name))
        else:
            tell(f"Fetching packages for {name} …")
            image_packages.put(env, name, _requirements(name, codes))
    (folder / "Dockerfile").write_text(dockerfile("" if isinstance(base, Path) else base, names, codes, own), "utf-8")


def _place(there: Path, here: Path) -> None:
    """One file at two places, or, on another file system, a copy."""
    try:
        os.link(there, here)
    except OSError:
        shutil.copy(there, here)


def dockerfile(base: str, interpreters: Iterable[str], codes: Sequence[Declaration], own: Iterable[str] = ()) -> str:
    """On that image, or "" for the context's base.tar; the interpreters in `own` are not the base's. Each interpreter is a layer, which
    Docker has already where only codes or the agent have changed; above them is one of bytecode, and one of what is Simyard's.
    Whole trees are copied over what is there, so that the times of folders are those of the tree, and nothing is stored twice."""
    root, names = base or "base", list(interpreters)
    envs = [layout.env(one) for one in names if one not in own]
    lines = [
        *([] if base else ["FROM scratch AS base", "ADD base.tar /"]),
        f"FROM {root} AS plain",
        *(f"COPY envs/{name} /" for name in names),
        "FROM plain AS bytecode",
        *(f"RUN {_compile_own(name)}" for name in own),
        (
            f"RUN {{ {_COMPILE} {' '.join(envs)} || true; }} && mkdir -p /image && cd / && "
            f"find .{layout.FOLDER}/envs -name '*.pyc' -exec cp --parents -t /image {{}} + && {_TIDY}"
        ),
        f"FROM {root} AS made",
        f"COPY codes /image{layout.FOLDER}/codes",
        f"COPY agent.pyz /image{layout.AGENT}",
        (
            f"RUN cp -pL {layout.PYTHON} /image{layout.HIDDEN_PYTHON} && {{ {_COMPILE} -s /image -p / /image || true; }} && "
            f"{_TIDY} && chmod 0711 /image{layout.HIDDEN_PYTHON}"
        ),
        "FROM plain",
        "COPY --from=bytecode /image /",
        "COPY --from=made /image /",
    ]
    labels = {
        VERSION: simyard.__version__,
        AGENT: contents.on_disk(),
        CODES: json.dumps({code.name: code.version for code in codes}),
    }
    lines.append("LABEL " + " ".join(f"{key}={json.dumps(value)}" for key, value in labels.items()))
    return "\n".join(lines) + "\n"


def _compile_own(name: str) -> str:
    """What makes the bytecode of an interpreter of this machine, and first of all shows whether it starts there."""
    env = layout.env(name)
    return f"{env}/bin/python -c 'import json' && {{ {env}/bin/python -m compileall -q {env}/lib >/dev/null || true; }}"


def digest(context: Path, base: str) -> str:
    """What an image is built from, 12 hex digits: everything in its context, and the id of its `base` ("" for the context's)."""
    total = hashlib.sha256(base.encode())
    for path in sorted(context.rglob("*")):
        if path.is_symlink():
            total.update(f"\n{path.relative_to(context)} {path.readlink()} ".encode())
        elif path.is_file():
            total.update(f"\n{path.relative_to(context)} {path.stat().st_mode & 0o100} ".encode())
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()[:12]


def _requirements(name: str, codes: Sequence[Declaration]) -> list[list[str]]:
    if name == layout.OWN:
        return [[f"numpy=={importlib.metadata.version('numpy')}"]]
    wanted: list[list[str]] = []
    for code in codes:
        if code.python == name and code.requires:
            lock = code.folder / LOCK
            wanted.append(["--require-hashes", "--no-deps", "-r", str(lock)] if lock.is_file() else list(code.requires))
    return wanted
