"""Logins to a cluster: what waits for one says so with the next step, nothing is started without, and with it everything goes on."""

from __future__ import annotations

import dataclasses

import pytest

from simyard.drivers.base import Login
from simyard.errors import InvalidRequest, Unavailable
from simyard.protocol.jobs import Run, State
from simyard.protocol.targets import LoginAnswer, Prompt, TargetLogin
from simyard.supervisor import logins
from simyard.supervisor.agency import MUTE_LIMIT, PRESENCE
from simyard.supervisor.core import CLUSTER_START_LIMIT, START_LIMIT, AgentState
from simyard.supervisor.explaining import explain, targets, told
from tests.unit.supervisor.cluster_world import ClusterWorld
from tests.unit.supervisor.reactor_world import started, with_agent

READY, UNTRIED, NEEDED = Login(state="ready"), Login(state="untried"), Login(state="needs-login")
LOST = Login(
    state="lost",
    words="The connection to pool.example was lost. It is tried again by itself; what runs there goes on.",
    since=1_000_000.0,
)
STEP = "Log in to local on the page, or with `simyard target login local`."


def blocked(world: ClusterWorld, run: Run) -> tuple[str, str]:
    """The gate that a run waits at, and its words."""
    last = told(world.core, run, world.now).waiting[-1]
    assert not last.passed
    return last.gate, last.detail


@pytest.mark.parametrize(
    "login, words",
    [
        (NEEDED, f"local needs your login. {STEP}"),
        (Login(state="needs-login", words="You have logged out."), f"local needs your login. You have logged out. {STEP}"),
        (
            Login(state="asking", host="pool.example", prompts=(("Code:", False),)),
            f"Your login to local is under way, and pool.example waits for your answer. {STEP}",
        ),
        (
            Login(state="unknown-host", host="pool.example", key_type="ssh-ed25519", fingerprint="SHA256:abc"),
            (
                "The key of pool.example is not known here yet (ssh-ed25519 SHA256:abc). Compare it with what its site tells, and accept it: "
                "log in to local on the page, or with `simyard target login local`."
            ),
        ),
        (Login(state="connecting"), "Your login to local is being made."),
        (
            LOST,
            "The connection to pool.example was lost. It is tried again by itself; what runs there goes on. It has been so since 13:46 UTC.",
        ),
        (
            Login(state="refused", words="The account is locked.", again=True),
            f"local refused your login. The account is locked. {STEP}",
        ),
        (Login(state="refused", words="Its key has changed"), "local refused your login. Its key has changed."),
    ],
)
def test_a_run_that_waits_for_a_login_says_so_with_the_next_step_and_no_agent_is_started(login: Login, words: str) -> None:
    world = ClusterWorld(login)
    run = world.submit().run
    assert blocked(world, run) == ("credentials", words)
    assert explain(world.core, run, world.now).summary == words
    world.tick(60.0)
    assert not world.to_start
    assert world.stored[run.id].state is State.PENDING


def test_a_login_that_may_need_nobody_is_tried_by_starting_the_agent() -> None:
    world = ClusterWorld(UNTRIED)
    run = world.submit().run
    assert len(world.to_start) == 1
    world.login = NEEDED  # it needed somebody after all
    world.start_next(ok=False)
    world.tick(300.0)
    assert blocked(world, run)[0] == "credentials"
    assert not world.to_start, "an account is not knocked at again and again"


def test_once_somebody_has_logged_in_what_waited_goes_on_at_once() -> None:
    world = ClusterWorld(UNTRIED)
    run = world.submit().run
    world.login = NEEDED
    world.start_next(ok=False)
    world.login = READY
    world.log_in()
    world.start_next()
    (process,) = world.processes.values()
    world.connect(process)
    assert world.stored[run.id].state is State.STARTING


def test_a_login_that_becomes_ready_while_nobody_asks_is_noticed() -> None:
    world = ClusterWorld(Login(state="connecting"))
    run = world.submit().run
    world.tick()
    world.tick(2 * PRESENCE)  # the run waits on, whether its user is there or not
    world.login = READY
    world.tick()
    assert len(world.to_start) == 1
    assert blocked(world, run)[0] == "agent"


def test_logging_in_is_arriving() -> None:
    world = ClusterWorld(NEEDED)
    world.log_in()
    assert not world.to_start
    world.login = READY
    world.tick()
    assert len(world.to_start) == 1


def test_windows_are_told_once_of_each_change_of_a_login() -> None:
    world = ClusterWorld(NEEDED)
    world.submit()
    world.tick()
    world.notices.clear()
    for _ in range(3):
        world.tick(2 * PRESENCE)
    assert not world.notices
    world.login = Login(state="connecting")
    world.tick()
    world.tick()
    assert [(one.user, one.what, one.id) for one in world.notices] == [("ann", "target", "local")]


def test_where_the_agent_is_connected_by_a_way_of_its_own_a_lost_login_is_in_nobodys_way() -> None:
    world = ClusterWorld(READY)
    process = with_agent(world)
    world.login = LOST
    run = started(world, process)
    assert world.stored[run.id].state is State.RUNNING
    (seen,) = targets(world.core, "ann", lambda _place: None, world.now)
    assert (seen.state, seen.login) == ("ready", "lost")


def test_an_agent_that_is_out_of_reach_keeps_its_runs_and_the_words_say_what_is_being_done() -> None:
    world = ClusterWorld(READY)
    process = with_agent(world)
    run = started(world, process)
    world.login = LOST
    world.lose(process)
    for _ in range(200):
        world.tick(10.0)
        while world.to_poll:
            world.poll_next(known=False)
    assert world.stored[run.id].state is State.RUNNING
    summary = explain(world.core, world.stored[run.id], world.now).summary
    assert summary.startswith(
        "It is running on local. Its agent is away since 2000 s: this is its last known state. The connection to"
    )


def test_nobody_is_asked_about_an_agent_before_its_user_has_logged_in_again() -> None:
    world = ClusterWorld(READY)
    process = with_agent(world)
    started(world, process)
    world.login = NEEDED
    world.lose(process)
    world.to_poll.clear()
    world.tick(10 * MUTE_LIMIT)
    assert not world.to_poll
    world.login = READY
    world.log_in()
    world.tick()
    world.poll_next()
    assert process.alive, "it has had no time yet to come back"
    world.connect(process)
    assert world.core.agents["ann", "local"].state is AgentState.CONNECTED


def test_an_agent_that_was_out_of_reach_for_long_gets_its_time_to_come_back() -> None:
    world = ClusterWorld(READY)
    process = with_agent(world)
    started(world, process)
    world.lose(process)
    world.now += 10 * MUTE_LIMIT
    world.tick()
    while world.to_poll:
        world.poll_next(known=False)
    world.tick(3.0)
    world.poll_next()  # it lives: nobody could have asked before
    assert process.alive
    assert world.core.agents["ann", "local"].id == process.id
    world.tick(MUTE_LIMIT)
    world.poll_next()
    assert not process.alive, "and not for ever"


def test_an_agent_on_a_cluster_has_longer_to_connect() -> None:
    world = ClusterWorld(READY)
    world.submit()
    world.start_next()
    world.tick(START_LIMIT + 5.0)
    assert not world.to_poll
    world.tick(CLUSTER_START_LIMIT)
    world.poll_next()
    assert ("ann", "local") not in world.core.agents or world.core.agents["ann", "local"].state is AgentState.STARTING
    assert not next(iter(world.processes.values())).alive


def test_what_somebody_wants_to_see_is_refused_at_once_where_they_have_to_log_in_first() -> None:
    world = ClusterWorld(READY)
    process = with_agent(world)
    run = started(world, process)
    world.lose(process)
    world.login = NEEDED
    world.view(run)
    refused = world.answers[world.requests]
    assert isinstance(refused, Unavailable)
    assert (refused.code, refused.detail) == ("needs-login", f"local needs your login. {STEP}")


def test_what_somebody_wants_to_see_waits_while_a_login_is_being_made() -> None:
    world = ClusterWorld(READY)
    process = with_agent(world)
    run = started(world, process)
    world.lose(process)
    world.login = Login(state="connecting")
    world.view(run)
    request = world.requests
    assert request not in world.answers
    world.login = NEEDED
    world.tick()
    assert world.answers[request].code == "needs-login"


@pytest.mark.parametrize(
    "login, state, said",
    [
        (None, "ready", ""),
        (UNTRIED, "ready", ""),
        (READY, "ready", "ready"),
        (NEEDED, "needs-login", "needs-login"),
        (Login(state="asking"), "needs-login", "asking"),
        (Login(state="unknown-host"), "needs-login", "unknown-host"),
        (Login(state="connecting"), "connecting", "connecting"),
        (LOST, "away", "lost"),
        (Login(state="refused", words="No."), "refused", "refused"),
    ],
)
def test_a_target_tells_how_its_login_stands(login: Login | None, state: str, said: str) -> None:
    (seen,) = targets(ClusterWorld(login).core, "ann", lambda _place: None, 1_000_000.0)
    assert (seen.state, seen.login) == (state, said)
    assert bool(seen.detail) == (state != "ready")
    assert (seen.cores, seen.memory, seen.cores_free, seen.memory_free, seen.wait) == (0, 0, 0, 0, None)
    assert seen.since == (1_000_000.0 if login is LOST else None)


@pytest.mark.parametrize("answers", [("secret",) * 21, ("secret" * 1000,), ("secret\nmore",), ("secret\ud800",), ("secret\0",)])
def test_answers_that_nobody_can_type_are_refused_and_not_quoted(answers: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest) as caught:
        logins.step(TargetLogin(user="ann", target="pool", answers=answers), 60.0)
    assert "secret" not in str(caught.value)


def test_web_is_told_all_of_a_login_and_the_driver_all_of_a_step() -> None:
    login = Login(
        state="asking", words="Hello.", host="h", prompts=(("Password:", False), ("Code:", True)), fingerprint="f", key_type="k",
        again=True, since=1.0,
    )  # fmt: skip
    answer = logins.answer("pool", login)
    assert answer.prompts == (Prompt(text="Password:"), Prompt(text="Code:", echo=True))
    assert {f.name for f in dataclasses.fields(Login)} | {"target"} == {f.name for f in dataclasses.fields(LoginAnswer)}
    assert (answer.words, answer.host, answer.fingerprint, answer.key_type, answer.again, answer.since) == (
        "Hello.", "h", "f", "k", True, 1.0,
    )  # fmt: skip
    assert logins.answer("local", None).state == "not-needed"
    assert logins.answer("pool", UNTRIED).state == "needs-login"
    step = logins.step(TargetLogin(user="ann", target="pool", answers=("secret",), name="ann2", wait=1e9), 60.0)
    assert (step.answers, step.name, step.wait, step.begin, step.end) == (("secret",), "ann2", 60.0, False, False)
    assert "secret" not in repr(step)
