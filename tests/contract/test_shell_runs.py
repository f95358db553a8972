"""Runs through a real supervisor: nothing is sent or told before it is durable, and a kill -9 loses nothing that was."""

from __future__ import annotations

import json
import random
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from simyard.protocol import agents as talk
from simyard.protocol.asking import Arrive, Ping, Pong, Problem, RunAnswer, RunCancel, RunExplain, RunList, RunPage, RunStatus
from simyard.protocol.jobs import State
from tests.contract.shell_kit import (
    LONG,
    QUICK,
    REPORT,
    SOON,
    Agent,
    Supervisor,
    a_hello,
    a_question,
    a_supervisor,
    final,
    next_line,
    progress,
    started,
    wait_for,
)


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with a_supervisor() as made:
        yield made


def launched(supervisor: Supervisor, model: str = LONG, simulation: str = "s1") -> tuple[Agent, talk.StartRun]:
    with supervisor.web() as web:
        web.run(simulation, model)
    agent = supervisor.agent()
    return agent, agent.hear(talk.StartRun)


def test_a_run_is_in_the_database_with_its_spec_before_the_agent_hears_of_it(supervisor: Supervisor) -> None:
    agent, start = launched(supervisor)
    with agent:
        assert supervisor.stored(start.spec.run) == ("starting", True)
        assert start.epoch == 1
        assert start.spec.code == "grayscott"


def test_a_run_goes_from_the_question_to_its_final_state(supervisor: Supervisor) -> None:
    agent, start = launched(supervisor)
    run = start.spec.run
    with agent, supervisor.web() as web:
        agent.events(run, started(1), progress(2, fraction=0.25, frames=1, message="step 1"))
        assert agent.hear(talk.EventsStored).last == 2
        told = web.status(run)
        assert (told.state, told.progress.fraction, told.progress.message) == (State.RUNNING, 0.25, "step 1")
        web.send_question(RunStatus(user="me", run=run, wait=SOON))
        agent.events(run, final(3, results={"q": 1.5}, usage={"wall": 2.0, "exit_code": 0}))
        answer = web.answer()
        assert answer.run.state is State.COMPLETED
        assert answer.run.results == {"q": 1.5}
        assert web.status(run) == answer.run
        assert web.ask(RunList(user="me", limit=5)) == RunPage(runs=(answer.run,))


def test_nobody_is_told_of_another_users_run(supervisor: Supervisor) -> None:
    agent, start = launched(supervisor)
    with agent, supervisor.web() as web:
        for question in (RunStatus(user="eve", run=start.spec.run), RunCancel(user="eve", run=start.spec.run)):
            answer = web.ask(question)
            assert isinstance(answer, Problem)
            assert (answer.status, answer.code) == (404, "unknown-run")
        assert web.ask(RunList(user="eve", limit=5)) == RunPage(runs=())


def test_nothing_is_told_or_sent_while_commits_fail_and_all_of_it_afterwards(supervisor: Supervisor) -> None:
    with supervisor.web() as web, supervisor.web() as other:
        web.ask(Arrive(user="me"))
        with supervisor.agent() as agent:
            agent.hear(talk.Welcome)
            with supervisor.failing():
                web.send_question(a_question())
                wait_for(lambda: "commit failed" in supervisor.log, "a commit fails")
                assert agent.is_quiet(0.3)
                assert other.ask(RunList(user="me", limit=5)) == RunPage(runs=())
                assert other.raw("GET", "/readyz")[0] == 503
                assert other.raw("GET", "/healthz")[0] == 200
                refused = other.ask(a_question("s2"))
                assert isinstance(refused, Problem)
                assert (refused.status, refused.code) == (503, "not-writing")
            start = agent.hear(talk.StartRun)
            answer = web.answer()
            assert answer.run.id == start.spec.run
            assert supervisor.stored(answer.run.id) == ("starting", True)
            wait_for(lambda: other.raw("GET", "/readyz")[0] == 200, "ready again")


def test_events_are_acknowledged_only_once_they_are_stored(supervisor: Supervisor) -> None:
    agent, start = launched(supervisor)
    run = start.spec.run
    with agent, supervisor.web() as web:
        with supervisor.failing():
            agent.events(run, started(1), final(2))
            wait_for(lambda: "commit failed" in supervisor.log, "a commit fails")
            assert agent.is_quiet(0.3)
            assert web.status(run).state is State.STARTING
        assert agent.hear(talk.EventsStored).last == 2
        assert web.status(run).state is State.COMPLETED


def test_after_a_kill_the_run_goes_on_where_it_was_stored(supervisor: Supervisor) -> None:
    agent, start = launched(supervisor)
    run = start.spec.run
    with agent:
        agent.events(run, started(1), progress(2, frames=1))
        agent.hear(talk.EventsStored)
        supervisor.stop(signal.SIGKILL)
        assert agent.until_closed()[0] == 1006
    supervisor.start()
    with supervisor.web() as web:
        assert web.status(run).state is State.RUNNING
        # it went on meanwhile: the agent has more than the supervisor knows
        with supervisor.agent(a_hello(talk.RunSeen(run=run, epoch=1, last=4))) as again:
            assert again.hear(talk.Welcome) == talk.Welcome(follow=(talk.Follow(run=run, epoch=1, after=2),))
            again.events(run, progress(3, frames=2), final(4))
            assert again.hear(talk.EventsStored).last == 4
            done = web.status(run)
            assert (done.state, done.events, done.progress.frames) == (State.COMPLETED, 4, 2)
        assert len(supervisor.started_agents()) == 1


def test_what_was_acknowledged_survives_a_kill_at_any_moment(supervisor: Supervisor) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    agent, start = launched(supervisor)
    run, acknowledged = start.spec.run, 0
    agent.events(run, started(1))
    acknowledged = agent.hear(talk.EventsStored).last
    for _ in range(3):
        process = supervisor.process
        assert process is not None
        timer = threading.Timer(chance.uniform(0.01, 0.3), process.kill)
        timer.start()
        try:
            for n in range(acknowledged + 1, 100_000):
                agent.events(run, progress(n, frames=n))
                acknowledged = agent.hear(talk.EventsStored).last
        except (AssertionError, OSError):
            pass  # it was killed
        timer.join()
        agent.sock.close()
        supervisor.stop(signal.SIGKILL)
        supervisor.start()
        agent = supervisor.agent(a_hello(talk.RunSeen(run=run, epoch=1, last=acknowledged + 1)))
        follow = agent.hear(talk.Welcome).follow[0]
        # the one that was not acknowledged may have been stored, or not
        assert follow.after in {acknowledged, acknowledged + 1}
        acknowledged = follow.after
    agent.sock.close()


def test_a_run_that_never_reached_its_agent_is_sent_again_under_a_new_epoch(supervisor: Supervisor) -> None:
    agent, start = launched(supervisor)
    agent.sock.close()
    supervisor.stop(signal.SIGKILL)
    supervisor.start()
    with supervisor.agent() as again:
        second = again.hear(talk.StartRun)
        assert (second.spec, second.epoch) == (start.spec, 2)
        assert supervisor.stored(second.spec.run) == ("starting", True)


def test_what_had_been_meant_for_a_broken_connection_is_not_sent_before_the_welcome(supervisor: Supervisor) -> None:
    with supervisor.web() as web:
        web.ask(Arrive(user="me"))
        with supervisor.agent() as agent:
            agent.hear(talk.Welcome)
            with supervisor.failing():
                web.send_question(a_question())
                wait_for(lambda: "commit failed" in supervisor.log, "a commit fails")
            spec = supervisor.started_agents()[-1]
            second = wait_for(lambda: _let_in(supervisor, spec), "the door takes agents again")
            with second:
                second.say(a_hello())
                assert isinstance(second.next(), talk.Welcome)
                assert second.hear(talk.StartRun).spec.run == web.answer().run.id
                assert agent.until_closed() == (1001, "replaced by a newer connection")


def _let_in(supervisor: Supervisor, spec: dict[str, Any]) -> Agent | None:
    """The agent's connection; None where the door refuses it because nothing can be stored."""
    agent = Agent(supervisor.config.agent_door, f"{spec['agent']} {spec['secret']}")
    if agent.status == 101:
        return agent
    assert agent.status == 503
    agent.sock.close()
    return None


def test_a_cancel_is_canceling_until_the_agent_says_that_it_is_gone(supervisor: Supervisor) -> None:
    agent, start = launched(supervisor)
    run = start.spec.run
    with agent, supervisor.web() as web:
        agent.events(run, started(1))
        agent.hear(talk.EventsStored)
        assert web.ask(RunCancel(user="me", run=run)).run.state is State.CANCELING
        assert agent.hear(talk.StopRun) == talk.StopRun(run=run, epoch=1)
        assert supervisor.stored(run)[0] == "canceling"
        agent.events(run, final(2, "canceled", reason="Canceled."))
        assert web.status(run, wait=SOON).state is State.CANCELED
        assert web.ask(RunCancel(user="me", run=run)).run.state is State.CANCELED


def test_a_quick_run_brings_its_first_report_along(supervisor: Supervisor) -> None:
    with supervisor.web() as web, supervisor.web() as other, supervisor.web() as listener:
        listener.request("GET", "/changes?after=0", headers=listener.headers)
        stream = listener.getresponse()
        web.send_question(a_question(model=QUICK, wait=SOON))
        with supervisor.agent() as agent:
            start = agent.hear(talk.StartRun)
            run, report = start.spec.run, '{"data":[{"y":"µ"}]}'
            assert start.spec.first_report == REPORT
            data = report.encode()
            agent.say(talk.ReportPushed(op=1 << 63, run=run, epoch=1, report=REPORT, size=len(data)))
            agent.chunk(1 << 63, data[:7])
            agent.chunk(1 << 63, data[7:])
            agent.events(run, started(1), final(2, report=REPORT))
            answer = web.answer()
            assert isinstance(answer, RunAnswer)
            assert (answer.created, answer.run.state, answer.report) == (True, State.COMPLETED, report)
            status, body = other.raw("POST", "/report", json.dumps([1, "Report", {"user": "me", "run": run, "report": REPORT}]))
            assert (status, body) == (200, data)
        changes: list[dict[str, Any]] = []
        while not changes or changes[-1]["run"]["state"] != "completed":
            changes.append(json.loads(next_line(stream))[2])
        assert changes[-1]["report"] == report
        numbers = [change["run"]["change"] for change in changes]
        assert numbers == sorted(numbers)


def test_requests_with_one_key_make_one_run_however_close_they_come(supervisor: Supervisor) -> None:
    answers: list[Any] = []

    def ask() -> None:
        with supervisor.web() as web:
            answers.append(web.ask(a_question(key="once", reuse=False)))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({answer.run.id for answer in answers}) == 1
    assert [answer.created for answer in answers].count(True) == 1
    with supervisor.agent() as agent, supervisor.web() as web:
        run = agent.hear(talk.StartRun).spec.run
        agent.events(run, started(1), final(2, "failed", reason="x"))
        agent.hear(talk.EventsStored)
        again = web.ask(a_question(key="once", reuse=False))
        assert (again.run.id, again.created) == (run, False)
    supervisor.stop(signal.SIGKILL)
    supervisor.start()
    with supervisor.web() as web:
        again = web.ask(a_question(key="once", reuse=False))
        assert (again.run.id, again.created) == (run, False)


def test_a_waiting_run_says_why_it_waits(supervisor: Supervisor) -> None:
    with supervisor.web() as web:
        run = web.run().run
        assert run.state is State.PENDING
        told = web.status(run.id)
        assert [verdict.gate for verdict in told.waiting if not verdict.passed] == ["agent"]
        explanation = web.ask(RunExplain(user="me", run=run.id))
        assert (explanation.state, explanation.position) == ("pending", 1)
        assert "being started" in explanation.summary


def test_an_answer_is_given_at_the_latest_when_the_wait_is_over(supervisor: Supervisor) -> None:
    with supervisor.web() as web:
        answer = web.run(wait=0.2)
        assert (answer.created, answer.run.state) == (True, State.PENDING)
        assert web.status(answer.run.id, wait=0.2).state is State.PENDING


def test_a_stop_is_clean_and_the_next_supervisor_goes_on(supervisor: Supervisor) -> None:
    agent, start = launched(supervisor)
    with agent:
        agent.events(start.spec.run, started(1))
        agent.hear(talk.EventsStored)
        assert supervisor.stop() == 0
        assert agent.until_closed() == (1001, "the supervisor stops")
    assert not supervisor.config.web_door.exists()
    assert not supervisor.config.agent_door.exists()
    supervisor.start()
    with supervisor.web() as web:
        assert web.status(start.spec.run).state is State.RUNNING
        pong = web.ask(Ping())
        assert isinstance(pong, Pong)
        assert pong.active == 1
