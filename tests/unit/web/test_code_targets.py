"""Where codes can run, and their install on a cluster, as the API has them."""

from __future__ import annotations

from typing import Any

import pytest

from simyard.protocol.code_places import CodePlaces, InstallCode, Standing
from tests.unit.web.conftest import Web

MISSING = Standing(
    code="grayscott", target="pool", kind="sbatch", state="missing", detail="It is not installed on pool.",
    remedy="simyard code install grayscott --target pool", wanted="0123456789ab", missing=("numpy>=1",), installable=True,
)  # fmt: skip
WHERE = "/codes/grayscott/targets/pool/install"


def test_every_target_of_every_code_is_told_or_of_one(web: Web) -> None:
    web.supervisor.standings = (
        MISSING,
        Standing(code="madx", target="pool", kind="sbatch", state="ready", detail="It is there."),
    )
    assert [one["code"] for one in web.get("/codes/targets").json["items"]] == ["grayscott", "madx"]
    (one,) = web.get("/codes/targets?code=grayscott").json["items"]
    assert one == {
        "code": "grayscott", "target": "pool", "kind": "sbatch", "state": "missing", "detail": "It is not installed on pool.",
        "remedy": "simyard code install grayscott --target pool", "version": "", "wanted": "0123456789ab", "versions": {},
        "missing": ["numpy>=1"], "installable": True,
    }  # fmt: skip
    assert web.supervisor.asked[-1] == CodePlaces(user="me", code="grayscott")
    # a code's own address is not in its way
    assert web.get("/codes/grayscott").json["name"] == "grayscott"


def test_an_install_is_begun_by_one_question_and_watched_by_another(web: Web) -> None:
    sha = "a" * 64
    web.supervisor.install = {
        **web.supervisor.install,
        "state": "running",
        "lines": ["Making an environment", "Collecting numpy"],
    }
    begun = web.post(WHERE, {"wheels": {"numpy-1-py3-none-any.whl": sha}})
    assert (begun.status_code, begun.json["state"], begun.json["step"]) == (202, "running", "downloading")
    assert web.supervisor.asked[-1] == InstallCode(
        user="me", code="grayscott", target="pool", wheels={"numpy-1-py3-none-any.whl": sha}, begin=True
    )
    assert web.get(WHERE).json["lines"] == ["Making an environment", "Collecting numpy"]
    assert not web.supervisor.asked[-1].begin
    web.supervisor.install = {**web.supervisor.install, "state": "done"}
    done = web.get(WHERE).json
    assert (done["step"], done["fraction"], done["error"]) == ("done", 1.0, "")


@pytest.mark.parametrize(
    "told, code, words",
    [
        ({"lines": ["ERROR: Connection refused"], "command": ["pip"], "status": 1}, "no-network", "could not be reached"),
        ({"lines": ["No module named ensurepip"], "command": ["python"], "status": 1}, "no-venv", "cannot make environments"),
        ({"lines": ["odd"], "command": ["/opt/pip"], "status": -9}, "install-failed", "`pip` was killed by signal 9. It said: odd"),
        ({"lines": [], "command": [], "status": 1, "code": "does-not-load", "error": "It does not load."}, "does-not-load", "It does not"),
        ({"lines": [], "command": [], "status": 0, "state": "something new"}, "install-failed", "the installer"),
    ],
)  # fmt: skip
def test_an_install_that_failed_is_told_in_words(web: Web, told: dict[str, Any], code: str, words: str) -> None:
    web.supervisor.install = {**web.supervisor.install, "state": "failed", **told}
    found = web.get(WHERE).json
    assert (found["state"], found["code"]) == ("failed", code)
    assert words in found["error"]


@pytest.mark.parametrize("told", [[], {"state": "done"}, {"state": [], "lines": 3}, "text"])
def test_what_an_agent_says_is_not_believed_to_have_a_form(web: Web, told: Any) -> None:
    web.supervisor.install = told
    assert (web.get(WHERE).status_code, web.get(WHERE).json["code"]) == (503, "malformed-install")


def test_what_is_not_known_is_refused(web: Web) -> None:
    assert web.get("/codes/nothing/targets/pool/install").status_code == 404
    assert web.post("/codes/grayscott/targets/a b/install", {}).status_code == 404
    assert web.post(WHERE, {"wheel": {}}).status_code == 422
