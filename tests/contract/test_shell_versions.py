"""A real supervisor and an agent that its driver would start otherwise by now: told to leave when its runs are done, and not before."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from simyard.protocol import agents as talk
from simyard.protocol.asking import Arrive
from simyard.protocol.targets import TargetList
from tests.contract.shell_kit import QUICK, Supervisor, a_hello, a_supervisor, final, started, wait_for


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    with a_supervisor() as made:
        yield made


def test_an_agent_of_an_older_version_leaves_after_its_run_and_the_next_one_is_started(supervisor: Supervisor) -> None:
    old = supervisor.config.home / "old-version"
    old.write_text(a_hello().version)
    with supervisor.web() as web:
        run = web.run(model=QUICK).run
        with supervisor.agent() as agent:
            epoch = agent.hear(talk.StartRun).epoch
            agent.say(talk.RunEvents(run=run.id, epoch=epoch, events=(started(),)))
            wait_for(lambda: "is of an older version" in supervisor.log, "its driver was asked")
            agent.hear(talk.EventsStored)
            (target,) = web.ask(TargetList(user="me")).targets
            assert (target.agent, "older version" in target.detail) == (a_hello().version, True)
            waiting = web.run("s2", model=QUICK).run
            assert agent.is_quiet(0.5), "its run is not done, and no other is begun"
            agent.say(talk.RunEvents(run=run.id, epoch=epoch, events=(final(2),)))
            agent.hear(talk.Leave)
        wait_for(lambda: len(supervisor.started_agents()) == 2, "the next agent is started")
        old.unlink()
        with supervisor.agent() as agent:
            assert agent.hear(talk.StartRun).spec.run == waiting.id
        assert web.status(run.id).state.value == "completed"


def test_one_with_nothing_to_do_leaves_at_once(supervisor: Supervisor) -> None:
    (supervisor.config.home / "old-version").write_text(a_hello().version)
    with supervisor.web() as web:
        web.ask(Arrive(user="me"))
    with supervisor.agent() as agent:
        assert "newer version" in agent.hear(talk.Leave).reason
