"""Where a code can run: what each target has of it and what is missing, in words with the next step; and no run where it cannot."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from simyard.codes import code_toml, environment, install
from simyard.codes.declaration import Declaration
from simyard.config import ClusterConfig, Config
from simyard.drivers.base import DriverError, NoImage
from simyard.errors import Conflict, InvalidRequest, SimyardError, Unavailable
from simyard.protocol.agents import Environment
from simyard.protocol.code_places import CodePlaces, Standing, Standings
from simyard.supervisor import cluster_plans, plans, reactor
from simyard.supervisor.core import Place

if TYPE_CHECKING:
    from simyard.supervisor.shell import Shell
    from simyard.supervisor.web_door import Ask

READY, MISSING, OTHER, UNKNOWN = "ready", "missing", "other", "unknown"
#: What an image has is asked for so long (seconds).
_IMAGE_LIMIT = 5.0
#: An agent on a cluster that is not there yet is waited for so long, and looked for this often (seconds).
_AGENT_LIMIT, _LOOK = 20.0, 0.1


async def code_places(shell: Shell, question: CodePlaces, _door: Ask) -> Standings:
    """How one code, or each, stands at every target that is switched on."""
    codes = [shell.codes.code(question.code)] if question.code else list(shell.codes.values())
    places = [place for place in shell.core.places.values() if not place.why_disabled]
    # an image is asked about once, and not for each of its codes
    found = [await _told(shell, code, place, question.user, anew=code is codes[0]) for code in codes for place in places]
    return Standings(standings=tuple(found))


async def _told(shell: Shell, code: Declaration, place: Place, user: str, *, anew: bool) -> Standing:
    """As `standing`; a folder that cannot be read is told of, and keeps nobody from hearing of the others."""
    try:
        return await standing(shell, code, place, user, anew=anew)
    except (SimyardError, OSError) as error:
        words = error.detail if isinstance(error, SimyardError) else f"{code.folder} cannot be read: {error.strerror}."
        return _standing(code, place, UNKNOWN, words)


async def must_stand(shell: Shell, code: Declaration, target: str, user: str) -> None:
    """Raises InvalidRequest where the code cannot run there as it is now, with the next step; Conflict or Unavailable where that cannot be
    known before somebody has logged in, or yet."""
    place = plans.place_of(shell.core.places, target)
    if place.is_cluster:
        if not cluster_plans.has_environment(shell.config.clusters[place.name], code):
            return
        await _agent_there(shell, place, user)
    elif place.limits.kind == "local":
        if not code.python or not await shell.read(install.is_other, shell.config, code):
            return
    elif place.trouble(user, None) is not None:
        return  # it waits, and is told why
    found = await standing(shell, code, place, user)
    # where there is no image at all, nothing is wanted of it yet: the run waits for one, and says so
    if found.state == OTHER or (found.state == MISSING and found.wanted):
        raise InvalidRequest(
            "code-not-installed" if found.state == MISSING else "code-of-another-version",
            f"{found.detail} Run `{found.remedy}` and try again.",
            {"code": code.name, "target": place.name},
        )
    if found.state == UNKNOWN and place.is_cluster:
        login = place.login(user)
        kind = Unavailable if login is None or login.may_start else Conflict
        raise kind("not-known-yet", found.detail, {"code": code.name, "target": place.name})


async def standing(shell: Shell, code: Declaration, place: Place, user: str, *, anew: bool = False) -> Standing:
    """How it stands there, as far as that is known; nobody is started for it."""
    if place.is_cluster:
        packed = await shell.packed(code, place.name)
        wanted = packed.environment if packed is not None else ""
        return on_cluster(shell.config.clusters[place.name], place, code, wanted, place.environments.get(user))
    if place.limits.kind == "local":
        return await shell.read(here, shell.config, place, code)
    return await _in_image(shell, code, place, user, anew=anew)


async def _in_image(shell: Shell, code: Declaration, place: Place, user: str, *, anew: bool) -> Standing:
    if (trouble := place.trouble(user, None)) is not None:
        return _standing(code, place, UNKNOWN, f"What the image of {place.name} has is not known: {trouble.words.rstrip('. ')}.")
    driver = shell.keeping.driver(place.name)
    try:
        async with asyncio.timeout(_IMAGE_LIMIT):
            codes = await driver.codes(user, anew=anew)
            if not anew and codes is not None and codes.get(code.name) != code.version:
                codes = await driver.codes(user, anew=True)
    except NoImage as error:
        return _standing(code, place, MISSING, error.detail, remedy="simyard image build")
    except (DriverError, TimeoutError) as error:
        why = error.detail if isinstance(error, SimyardError) else "Its Docker daemon does not answer."
        return _standing(code, place, UNKNOWN, f"What the image of {place.name} has is not known: {why}")
    current = code.version
    if codes is not None and codes.get(code.name) != current:
        # a code that was changed while Simyard is up is another one by now
        current = await shell.read(code_toml.content_version, code.folder)
    return in_image(place, code, codes, current)


async def _agent_there(shell: Shell, place: Place, user: str) -> None:
    """An agent is there that has said what it has, or somebody has to log in first, or it takes too long."""
    limit = shell.clock() + _AGENT_LIMIT
    while user not in place.environments and shell.clock() < limit:
        login = place.login(user)
        if login is not None and not login.may_start:
            return
        if not shell.writer.failing:
            shell.tell(reactor.on_arrive, user, place.name, None, shell.clock())
        await asyncio.sleep(_LOOK)


# ── pure, but for the files that it reads ───────────────────────────────────────────────────────────────────────────────


def here(config: Config, place: Place, code: Declaration) -> Standing:
    """On the machine that this runs on. Blocking."""
    found = install.status(config, code)
    if not found.installed:
        # it was changed while Simyard is up, and installed as it is now
        found = install.status(config, _now(code))
    state = READY if found.installed else OTHER if found.python is not None else MISSING
    fix = "" if found.installed or code.python in config.interpreters else f"simyard code install {code.name}"
    return Standing(
        code=code.name, target=place.name, kind=place.limits.kind, state=state, detail=found.detail.partition(": run `")[0].rstrip(".") + ".",
        remedy=fix, versions=dict(found.versions), missing=found.missing, installable=bool(fix) and config.web.install_codes,
    )  # fmt: skip


def _now(code: Declaration) -> Declaration:
    """As its folder declares it by now; as it was where that is broken."""
    try:
        return code_toml.read(code.folder)
    except (SimyardError, OSError):
        return code


def in_image(place: Place, code: Declaration, codes: Mapping[str, str] | None, current: str) -> Standing:
    """In the image of a Docker target, by its labels; `current` is the version of the code's folder now."""
    build = "simyard image build"
    if codes is None:
        return _standing(
            code, place, UNKNOWN, f"The image of {place.name} does not say which codes are in it.", wanted=current, remedy=build
        )
    there = codes.get(code.name, "")
    if not there:
        names = "".join(f" --code {name}" for name in sorted({*codes, code.name}))
        words = f"{code.title} is not in the image of {place.name}."
        return _standing(code, place, MISSING, words, wanted=current, remedy=build + names, missing=code.requires)
    if there not in {current, code.version}:
        names = "".join(f" --code {name}" for name in sorted(codes))
        words = f"The image of {place.name} has {code.title} in version {there}, and here it is {current}."
        return _standing(code, place, OTHER, words, version=there, wanted=current, remedy=build + names)
    return _standing(code, place, READY, f"It is in the image of {place.name}.", version=there, wanted=current)


def on_cluster(
    cluster: ClusterConfig, place: Place, code: Declaration, wanted: str, known: Mapping[str, Environment] | None
) -> Standing:
    """In the user's own folder on a cluster; `known` is what their agent has told, None where none has yet."""
    if not cluster_plans.has_environment(cluster, code):
        section = f"[clusters.{place.name}.codes.{code.name}]"
        words = (
            f"The settings say how it is run there, in {section}."
            if code.name in cluster.codes
            else "It runs there in the agent's own Python."
        )
        return _standing(code, place, READY, words)
    digest = wanted.rpartition("-")[2]
    if known is None:
        words = f"Whether {code.title} is installed on {place.name} is not known before an agent of yours is there: log in, and look again."
        return _standing(code, place, UNKNOWN, words, wanted=digest, remedy=f"simyard target login {place.name}")
    fix = f"simyard code install {code.name} --target {place.name}"
    if wanted in known and known[wanted].broken:
        words = f"{code.title} was installed on {place.name}, but {known[wanted].broken}."
        return _standing(code, place, MISSING, words, wanted=digest, remedy=fix, missing=code.requires, installable=True)
    if wanted in known:
        there = known[wanted]
        needed = {name: there.versions[name] for one in code.requires if (name := install.name_of(one)) in there.versions}
        named = ", ".join(f"{name} {version}" for name, version in needed.items())
        words = f"It is installed in your folder there, with Python {there.python}{': ' + named if named else ''}."
        return _standing(code, place, READY, words, version=digest, wanted=digest, versions=needed)
    old = sorted(name for name in known if environment.is_of(name, code.name))
    if old:
        words = f"{code.title} is installed on {place.name} for other requirements than it has now."
        return _standing(
            code, place, OTHER, words, version=old[-1].rpartition("-")[2], wanted=digest, remedy=fix, missing=code.requires, installable=True
        )  # fmt: skip
    words = f"{code.title} is not installed on {place.name}."
    return _standing(code, place, MISSING, words, wanted=digest, remedy=fix, missing=code.requires, installable=True)


def otherwise(now: Standing) -> str:
    """What to do instead, for whoever wants it installed on a cluster where that is not how it comes."""
    return f"Run `{now.remedy}`." if now.remedy else "There is nothing to install."


def _standing(
    code: Declaration, place: Place, state: str, detail: str,
    *, remedy: str = "", version: str = "", wanted: str = "", versions: Mapping[str, str] | None = None, missing: tuple[str, ...] = (),
    installable: bool = False,
) -> Standing:  # fmt: skip
    return Standing(
        code=code.name, target=place.name, kind=place.limits.kind, state=state, detail=detail, remedy=remedy, version=version, wanted=wanted,
        versions=dict(versions or {}), missing=missing, installable=installable,
    )  # fmt: skip
