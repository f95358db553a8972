"""Where runs can go, what is chosen there, and the login to a cluster, as the API has them."""

from __future__ import annotations

from typing import Any

import pytest

from simyard.protocol.batch import Batch, Partition
from simyard.protocol.jobs import Remote
from simyard.protocol.targets import TargetLogin
from simyard.web.bodies import Login
from tests.unit.web.conftest import Web

REGULAR = Partition(
    name="regular", up=True, default=True, nodes=2, cores=4, time_limit=86400.0, max_nodes=None, min_nodes=1, memory=4 << 30
)


def problem(answer: Any) -> tuple[int, str]:
    assert answer.content_type == "application/problem+json", answer.data
    return answer.status_code, answer.json["code"]


def login(web: Web, **step: Any) -> dict[str, Any]:
    answer = web.post("/targets/pool/login", step)
    assert answer.status_code == 200, answer.json
    assert answer.headers["Cache-Control"] == "no-store"
    found: dict[str, Any] = answer.json
    return found


def test_targets_are_told_with_their_partitions_and_the_state_of_their_login(web: Web) -> None:
    assert [(one["name"], one["login"], one["partitions"]) for one in web.get("/targets").json["items"]] == [("local", "", [])]
    web.supervisor.partitions = (REGULAR,)
    pool = web.get("/targets").json["items"][1]
    assert (pool["kind"], pool["state"], pool["login"]) == ("sbatch", "needs-login", "needs-login")
    assert pool["partitions"] == [
        {
            "name": "regular", "up": True, "default": True, "nodes": 2, "cores": 4, "time_limit": 86400.0, "max_nodes": None,
            "min_nodes": 1, "memory": 4 << 30,
        }
    ]  # fmt: skip


def test_a_login_is_a_conversation_in_the_words_of_the_host(web: Web) -> None:
    assert web.get("/targets/pool/login").json["state"] == "needs-login"
    unknown = login(web, begin=True)
    assert (unknown["state"], unknown["fingerprint"], unknown["key_type"]) == ("unknown-host", "SHA256:abc", "ssh-ed25519")
    asked = login(web, accept="SHA256:abc")
    assert (asked["state"], asked["words"]) == ("asking", "Welcome.")
    assert asked["prompts"] == [{"text": "Password: ", "echo": False}, {"text": "Code: ", "echo": True}]
    again = login(web, answers=["wrong", "123456"])
    assert (again["state"], again["words"]) == ("asking", "Try again.")
    assert login(web, answers=["open sesame", "123456"])["state"] == "ready"
    assert web.get("/targets/pool/login?wait=0.5").json["state"] == "ready"
    assert web.client.delete("/api/v1/targets/pool/login").json["state"] == "needs-login"


def test_a_login_without_a_step_begins_nothing(web: Web) -> None:
    login(web)
    assert web.supervisor.asked[-1] == TargetLogin(user=web.supervisor.asked[-1].user, target="pool")


def test_another_name_counts_where_a_login_begins(web: Web) -> None:
    login(web, begin=True, name="ada", wait=2.5)
    assert (web.supervisor.asked[-1].name, web.supervisor.asked[-1].wait) == ("ada", 2.5)


def test_a_local_target_needs_no_login(web: Web) -> None:
    assert web.post("/targets/local/login").json["state"] == "not-needed"


@pytest.mark.parametrize("method", ["get", "post", "delete"])
@pytest.mark.parametrize("name", ["moon", "%00"])
def test_a_target_that_is_none_has_no_login(web: Web, method: str, name: str) -> None:
    assert problem(getattr(web.client, method)(f"/api/v1/targets/{name}/login")) == (404, "unknown-target")


@pytest.mark.parametrize(
    "body",
    [
        {"answers": ["hunter2" * 800]},
        {"answers": ["hunter2"] * 17},
        {"answers": "hunter2"},
        {"answers": [["hunter2"]]},
        {"password": "hunter2"},
        {"begin": True, "name": "hunter2\n"},
        {"wait": 31},
    ],
)
def test_a_step_that_cannot_be_is_refused_without_quoting_an_answer(web: Web, body: dict[str, Any]) -> None:
    answer = web.post("/targets/pool/login", body)
    assert problem(answer) == (422, "invalid-request")
    assert "hunter2" not in answer.text
    assert web.supervisor.asked == []


def test_answers_do_not_show_in_any_words_about_a_step() -> None:
    assert "hunter2" not in repr(Login.model_validate({"answers": ["hunter2"]}))
    assert "hunter2" not in repr(TargetLogin(user="me", target="pool", answers=("hunter2",)))


def resources(web: Web, **asked: Any) -> Any:
    """What the supervisor is asked to run with."""
    simulation = web.simulation()["id"]
    web.run(simulation, model="evolve", reuse=False, supersede=True, resources=asked)
    return next(one.resources for one in reversed(web.supervisor.asked) if hasattr(one, "resources"))


def test_what_is_chosen_on_a_cluster_is_passed_on(web: Web) -> None:
    wanted = resources(
        web,
        memory=1 << 31,
        batch={
            "partition": "regular", "account": "physics", "qos": "high", "constraint": "a100&ib", "nodes": 2, "tasks": 8,
            "cpus_per_task": 4, "gpus": 2, "extra": ["--exclusive"],
        },
    )  # fmt: skip
    assert wanted.batch == Batch(
        partition="regular", account="physics", qos="high", constraint="a100&ib", nodes=2, tasks=8, cpus_per_task=4, gpus=2,
        extra=("--exclusive",),
    )  # fmt: skip
    assert (wanted.cores, wanted.memory) == (32, 1 << 31)


def test_what_is_not_chosen_follows_from_the_cores_and_the_nodes(web: Web) -> None:
    assert resources(web, cores=4, batch={}).batch == Batch(nodes=1, tasks=1, cpus_per_task=4)
    assert resources(web, cores=4, batch={"nodes": 2}).batch == Batch(nodes=2, tasks=2, cpus_per_task=2)
    assert resources(web, cores=3, batch={"tasks": 3}).batch == Batch(tasks=3)
    assert resources(web, cores=2).batch is None


@pytest.mark.parametrize(
    "batch", [{"nodes": 0}, {"tasks": 0}, {"gpus": -1}, {"partition": "a\nb"}, {"extra": ["--x\n#SBATCH --y"]}, {"nope": 1}]
)
def test_what_cannot_be_chosen_is_refused_at_its_field(web: Web, batch: dict[str, Any]) -> None:
    simulation = web.simulation()["id"]
    answer = web.post(f"/simulations/{simulation}/runs", {"model": "evolve", "resources": {"batch": batch}})
    assert problem(answer) == (422, "invalid-request")
    assert any(where.startswith(f"resources.batch.{next(iter(batch))}") for where in answer.json["errors"])


def test_what_a_cluster_says_of_a_run_is_told(web: Web) -> None:
    run = web.run(web.simulation()["id"], resources={"batch": {"partition": "regular"}})
    assert run["remote"] is None
    assert run["resources"]["batch"]["partition"] == "regular"
    web.supervisor.change(
        run["id"],
        remote=Remote(job="17", state="PENDING", words="waiting for 2 nodes", expected=1_800_000_060.0, at=1_800_000_000.0),
    )
    assert web.get(f"/runs/{run['id']}").json["remote"] == {
        "job": "17", "state": "PENDING", "words": "waiting for 2 nodes", "expected": "2027-01-15T08:01:00.000Z",
        "at": "2027-01-15T08:00:00.000Z", "silent_since": None,
    }  # fmt: skip
