"""Finds the codes: those of the package, those in the site's `codes_path`, and those of installed packages (entry points)."""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path

from simyard.codes import code_toml
from simyard.codes.declaration import CodeError, Declaration
from simyard.config import Config
from simyard.errors import NotFound

ENTRY_POINTS = "simyard.codes"


class Codes(Mapping[str, Declaration]):
    """The codes by name, in the order of their names. `broken` tells what is wrong with the folders that are no codes."""

    def __init__(self, found: Mapping[str, Declaration], broken: Mapping[str, str]) -> None:
        self._found = dict(sorted(found.items()))
        self.broken = dict(broken)

    def __getitem__(self, name: str) -> Declaration:
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)

    def code(self, name: str) -> Declaration:
        """The code of that name; raises NotFound with what is wrong with it, or the names that there are."""
        if name in self._found:
            return self._found[name]
        if name in self.broken:
            raise NotFound("broken-code", f"The code {name} cannot be used: {self.broken[name]}")
        raise NotFound("unknown-code", f"There is no code called {name[:100]!r}; there are {', '.join(self._found) or 'none'}.")


def named(config: Config, name: str) -> Declaration:
    """The code of that name, or the one in the folder that it is the path of. Raises NotFound, CodeError."""
    folder = Path(name).expanduser()
    if folder.is_dir() and ((folder / code_toml.FILE).exists() or "/" in name or name in {".", ".."}):
        return code_toml.read(folder.resolve())
    return load(config).code(name)


def load(config: Config) -> Codes:
    """All codes. A broken folder stands in `Codes.broken` and disturbs no other. No Python of a code is executed.

    Where two have the same name, the package's own comes first, then the site's folders in their order, then entry points.
    """
    found: dict[str, Declaration] = {}
    broken: dict[str, str] = {}
    for name, folder in _folders(config, broken):
        if name in found:
            broken[f"{name} ({folder})"] = (
                f"{folder}: there is already a code called {name}, in {found[name].folder}; rename this folder."
            )
            continue
        try:
            found[name] = code_toml.read(folder)
        except CodeError as error:
            broken[name] = error.detail
    return Codes(found, broken)


def parents(config: Config) -> tuple[Path, ...]:
    """The folders in which codes are looked for; those of installed packages aside, which do not change under way."""
    return (Path(__file__).parent, *config.codes_path)


def _folders(config: Config, broken: dict[str, str]) -> Iterator[tuple[str, Path]]:
    for parent in parents(config):
        try:
            inside = sorted(path for path in parent.iterdir() if path.is_dir())
        except OSError as error:
            broken[str(parent)] = f"codes_path: {parent}: {error.strerror}."
            continue
        if (parent / code_toml.FILE).exists():
            yield parent.name, parent
            continue
        for folder in inside:
            # a folder with neither file is no code, and not a broken one
            if (folder / code_toml.FILE).exists() or (folder / code_toml.PROGRAM).exists():
                yield folder.name, folder
    for entry in sorted(importlib.metadata.entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name):
        top, *rest = entry.module.split(".")
        spec = importlib.util.find_spec(top)  # of the top level only: what lies deeper would execute the package
        if spec is None or not spec.submodule_search_locations:
            broken[entry.name] = f"The entry point {entry.name} = {entry.value} names a package that is not installed."
            continue
        folder = Path(spec.submodule_search_locations[0], *rest)
        if folder.name != entry.name:
            broken[entry.name] = f"The entry point {entry.name} = {entry.value}: the folder of a code must have the code's name."
            continue
        yield entry.name, folder
