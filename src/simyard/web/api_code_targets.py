"""Stop 1, web: where codes can run, and their install in a user's own folder on a cluster."""

from __future__ import annotations

import json
from typing import Any

from flask import Response
from pydantic import Field

from simyard.codes import install_words
from simyard.codes.install_watched import step_of
from simyard.errors import TooLarge, Unavailable
from simyard.protocol.code_places import CodePlaces, InstallCode, Standing
from simyard.web import present
from simyard.web.answers import answer
from simyard.web.api_targets import check_target
from simyard.web.bodies import Checked
from simyard.web.context import services, user
from simyard.web.routes import Routes
from simyard.web.streams import opened

routes = Routes("codes")

#: An agent starts on a cluster, and answers, within this time (seconds).
_PATIENCE = 150.0
#: What an agent tells of an install (bytes); it keeps within half of that.
_MAX_TOLD = 1 << 20
_MAX_LINES, _MAX_LINE = 200, 300


class CodeTargetQuery(Checked):
    code: str = Field("", max_length=64, description="Of this code only.")


class Wheels(Checked):
    """What it is to be installed from."""

    wheels: dict[str, str] = Field(
        default_factory=dict,
        max_length=500,
        description="File names of packages, and the SHA-256 of files that you have uploaded; none: the target's package index.",
    )


@routes.get("/codes/targets", answers={200: "CodeTargetList"}, problems=(404, 503))
def code_target_list(query: CodeTargetQuery) -> Response:
    """Where each code can run: what every target has of it, what is missing, and the command that helps."""
    found = services().door.ask(CodePlaces(user=user(), code=query.code), _PATIENCE)
    return answer({"items": [_standing(one) for one in found.standings], "cursor": ""})


@routes.get("/codes/<code>/targets/<target>/install", answers={200: "TargetInstall"}, problems=(404, 409, 422, 429, 503))
def code_target_install_show(code: str, target: str) -> Response:
    """How far the install of a code on a cluster is, or how the last one ended."""
    return answer(_told(_asked(code, target)))


@routes.post("/codes/<code>/targets/<target>/install", answers={202: "TargetInstall"}, problems=(404, 409, 422, 429, 503))
def code_target_install(code: str, target: str, body: Wheels) -> Response:
    """Install a code in your own folder on a cluster: its agent makes an environment of the Python there, and of what the code requires. While
    that is under way, this changes nothing."""
    return answer(_told(_asked(code, target, begin=True, wheels=body.wheels)), 202)


def _asked(code: str, target: str, **more: Any) -> bytes:
    check_target(target)
    found = services().shelf.fresh().code(code)
    data = bytearray()
    with opened(services().door, InstallCode(user=user(), code=found.name, target=target, **more)) as stream:
        for chunk in stream:
            data += chunk
            if len(data) > _MAX_TOLD:
                raise TooLarge("too-large", "What is told of the install is too large.")
    return bytes(data)


def _standing(one: Standing) -> present.Plain:
    plain = {name: getattr(one, name) for name in (
        "code", "target", "kind", "state", "detail", "remedy", "version", "wanted", "versions", "installable",
    )}  # fmt: skip
    return {**plain, "missing": list(one.missing)}


def _told(data: bytes) -> present.Plain:
    """What the agent has told, in the form that the API promises, whatever it was: foreign words, of which an error is made here."""
    try:
        told = json.loads(data)
        state = told["state"] if told["state"] in {"idle", "running", "done", "failed"} else "failed"
        lines = [str(line)[:_MAX_LINE] for line in told["lines"][-_MAX_LINES:]]
        command, status = [str(word) for word in told["command"]] or ["the installer"], int(told["status"])
        error, code = str(told["error"]), str(told["code"])
        python, platform = str(told["python"]), str(told["platform"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise Unavailable("malformed-install", "What is told of the install came damaged. Try again.") from None
    if state == "failed" and not error:
        explained = install_words.explain(command, status, lines)
        error, code = explained.detail, explained.code
    step, fraction = ("done", 1.0) if state == "done" else step_of(lines) if state == "running" else ("", 0.0)
    return {
        "state": state, "step": step, "fraction": fraction, "lines": lines, "error": error if state == "failed" else "",
        "code": code if state == "failed" else "", "python": python[:100], "platform": platform[:100],
    }  # fmt: skip
