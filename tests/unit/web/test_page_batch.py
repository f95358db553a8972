"""The page's rules for what a run asks of a cluster are the server's: one list of cases, and many that chance makes, put to both."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pytest
from playwright.sync_api import Page

from simyard.errors import InvalidRequest
from simyard.protocol.batch import Batch, Partition, check
from tests.page_modules import blank_page

pytestmark = pytest.mark.browser

CHECK = """async ([cases, partitions, model]) => {
    const { checkBatch } = await import('/js/batch.js');
    return cases.map((raw) => checkBatch(raw, { name: 'pool', partitions }, model));
}"""
NONE = dict.fromkeys(
    ("partition", "account", "qos", "constraint", "nodes", "tasks", "cpus_per_task", "gpus", "extra", "memory", "time_limit"), ""
)
MODEL = {"cores": 4, "memory": 256 << 20, "time_limit": 7200.0, "parallel": False}
PARTITIONS = (
    Partition(name="debug", up=True, default=True, nodes=2, cores=8, time_limit=600.0, max_nodes=1, min_nodes=1, memory=4 << 30),
    Partition(name="big", up=True, default=False, nodes=64, cores=4096, time_limit=None, max_nodes=None, min_nodes=8, memory=None),
    Partition(name="maint", up=False, default=False, nodes=2, cores=8, time_limit=60.0, max_nodes=None, min_nodes=1, memory=1 << 30),
)  # fmt: skip


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with blank_page() as found:
        yield found


@dataclass(frozen=True)
class Case:
    """What stands in the fields, and the field at which something is wrong ("" for none)."""

    wrong: str
    fields: dict[str, str]


CASES = [
    Case("", {}),
    Case("", {"nodes": "1", "tasks": "8", "cpus_per_task": "1"}),
    Case("", {"partition": "big", "nodes": "8", "tasks": "64", "time_limit": "3 d", "memory": "1 TiB"}),
    Case("", {"account": "phys-1", "qos": "normal", "constraint": "[rack1|rack2]&intel", "gpus": "2"}),
    Case("", {"extra": "--exclusive\n\n  --mail-type=END\n-x n3"}),
    Case("partition", {"partition": "elsewhere"}),
    Case("partition", {"partition": "-x"}),
    Case("partition", {"partition": "maint"}),
    Case("account", {"account": "a b"}),
    Case("qos", {"qos": "--wrap"}),
    Case("constraint", {"constraint": "x;y"}),
    Case("nodes", {"nodes": "0"}),
    Case("nodes", {"nodes": "2"}),
    Case("nodes", {"partition": "big", "nodes": "4", "tasks": "4"}),
    Case("tasks", {"tasks": "9", "cpus_per_task": "1"}),
    Case("tasks", {"tasks": "3", "cpus_per_task": "3"}),
    Case("tasks", {"partition": "big", "nodes": "8", "tasks": "7"}),
    Case("cpus_per_task", {"cpus_per_task": "1.5"}),
    Case("gpus", {"gpus": "-1"}),
    Case("memory", {"memory": "5 GiB"}),
    Case("time_limit", {"time_limit": "11 min"}),
    Case("extra", {"extra": "exclusive"}),
    Case("extra", {"extra": "--job-name=mine"}),
    Case("extra", {"extra": "-Jmine"}),
    Case("extra", {"extra": "--comment mine"}),
    Case("extra", {"extra": "--mail-user=a\u2028b"}),
    Case("extra", {"extra": "\n".join(["--exclusive"] * 51)}),
]


def ask(page: Page, cases: list[dict[str, str]], model: dict[str, Any] = MODEL) -> list[dict[str, Any]]:
    partitions = [asdict(one) for one in PARTITIONS]
    found: list[dict[str, Any]] = page.evaluate(CHECK, [[{**NONE, **fields} for fields in cases], partitions, model])
    return found


def server_takes(judged: dict[str, Any]) -> bool:
    """Whether the server's rules take what the page has read from the fields."""
    wanted, shape = judged["wanted"], judged["shape"]
    batch = {**wanted.get("batch", {}), **{name: shape[name] for name in ("nodes", "tasks", "cpus_per_task")}}
    asked = Batch(**{**batch, "extra": tuple(batch.get("extra", ()))})
    try:
        check(asked, wanted.get("memory", MODEL["memory"]), wanted.get("time_limit", 0.0), {one.name: one for one in PARTITIONS})
    except InvalidRequest:
        return False
    return True


def test_what_is_wrong_is_said_at_its_field(page: Page) -> None:
    for case, judged in zip(CASES, ask(page, [case.fields for case in CASES]), strict=True):
        assert set(judged["errors"]) == ({case.wrong} if case.wrong else set()), case
        assert all(judged["errors"].values())


def test_the_server_says_the_same_of_whatever_chance_makes(page: Page) -> None:
    chance = random.Random(5)
    cases = [
        {
            "partition": chance.choice(["", "", "debug", "debug", "big", "big", "big", "maint", "other"]),
            "account": chance.choice(["", "", "", "phys", "phys", "-p", "a\tb"]),
            "nodes": chance.choice(["", "", "1", "1", "2", "8", "64", "65"]),
            "tasks": chance.choice(["", "", "", "1", "2", "8", "64", "4096", "5000"]),
            "cpus_per_task": chance.choice(["", "", "1", "2", "16"]),
            "memory": chance.choice(["", "", "1 GiB", "4 GiB", "5 GiB"]),
            "time_limit": chance.choice(["", "", "10 min", "11 min", "2 d"]),
            "extra": chance.choice(
                ["", "", "", "", "", "", "--exclusive", "-o x", "--export=A=b c", "nothing", "-Ca", "--array"]
            ),
        }
        for _ in range(1500)
    ]
    taken = 0
    for case, judged in zip(cases, ask(page, cases), strict=True):
        if set(judged["errors"]) <= {"partition", "account", "extra"} and judged["errors"]:
            # what cannot be read is not part of what is wanted: the server is asked as it stands in the fields
            judged["wanted"].setdefault("batch", {}).update(
                {name: case[name] for name in ("partition", "account") if case[name]},
                **({"extra": [line for line in case["extra"].split("\n") if line]} if case["extra"] else {}),
            )
        assert server_takes(judged) == (not judged["errors"]), (case, judged)
        taken += not judged["errors"]
    assert 50 < taken < 1400, "cases of both kinds"


def test_a_model_has_its_cores_as_one_task_or_as_many(page: Page) -> None:
    [plain, spread] = ask(page, [{}, {"partition": "big", "nodes": "8"}])
    assert plain["wanted"] == {}, "what is usual is not said"
    assert (plain["shape"]["tasks"], plain["shape"]["cpus_per_task"]) == (1, 4)
    assert (spread["shape"]["tasks"], spread["shape"]["cpus_per_task"]) == (8, 1)
    assert spread["wanted"] == {"batch": {"partition": "big", "nodes": 8}}
    [plain, threads] = ask(page, [{}, {"cpus_per_task": "2"}], {**MODEL, "parallel": True})
    assert (plain["shape"]["tasks"], plain["shape"]["cpus_per_task"]) == (4, 1)
    assert (threads["shape"]["tasks"], threads["shape"]["cpus_per_task"]) == (2, 2)


def test_only_a_quick_model_that_goes_to_no_cluster_runs_by_itself(page: Page) -> None:
    asked = """async (pairs) => {
        const { runsByItself } = await import('/js/batch.js');
        return pairs.map(([kind, place]) => runsByItself({ kind }, place));
    }"""
    pairs = [["quick", {"kind": "local"}], ["quick", {"kind": "docker"}], ["quick", {"kind": "sbatch"}], ["quick", None], ["long", {"kind": "local"}]]  # fmt: skip
    assert page.evaluate(asked, pairs) == [True, True, False, False, False]


def test_the_fields_of_an_earlier_run_ask_for_the_same_again(page: Page) -> None:
    again = """async ([batches, model]) => {
        const { checkBatch, choicesOf } = await import('/js/batch.js');
        return batches.map((batch) => checkBatch({ ...choicesOf({ resources: { batch } }, model), memory: '', time_limit: '' }, { name: 'pool' }, model));
    }"""
    batches = [
        Batch(partition="big", account="a", qos="q", constraint="c", nodes=2, tasks=8, cpus_per_task=2, gpus=1, extra=("--exclusive", "-x n1")),
        Batch(cpus_per_task=4),
        Batch(tasks=4),
        Batch(tasks=8, cpus_per_task=2),
        Batch(nodes=3, tasks=3, cpus_per_task=2),
    ]  # fmt: skip
    for parallel in (False, True):
        model = {**MODEL, "parallel": parallel}
        for batch, judged in zip(batches, page.evaluate(again, [[asdict(one) for one in batches], model]), strict=True):
            wanted = judged["wanted"].get("batch", {})
            shape = {name: judged["shape"][name] for name in ("nodes", "tasks", "cpus_per_task")}
            assert Batch(**{**wanted, **shape, "extra": tuple(wanted.get("extra", ()))}) == batch
