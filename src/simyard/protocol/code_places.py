"""Of the conversation of web and supervisor (see `asking`): where a code can run, and its install on a cluster."""

from __future__ import annotations

from typing import Dict, Tuple

from simyard.protocol.wire import message


@message
class CodePlaces:
    """Where a code can run ("": each code), and what is missing where it cannot. The answer is a Standings."""

    user: str
    code: str = ""


@message
class InstallCode:
    """How the install of a code on a cluster goes, as a stream of JSON (see agents.MakeEnvironment); with `begin` it is begun."""

    user: str
    code: str
    target: str
    wheels: Dict[str, str] = {}  # noqa: RUF012
    begin: bool = False


@message
class Standing:
    """How a code stands at a target. `state` is `ready`, `missing`, `other` (what is there is of another version) or `unknown` (nobody has
    looked); `version` is that of the code, or of its environment, which is there and `wanted` that which is wanted, "" for none; `versions` are those of
    its packages; `missing` are requirements that are not met; `detail` says it in a sentence, `remedy` is the command that helps, "" for none.
    `installable`: Simyard can install it there by itself."""

    code: str
    target: str
    kind: str
    state: str
    detail: str
    remedy: str = ""
    version: str = ""
    wanted: str = ""
    versions: Dict[str, str] = {}  # noqa: RUF012
    missing: Tuple[str, ...] = ()
    installable: bool = False


@message
class Standings:
    standings: Tuple[Standing, ...]
