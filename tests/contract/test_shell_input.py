"""Inputs, waits and limits through a real supervisor: asked of an agent that passes the gates, refused in words, never a run."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from simyard.config import TargetConfig
from simyard.protocol import agents as talk
from simyard.protocol.asking import Arrive, Inputs, Ping, Pong, Problem, RunInputs, RunList, ShowInput
from simyard.protocol.jobs import Resources
from simyard.protocol.targets import TargetList, Targets, Wait
from tests.contract.shell_kit import (
    CODE,
    LONG,
    QUICK,
    SOON,
    Agent,
    Supervisor,
    Web,
    a_question,
    a_supervisor,
    final,
    started,
    wait_for,
)


@pytest.fixture(scope="module")
def supervisor() -> Iterator[Supervisor]:
    with a_supervisor() as made:
        yield made


@pytest.fixture
def web(supervisor: Supervisor) -> Iterator[Web]:
    with supervisor.web() as made:
        yield made


@pytest.fixture
def agent(supervisor: Supervisor, web: Web) -> Iterator[Agent]:
    web.ask(Arrive(user="me"))
    with supervisor.agent() as made:
        made.hear(talk.Welcome)
        yield made
        made.sock.close()
        wait_for(lambda: web.ask(Ping()).agents == 0, "the agent is gone")


def question(**fields: object) -> ShowInput:
    known: dict[str, object] = {"user": "me", "code": CODE, "model": QUICK, "inputs": {"size": 64}, "files": {}}
    return ShowInput(**{**known, **fields})  # type: ignore[arg-type]


def test_an_input_is_made_by_the_agent_with_the_checked_inputs_and_no_run_comes_of_it(web: Web, agent: Agent) -> None:
    web.send_question(question())
    asked = agent.hear(talk.MakeInput)
    assert (asked.spec.run, asked.spec.code, asked.spec.model) == ("", CODE, QUICK)
    assert asked.spec.inputs["size"] == 64
    assert asked.spec.inputs["feed"] > 0  # defaults are filled in
    assert (asked.seconds, asked.memory) == (TargetConfig().analysis_seconds, TargetConfig().analysis_memory)
    data = json.dumps({"command": None, "files": []}).encode()
    agent.say(talk.Opened(op=asked.op, size=len(data), media_type="application/json"))
    agent.chunk(asked.op, data)
    agent.say(talk.Closed(op=asked.op))
    response = web.getresponse()
    assert (response.status, response.read()) == (200, data)
    assert web.ask(RunList(user="me", limit=10)).runs == ()


@pytest.mark.parametrize(
    "code, status",
    [("input-failed", 422), ("input-timeout", 422), ("missing-file", 422), ("code-cannot-be-loaded", 422), ("busy", 429)],
)
def test_what_prepare_says_comes_through_in_its_own_words(web: Web, agent: Agent, code: str, status: int) -> None:
    web.send_question(question())
    asked = agent.hear(talk.MakeInput)
    agent.say(talk.Closed(op=asked.op, code=code, detail="energy must be positive, not −1 GeV"))
    answer = web.answer()
    assert answer == Problem(status=status, code=code, detail="energy must be positive, not −1 GeV")


def test_who_goes_away_is_not_worked_for(supervisor: Supervisor, agent: Agent) -> None:
    with supervisor.web() as other:
        other.send_question(question())
        asked = agent.hear(talk.MakeInput)
    assert agent.hear(talk.Drop).op == asked.op


def test_inputs_that_the_code_refuses_reach_no_agent(web: Web) -> None:
    answer = web.ask(question(inputs={"size": -1}))
    assert isinstance(answer, Problem)
    assert (answer.status, answer.code) == (422, "invalid-input")
    answer = web.ask(question(target="nowhere"))
    assert isinstance(answer, Problem)
    assert (answer.status, answer.code) == (422, "unknown-target")


def test_a_run_keeps_what_it_was_made_of_and_another_user_does_not_see_it(web: Web, agent: Agent) -> None:
    run = web.run("kept", inputs={"size": 64}, files={"a.txt": "0" * 64}).run
    found = web.ask(RunInputs(user="me", run=run.id))
    assert isinstance(found, Inputs)
    assert (found.inputs["size"], found.files) == (64, {"a.txt": "0" * 64})
    refused = web.ask(RunInputs(user="other", run=run.id))
    assert isinstance(refused, Problem)
    assert refused.status == 404


def test_a_time_limit_is_the_runs_own_where_the_target_can_give_it(web: Web, agent: Agent) -> None:
    run = web.run("limited", resources=Resources(time_limit=7.5)).run
    assert run.resources.time_limit == 7.5
    start = agent.hear(talk.StartRun)
    while start.spec.run != run.id:
        start = agent.hear(talk.StartRun)
    assert start.spec.time_limit == 7.5
    # without a word of it, the model's, or the target's
    assert web.run("limited too").run.resources.time_limit == 7 * 86400.0
    refused = web.ask(a_question("limited three", resources=Resources(time_limit=8 * 86400.0)))
    assert isinstance(refused, Problem)
    assert (refused.status, refused.code) == (422, "too-much-time")
    assert refused.detail == (
        "local ends long runs after 7 days, and this one asks for 8 days. Ask for less, or choose another target."
    )


def test_runs_are_found_by_their_code(web: Web, agent: Agent) -> None:
    run = web.run("by code").run
    assert run.id in {one.id for one in web.ask(RunList(user="me", limit=100, code=CODE, model=LONG)).runs}
    assert web.ask(RunList(user="me", limit=100, code="other")).runs == ()


def test_a_failed_run_has_the_cause_that_its_job_cmd_told(web: Web, agent: Agent) -> None:
    run = web.run("failing").run
    start = agent.hear(talk.StartRun)
    while start.spec.run != run.id:
        start = agent.hear(talk.StartRun)
    agent.events(run.id, started(1), final(2, "failed", reason="It ran out of memory.", cause="memory"))
    assert web.status(run.id, wait=SOON).cause == "memory"
    run = web.run("not started").run
    while start.spec.run != run.id:
        start = agent.hear(talk.StartRun)
    agent.say(talk.StartFailed(run=run.id, epoch=start.epoch, reason="The disk is full.", cause="disk"))
    assert web.status(run.id, wait=SOON).cause == "disk"


def test_targets_say_what_a_run_would_wait(web: Web, agent: Agent) -> None:
    (local,) = web.ask(TargetList(user="me", code=CODE, model=QUICK)).targets
    assert local.wait == Wait(low=0.0, high=0.0)
    found = web.ask(TargetList(user="me"))
    assert isinstance(found, Targets)
    refused = web.ask(TargetList(user="me", code=CODE, model="none"))
    assert isinstance(refused, Problem)
    assert isinstance(web.ask(Ping()), Pong)
