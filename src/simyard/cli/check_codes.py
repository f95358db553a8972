"""The codes of a cluster, as its section in the settings has them: the lines before each, its Python, and what that needs to have."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from simyard.cli.check_trip import Stuck, Trip
from simyard.codes import registry
from simyard.codes.declaration import Declaration
from simyard.drivers.sbatch import node as nodes
from simyard.supervisor import cluster_plans

#: Loading modules takes its time (seconds).
LIMIT = 60.0
_MARK = "simyard: "
#: For any Python from 2.7 on; an older one than 3.8 cannot say what is installed.
_LOOK = """
import sys
missing = []
try:
    from importlib.metadata import version
except ImportError:
    version = None
for name in sys.argv[1:]:
    try:
        version and version(name)
    except Exception:
        missing.append(name)
print("%s%s %s" % ("simyard: ", ".".join(map(str, sys.version_info[:3])), " ".join(missing)))
"""


async def codes(trip: Trip) -> str:
    """Each code that has a section there starts, and has what it needs."""
    known = registry.load(trip.settings)
    good, bad, odd = [], [], []
    for name in trip.cluster.codes:
        if name not in known:
            odd.append(f"{name}: there is no code of that name here.")
            continue
        try:
            good.append(f"{name} ({await _tried(trip, known.code(name))})")
        except Stuck as error:
            bad.append(f"{name}: {error.words}")
    if bad:
        raise Stuck(
            " ".join(bad + odd), f"Mend [clusters.{trip.name}.codes.NAME] in simyard.toml, or install there what is missing."
        )
    if odd:
        raise Stuck(" ".join(odd), "Is it spelt right, and is its folder in `codes_path`?", unsure=True)
    without = list(_without(trip, known))
    words = [", ".join(good) or "none has a section of its own"]
    words += [f"run by the agent's Python: {', '.join(without)}"] if without else []
    return "; ".join(words)


async def _tried(trip: Trip, code: Declaration) -> str:
    if cluster_plans.has_environment(trip.cluster, code):
        return f"`simyard code install {code.name} --target {trip.name}` makes its environment"
    python = cluster_plans.interpreter(trip.cluster, code, "")
    if "/" in python and not python.startswith(("/", "~")):
        return f"{python} in each user's own folder"
    command = "$HOME" + shlex.quote(python[1:]) if python.startswith("~/") else shlex.quote(python)
    needs = [match[0] for one in code.requires if (match := re.match(r"[A-Za-z0-9._-]+", one))]
    line = f"{command if python else nodes.with_python(trip.there)} -c {shlex.quote(_LOOK)} {shlex.join(needs)}"
    status, out, err = await trip.run("\n".join([*cluster_plans.site(trip.cluster, code.name).setup, line]), limit=LIMIT)
    said = [one.removeprefix(_MARK).split() for one in out.splitlines() if one.startswith(_MARK)]
    if status != 0 or not said:
        raise Stuck(f"{python or 'its Python'} does not start: {err.splitlines()[-1] if err else f'exit status {status}'}.")
    version, *missing = said[-1]
    if missing:
        raise Stuck(f"{python or 'its Python'} has no {', '.join(missing)}.")
    return f"Python {version}"


def _without(trip: Trip, known: registry.Codes) -> Iterator[str]:
    """Those that can be run there without a word about them."""
    return (code.name for code in known.values() if code.name not in trip.cluster.codes and not code.python)
