"""Deleting runs through a real supervisor: gone for everybody once it is said, and the directory by the agent, sooner or later."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from simyard.protocol import agents as talk
from simyard.protocol.asking import (
    ANSWER,
    Arrive,
    Changes,
    Notice,
    Ping,
    Problem,
    RunDelete,
    RunGone,
    RunList,
    RunPage,
    RunSame,
    RunStatus,
    Tell,
)
from tests.contract.shell_kit import (
    CODE,
    LONG,
    Agent,
    Supervisor,
    Web,
    a_hello,
    a_supervisor,
    final,
    next_line,
    started,
    wait_for,
)


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with a_supervisor() as made:
        yield made


def completed(web: Web, agent: Agent, simulation: str = "s1", **fields: object) -> str:
    run = web.run(simulation, LONG, reuse=False, **fields).run.id
    agent.hear(talk.StartRun)
    agent.events(run, started(1), final(2))
    wait_for(lambda: web.status(run).ended, "it ends")
    return run


def an_agent(supervisor: Supervisor, web: Web) -> Agent:
    web.ask(Arrive(user="me"))
    agent = supervisor.agent()
    agent.hear(talk.Welcome)
    return agent


def left(supervisor: Supervisor) -> int:
    """How many deleted runs still have a directory, as far as is known."""
    engine = sa.create_engine(f"sqlite:///file:{supervisor.config.home}/jobs.db?mode=ro&uri=true")
    try:
        with engine.connect() as connection:
            return int(connection.execute(sa.text("SELECT count(*) FROM deleted WHERE removed IS NULL")).scalar_one())
    finally:
        engine.dispose()


def test_a_deleted_run_is_in_no_answer_and_its_agent_is_asked_to_remove_it(supervisor: Supervisor) -> None:
    with supervisor.web() as web, an_agent(supervisor, web) as agent:
        run, other = completed(web, agent), completed(web, agent, "s2")
        before = web.ask(Ping()).change
        gone = web.ask(RunDelete(user="me", run=run))
        assert gone == RunGone(user="me", run=run, change=before + 1)
        assert supervisor.stored(run) == ("", False)
        assert [one.id for one in web.ask(RunList(user="me", limit=9)).runs] == [other]
        for question in (RunStatus(user="me", run=run), RunDelete(user="me", run=run)):
            refused = web.ask(question)
            assert isinstance(refused, Problem)
            assert (refused.status, refused.code) == (404, "unknown-run")
        assert agent.hear(talk.RemoveRuns).runs == (run,)
        # of two runs with the same inputs the one that is left is the answer
        assert web.ask(RunSame(user="me", simulation="s1", code=CODE, model=LONG, inputs={}, files={})).runs[0].id == other
        web.ask(RunDelete(user="me", run=other))
        assert web.ask(RunSame(user="me", simulation="s1", code=CODE, model=LONG, inputs={}, files={})) == RunPage(runs=())
        assert web.run("s3", LONG).created


def test_a_run_that_is_active_and_anothers_run_are_not_deleted(supervisor: Supervisor) -> None:
    with supervisor.web() as web, an_agent(supervisor, web) as agent:
        run = web.run().run.id
        agent.hear(talk.StartRun)
        refused = web.ask(RunDelete(user="me", run=run))
        assert (refused.status, refused.code) == (409, "run-active")
        assert web.ask(RunDelete(user="eve", run=run)).status == 404
        assert supervisor.stored(run)[1]


def test_what_is_to_be_removed_outlives_supervisors_until_an_agent_has_done_it(supervisor: Supervisor) -> None:
    with supervisor.web() as web:
        with an_agent(supervisor, web) as agent:
            runs = [completed(web, agent, f"s{number}") for number in range(3)]
        for run in runs:
            web.ask(RunDelete(user="me", run=run))
        last = web.ask(Ping()).change
    supervisor.stop(signal.SIGKILL)
    supervisor.start()
    with supervisor.web() as web:
        assert web.ask(Ping()).change == last  # no number comes again
        with supervisor.agent() as agent:
            assert agent.hear(talk.RemoveRuns).runs == tuple(sorted(runs))
            agent.say(talk.RunsRemoved(runs=(runs[0], runs[2], "01ARZ3NDEKTSV4RRFFQ69G5FAV")))
            wait_for(lambda: left(supervisor) == 1, "two are removed")
        with supervisor.agent() as agent:
            assert agent.hear(talk.RemoveRuns).runs == (runs[1],)
            agent.say(talk.RunsRemoved(runs=(runs[1],)))
            wait_for(lambda: left(supervisor) == 0, "all are removed")
        with supervisor.agent() as agent:
            agent.hear(talk.Welcome)
            assert agent.is_quiet(0.3)


def test_an_agent_that_still_has_a_deleted_run_is_told_to_forget_it(supervisor: Supervisor) -> None:
    with supervisor.web() as web:
        with an_agent(supervisor, web) as agent:
            run = completed(web, agent)
            web.ask(RunDelete(user="me", run=run))
        with supervisor.agent(a_hello(talk.RunSeen(run=run, epoch=1, last=2))) as agent:
            assert agent.hear(talk.Welcome).forget == (run,)
            assert agent.hear(talk.RemoveRuns).runs == (run,)


def test_who_listens_hears_of_deletions_in_their_order_and_who_was_away_afterwards(supervisor: Supervisor) -> None:
    with supervisor.web() as web, supervisor.web() as listener, an_agent(supervisor, web) as agent:
        run = completed(web, agent)
        before = web.ask(Ping()).change
        listener.request("GET", f"/changes?after={before}", headers=listener.headers)
        stream = listener.getresponse()
        assert stream.readline() == b"\n"
        web.ask(RunDelete(user="me", run=run))
        told = RunGone(user="me", run=run, change=before + 1)
        assert ANSWER.decode(next_line(stream)) == told
        assert web.ask(Changes(user="me", after=before)) == RunPage(runs=(), gone=(told,))
        assert web.ask(Changes(user="eve", after=0)) == RunPage(runs=())
    with supervisor.web() as late:
        late.request("GET", f"/changes?after={before}", headers=late.headers)
        stream = late.getresponse()
        assert ANSWER.decode(next_line(stream)) == told


def test_a_notice_goes_to_every_web_worker_at_once_and_nothing_of_it_is_kept(supervisor: Supervisor) -> None:
    with supervisor.web() as web, supervisor.web() as one, supervisor.web() as other:
        streams = []
        for worker in (one, other):
            worker.request("GET", "/changes?after=0", headers=worker.headers)
            streams.append(worker.getresponse())
            assert streams[-1].readline() == b"\n"
        with supervisor.failing():  # nothing of it needs to be written
            web.ask(Tell(user="me", what="simulation", id="S", origin="w1"))
        for stream in streams:
            assert ANSWER.decode(next_line(stream)) == Notice(user="me", what="simulation", id="S", origin="w1")
        assert json.loads(web.raw("POST", "/tell", "{}")[1])[1] == "Problem"
