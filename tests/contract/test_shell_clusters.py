"""Clusters at the doors of a real supervisor: logins are handed on, and what their users run there waits for one, and goes on with it."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from simyard.protocol import agents as talk
from simyard.protocol.asking import Arrive, Explanation, Problem, RunAnswer, RunExplain, RunLog, ShowInput
from simyard.protocol.batch import Batch, Partition, Site
from simyard.protocol.code_places import CodePlaces, InstallCode, Standing, Standings
from simyard.protocol.jobs import Remote, Resources, State
from simyard.protocol.targets import LoginAnswer, Prompt, Target, TargetList, TargetLogin, Targets
from tests.contract.shell_kit import (
    CODE,
    LONG,
    Agent,
    Supervisor,
    Web,
    a_hello,
    a_question,
    a_supervisor,
    final,
    started,
    wait_for,
)
from tests.contract.shell_main import Behind

SETTINGS = """
[clusters.pool]
host = "pool.example"
account = "beams"
interval = 7
keep_days = 2
template = "#SBATCH --exclusive"
[clusters.pool.codes.grayscott]
setup = ["module load py"]
"""
REGULAR = Partition(
    name="regular", up=True, default=True, nodes=2, cores=4, time_limit=3600.0, max_nodes=None, min_nodes=1, memory=None
)


@pytest.fixture(scope="module")
def supervisor() -> Iterator[Supervisor]:
    with a_supervisor(SETTINGS) as made:
        yield made


@pytest.fixture
def user() -> str:
    return f"u{uuid.uuid4().hex}"


def login(web: Web, user: str, **step: object) -> LoginAnswer:
    answer = web.ask(TargetLogin(user=user, target="pool", **step))  # type: ignore[arg-type]
    assert isinstance(answer, LoginAnswer), answer
    return answer


def log_in(web: Web, user: str) -> None:
    login(web, user, begin=True)
    assert login(web, user, answers=(Behind.PASSWORD,)).state == "ready"


def pool(web: Web, user: str) -> Target:
    answer = web.ask(TargetList(user=user))
    assert isinstance(answer, Targets)
    return next(one for one in answer.targets if one.name == "pool")


def agents_of(supervisor: Supervisor, user: str) -> list[dict[str, object]]:
    return [spec for spec in supervisor.started_agents() if spec["user"] == user]


def joined(supervisor: Supervisor, user: str) -> Agent:
    """The user's agent there, which is played from here on."""
    spec = wait_for(lambda: agents_of(supervisor, user), "an agent is wanted")[-1]
    agent = Agent(supervisor.config.agent_door, f"{spec['agent']} {spec['secret']}")
    agent.say(a_hello())
    agent.hear(talk.Welcome)
    return agent


def submit(web: Web, user: str, model: str = LONG, **more: object) -> object:
    return web.ask(a_question(f"s-{uuid.uuid4().hex}", model, user=user, target="pool", **more))


def test_a_login_is_made_step_by_step_and_can_be_tried_again(supervisor: Supervisor, user: str) -> None:
    with supervisor.web() as web:
        assert login(web, user).state == "needs-login"
        asked = login(web, user, begin=True)
        assert (asked.state, asked.host, asked.prompts) == ("asking", "pool", (Prompt(text="Password:"),))
        wrong = login(web, user, answers=("guess",))
        assert (wrong.state, wrong.words, wrong.again) == ("refused", "A wrong password.", True)
        assert pool(web, user).state == "refused"
        log_in(web, user)
        assert (pool(web, user).login, login(web, user).state) == ("ready", "ready")
        assert login(web, user, end=True).words == "You have logged out."
        assert login(web, f"{user}2").state == "needs-login", "nobody is logged in by another"


def test_a_run_waits_for_the_login_and_goes_on_at_once_with_it(supervisor: Supervisor, user: str) -> None:
    with supervisor.web() as web:
        answer = submit(web, user)
        assert isinstance(answer, RunAnswer), answer
        told = web.ask(RunExplain(user=user, run=answer.run.id))
        assert isinstance(told, Explanation)
        assert [(gate.gate, gate.passed) for gate in told.gates][-1] == ("credentials", False)
        assert "simyard target login pool" in told.summary
        assert not agents_of(supervisor, user)
        log_in(web, user)
        with joined(supervisor, user) as agent:
            spec = agent.hear(talk.StartRun).spec
            agent.say(talk.RunNote(run=spec.run, epoch=1, remote=Remote(job="42", state="PENDING", words="Waiting.")))
            told = wait_for(lambda: "42" in web.ask(RunExplain(user=user, run=spec.run)).summary, "Slurm's words")
            agent.events(spec.run, started(1), final(2))
            done = wait_for(lambda: (now := web.ask(a_status(user, spec.run)).run).state is State.COMPLETED and now, "its end")
            assert done.remote == Remote(job="42")


def a_status(user: str, run: str) -> object:
    from simyard.protocol.asking import RunStatus

    return RunStatus(user=user, run=run)


def test_an_agent_on_a_cluster_is_told_what_it_needs_and_nothing_of_this_machine(supervisor: Supervisor, user: str) -> None:
    key = f"key-{user}"
    with supervisor.web() as web:
        web.ask(Arrive(user=key, target="pool"))
        (spec,) = wait_for(lambda: agents_of(supervisor, key), "a login that needs nobody is made by itself")
        assert (spec["environment"], spec["cluster"]) == ({}, {"interval": 7.0, "keep": 2 * 86400.0})


def test_a_run_there_is_given_its_code_as_an_archive_and_the_sites_lines(supervisor: Supervisor, user: str) -> None:
    with supervisor.web() as web:
        log_in(web, user)
        with joined(supervisor, user) as agent:
            submit(web, user, resources=Resources(cores=2, batch=Batch(nodes=2, tasks=2)))
            spec = agent.hear(talk.StartRun).spec
            archive = supervisor.config.archives / f"{spec.archive}.tar.gz"
            assert hashlib.sha256(archive.read_bytes()).hexdigest() == spec.archive
            assert spec.code_dir.startswith(f"codes/{CODE}-")
            assert spec.site == Site(template=("#SBATCH --exclusive",), setup=("module load py",))
            assert spec.resources.batch == Batch(nodes=2, tasks=2, account="beams")
            web.ask(Arrive(user=user, target="pool", code=CODE))
            warm = agent.hear(talk.Warm)
            assert (warm.code_dir, warm.archive, warm.site) == (spec.code_dir, spec.archive, spec.site)


def test_partitions_are_shown_and_runs_are_held_against_them(supervisor: Supervisor, user: str) -> None:
    with supervisor.web() as web:
        log_in(web, user)
        with joined(supervisor, user) as agent:
            agent.say(talk.Partitions(partitions=(REGULAR,)))
            wait_for(lambda: pool(web, user).partitions, "what it gives")
            found = pool(web, user)
            assert (found.partitions, found.state, found.cores, found.wait) == ((REGULAR,), "ready", 0, None)
            refused = submit(web, user, resources=Resources(batch=Batch(nodes=3, tasks=3)))
            assert isinstance(refused, Problem)
            assert refused.detail.startswith("3 nodes were asked for, and regular gives 2 at most.")


def test_what_can_only_be_seen_there_is_refused_with_the_next_step_where_nobody_is_logged_in(
    supervisor: Supervisor, user: str
) -> None:
    with supervisor.web() as web:
        web.send_question(ShowInput(user=user, code=CODE, model=LONG, inputs={}, files={}, target="pool"))
        response = web.getresponse()
        problem = json.loads(response.read())
        assert response.status == 503, problem
        assert "simyard target login pool" in json.dumps(problem)
        answer = submit(web, user)
        assert isinstance(answer, RunAnswer)
        web.send_question(RunLog(user=user, run=answer.run.id))
        assert web.getresponse().read() == b"", "what never started has no log"


def test_a_run_whose_code_is_not_there_is_refused_and_goes_as_soon_as_it_is(supervisor: Supervisor, user: str) -> None:
    with supervisor.web() as web:
        known = web.ask(TargetLogin(user=user, target="pool"))
        assert isinstance(known, LoginAnswer)
        early = submit(web, user, code="madx", model="twiss")
        assert isinstance(early, Problem)
        assert (early.status, early.code) == (409, "not-known-yet")
        assert stands(web, user).state == "unknown"
        log_in(web, user)
        with joined(supervisor, user) as agent:
            agent.say(talk.Environments(environments=()))
            refused = submit(web, user, code="madx", model="twiss")
            assert isinstance(refused, Problem)
            assert refused.code == "code-not-installed"
            assert "Run `simyard code install madx --target pool`" in refused.detail
            missing = stands(web, user)
            assert (missing.state, missing.remedy) == ("missing", "simyard code install madx --target pool")
            web.send_question(InstallCode(user=user, code="madx", target="pool", begin=True, wheels={"a.whl": "0" * 64}))
            asked = agent.hear(talk.MakeEnvironment)
            assert (asked.begin, asked.code, asked.wheels, asked.requires) == (True, "madx", {"a.whl": "0" * 64}, missing.missing)
            assert asked.environment == f"madx-{missing.wanted}"
            agent.say(talk.Opened(op=asked.op, size=2))
            agent.chunk(asked.op, b"{}")
            agent.say(talk.Closed(op=asked.op))
            assert web.getresponse().read() == b"{}"
            agent.say(talk.Environments(environments=(talk.Environment(name=f"madx-{'f' * 12}", python="3.11"),)))
            wait_for(lambda: stands(web, user).state == "other", "another version")
            other = submit(web, user, code="madx", model="twiss")
            assert isinstance(other, Problem)
            assert other.code == "code-of-another-version"
            agent.say(talk.Environments(environments=(talk.Environment(name=asked.environment, python="3.11"),)))
            wait_for(lambda: stands(web, user).state == "ready", "its environment")
            assert isinstance(submit(web, user, code="madx", model="twiss"), RunAnswer)
            assert agent.hear(talk.StartRun).spec.python == f"envs/{asked.environment}/bin/python"
        # what one user has is nobody else's
        assert stands(web, f"{user}2").state == "unknown"


def stands(web: Web, user: str) -> Standing:
    answer = web.ask(CodePlaces(user=user, code="madx"))
    assert isinstance(answer, Standings), answer
    return next(one for one in answer.standings if one.target == "pool")


def test_a_password_is_in_no_file_of_the_home(supervisor: Supervisor, user: str) -> None:
    with supervisor.web() as web:
        log_in(web, user)
        malformed = b'[1,"TargetLogin",{"user":"u","target":"pool","answers":"' + Behind.PASSWORD.encode() + b'"}]'
        status, body = web.raw("POST", "/target_login", malformed)
        assert status == 400
        assert Behind.PASSWORD.encode() not in body
    contents = {}
    for path in Path(supervisor.config.home).rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # one that was beside another, and has been renamed
            if path.is_file():
                contents[path] = path.read_bytes()
    assert contents
    assert not [path for path, content in contents.items() if Behind.PASSWORD.encode() in content]


def test_messages_of_a_login_show_no_answers() -> None:
    question = TargetLogin(user="u", target="pool", answers=(Behind.PASSWORD,))
    assert Behind.PASSWORD not in repr(question)
    assert [f.repr for f in dataclasses.fields(question) if f.name == "answers"] == [False]
