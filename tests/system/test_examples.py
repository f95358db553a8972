"""Every example, through a whole Simyard, on each target: it completes with its reports, tells how far it is, can be canceled, and goes on
when what watches it, or its time, has ended."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simyard.client import RemoteRun
from simyard.codes import registry
from simyard.config import Config
from tests.conftest import find_interpreter
from tests.docker_engine import Engine, an_empty_engine
from tests.lammps_environment import HOME
from tests.slurm_site import Site
from tests.system.cluster_kit import LIMIT, reaches
from tests.system.examples_kit import (
    CASES,
    INSTALLED,
    LONG,
    PARTS,
    TASKS,
    Case,
    built,
    here,
    in_containers,
    on_a_cluster,
    shorter,
)
from tests.system.page_kit import Yard, wait_until
from tests.system.targets import Target, on_each_target

# the first of them installs what the codes need
pytestmark = [pytest.mark.xsuite, pytest.mark.timeout(600)]
EVERY_CODE = pytest.mark.parametrize("code", CASES)


@pytest.fixture(scope="module")
def old_python() -> Path:
    found = find_interpreter("2.7")
    if found is None:
        pytest.skip("Python 2.7 is not on this machine (pyenv install 2.7.18).")
    return found


@pytest.fixture(scope="module")
def site_codes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("codes"))


@pytest.fixture(scope="module")
def target(request: pytest.FixtureRequest, site_codes: Path, old_python: Path) -> Iterator[Target]:
    match request.param:
        case "docker":
            # its own: the image of the other tests is not needed here
            with an_empty_engine(Engine) as engine:
                yield in_containers(engine, site_codes, old_python)
        case "slurm":
            _install(request)
            pool: Site = request.getfixturevalue("pool")
            with on_a_cluster(pool, old_python) as there:
                yield there
                pool.clear()
        case _:
            _install(request)
            yield here(old_python)


def _install(request: pytest.FixtureRequest) -> None:
    for code in INSTALLED:
        request.getfixturevalue(f"{code}_python")


@pytest.fixture(scope="module")
def yard(site_codes: Path, target: Target) -> Iterator[Yard]:
    """One for all of this file on a target, with the environments that the other tests of codes have made."""
    with tempfile.TemporaryDirectory(prefix="yard-") as folder:
        made = Yard(Path(folder) / "home", site_codes, target)
        (made.home / "envs").symlink_to(HOME / "envs")
        with made:
            yield made


class Begun:
    """Runs that were begun before the test that waits for them: a start, above all on a cluster, is mostly waiting."""

    def __init__(self, yard: Yard) -> None:
        self._yard = yard
        self._examples: dict[str, list[RemoteRun]] | None = None
        self._long: dict[str, RemoteRun] = {}

    def examples(self, code: str) -> list[RemoteRun]:
        """Every example of the code; all of all codes are begun with the first."""
        if self._examples is None:
            self._examples = {one: self._begin(one) for one in CASES}
        # a second try has runs of its own
        return self._examples.pop(code, None) or self._begin(code)

    def long(self, code: str) -> RemoteRun:
        """A long run of that code; that of the next code is begun, too."""
        run = self._long.pop(code, None) or begin(self._yard, code, LONG[code])
        after = [*LONG][[*LONG].index(code) + 1 :]
        if after and not self._long:
            self._long[after[0]] = begin(self._yard, after[0], LONG[after[0]])
        return run

    def _begin(self, code: str) -> list[RemoteRun]:
        return [begin(self._yard, code, case) for case in CASES[code]]


@pytest.fixture(scope="module")
def begun(yard: Yard) -> Begun:
    return Begun(yard)


def begin(yard: Yard, code: str, case: Case, **options: Any) -> RemoteRun:
    simulation = yard.client.create_simulation(code, example=case.example, inputs=case.inputs)
    return yard.client.start(simulation["id"], case.model, reuse=False, **options)


def fraction(run: RemoteRun) -> float:
    return float(run.refresh().data["progress"]["fraction"] or 0)


def events(yard: Yard, run: RemoteRun) -> list[dict[str, Any]]:
    path = yard.run_dir(run.id) / "events.jsonl"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def told(yard: Yard, run: RemoteRun) -> list[float]:
    """How far it was, each time that it said so; not that it begins."""
    said = [one["data"].get("fraction") for one in events(yard, run) if one["event"] == "progress"]
    return [one for one in said if one]


def rises(yard: Yard, run: RemoteRun) -> bool:
    """Whether it told how far it was, in numbers that only rise, up to its end."""
    said = told(yard, run)
    return bool(said) and said == sorted(said) and said[-1] == 1


def processes_in(directory: Path) -> list[str]:
    """What works in a run's folder, wherever that is for them."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            where = str((entry / "cwd").readlink())
        except OSError:
            continue  # it has just ended
        if f"/{directory.name}/" in f"{where}/":
            found.append(entry.name)
    return found


def test_every_example_and_every_model_is_among_those_that_are_run(site_codes: Path) -> None:
    known = registry.load(Config(home=HOME, codes_path=(site_codes,)))
    for code, cases in CASES.items():
        declared = known.code(code)
        assert sorted(case.example for case in cases) == sorted(declared.examples), code
        assert {case.model for case in cases} == set(declared.models), code
        assert (code in PARTS) == any(model.checkpoints for model in declared.models.values()), code
    assert set(CASES) == set(LONG)
    assert set(CASES) >= {path.parent.name for path in (Path(registry.__file__).parent).glob("*/code.toml")}


@on_each_target
@EVERY_CODE
def test_the_examples_complete_with_their_reports(code: str, yard: Yard, begun: Begun) -> None:
    models = {one["name"]: one for one in yard.client.code(code)["models"]}
    reports = {one["name"]: one for one in yard.client.code(code)["reports"]}
    wrong = {}
    for case, run in zip(CASES[code], begun.examples(code), strict=True):
        run.wait(timeout=300)
        if run.state != "completed":
            wrong[case.example] = f"{run.state}: {run.reason}"
            continue
        for name in set(models[case.model]["reports"]) - set(case.without):
            figure = run.report(name, run.data["progress"]["frames"] - 1 if reports[name]["frames"] else None)
            if not figure["data"]:
                wrong[case.example] = f"{name} shows nothing"
        if models[case.model]["kind"] == "long" and not rises(yard, run):
            wrong[case.example] = "its progress does not rise to its end"
        if not run.results:
            wrong[case.example] = "it has no results"
    assert not wrong


@on_each_target
@EVERY_CODE
def test_a_long_run_shows_how_far_it_is_and_is_gone_when_it_is_canceled(code: str, yard: Yard, begun: Begun) -> None:
    run = begun.long(code)
    reaches(run, "running")
    wait_until(lambda: processes_in(yard.run_dir(run.id)), LIMIT)
    wait_until(lambda: fraction(run) > 0 and run.data["progress"]["frames"], LIMIT)
    first = fraction(run)
    wait_until(lambda: fraction(run) > first, LIMIT)
    assert run.state == "running"
    run.cancel()
    reaches(run, "canceled")
    assert run.data["progress"]["fraction"] < 1
    wait_until(lambda: not processes_in(yard.run_dir(run.id)), LIMIT)


@on_each_target
def test_runs_that_are_cut_short_or_left_alone_come_to_their_end_as_one_run(yard: Yard, target: Target, request: Any) -> None:
    """On a cluster each is told that its time is over, and goes on in a next job; elsewhere what watches them is killed."""
    there = {code: case if target.directory else shorter(case) for code, case in PARTS.items()}
    runs = {code: begin(yard, code, case) for code, case in there.items()}
    pool: Site | None = request.getfixturevalue("pool") if target.directory else None
    left = list(runs.values())

    def are_at_it() -> bool:
        # from their own folders: by the time that it is known elsewhere, they may be done
        for run in [one for one in left if told(yard, one)]:
            left.remove(run)
            if pool is not None:
                pool.cluster.ask("scancel", "--batch", "--signal=USR1", *pool.submitted(run.id))
        return not left

    wait_until(are_at_it, LIMIT)
    if pool is None:
        assert not all(run.refresh().final for run in runs.values())
        yard.kill("supervisor")
        yard.kill("web")
    else:
        wait_until(lambda: all(len(pool.submitted(run.id)) == 2 for run in runs.values()), LIMIT)
    for code, run in runs.items():
        run.wait(timeout=300)
        assert run.state == "completed", (code, run.reason)
        assert rises(yard, run)
        frames = PARTS[code].inputs["frames"]
        assert run.data["progress"]["frames"] == frames + (code == "lammps"), "none is missing, none is there twice"
        steps = [one["event"] for one in events(yard, run) if one["event"] != "progress"]
        again = ["paused", "begun", "resumed", "started"] if target.directory else []
        assert steps == ["begun", "started", *again, "final"], code


@on_each_target
@pytest.mark.parametrize("code", TASKS)
def test_a_parallel_code_computes_on_two_tasks(code: str, yard: Yard, target: Target) -> None:
    case, words = TASKS[code]
    nodes = {"batch": {"partition": "regular", "nodes": 2, "tasks": 2, "cpus_per_task": 1}, "memory": 800 << 20}
    run = begin(yard, code, case, resources=nodes if target.directory else {"cores": 2})
    try:
        run.wait(timeout=200)
    except TimeoutError:
        pytest.fail(f"It is {run.state} still: {run.explain()}, {b''.join(run.log()).decode()[-2000:]}")
    assert run.state == "completed", run.reason
    assert words.search(b"".join(run.log()).decode())
