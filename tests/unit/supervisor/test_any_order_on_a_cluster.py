"""The same any order of events where the target is a cluster: logins come and go beside, and Slurm says this and that."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from simyard.drivers.base import Login
from simyard.protocol.jobs import FINAL
from simyard.supervisor.explaining import explain, targets
from simyard.supervisor.outbox import StartAgent
from tests.unit.supervisor.cluster_world import ClusterWorld
from tests.unit.supervisor.reactor_world import GIB
from tests.unit.supervisor.test_any_order_of_events import AnyOrder, users

STATES = ["untried", "needs-login", "connecting", "asking", "unknown-host", "ready", "lost", "refused"]


class Guarded(ClusterWorld):
    """Nothing is started where somebody has to log in first."""

    def do(self, effect: Any) -> None:
        if isinstance(effect, StartAgent):
            assert self.login is None or self.login.may_start, "started without a login"
        super().do(effect)

    def commit(self, run: Any) -> None:
        super().commit(run)
        if run.state in FINAL and run.remote is not None:
            assert (run.remote.words, run.remote.expected, run.remote.silent_since) == ("", None, None)


class OnACluster(AnyOrder):
    world: Guarded

    def __init__(self) -> None:
        super().__init__()
        self.world = Guarded(Login(state="needs-login"), active_runs=3, queued_runs=6, analyses=1, transfers=1, disk=GIB)

    @rule(state=st.sampled_from(STATES))
    def a_login_changes(self, state: str) -> None:
        self.world.login = Login(state=state, since=self.world.now)

    @rule(user=users, state=st.sampled_from(STATES))
    def somebody_takes_a_step_of_their_login(self, user: str, state: str) -> None:
        self.world.login = Login(state=state, words="Words.")
        self.world.log_in(user)

    @precondition(lambda self: any(p.connected for p in self.living()) and self.world.stored)
    @rule(data=st.data(), words=st.sampled_from(["", "It waits."]), silent=st.sampled_from([None, 5.0]))
    def slurm_says_something(self, data: st.DataObject, words: str, silent: float | None) -> None:
        process = data.draw(st.sampled_from([p for p in self.living() if p.connected]))
        run = data.draw(st.sampled_from(list(self.world.stored.values())))
        self.world.note(process, run, job="7", words=words, silent_since=silent, epoch=data.draw(st.integers(0, 3)))

    @rule(user=users)
    def somebody_looks_at_the_targets_and_their_runs(self, user: str) -> None:
        targets(self.world.core, user, lambda _place: None, self.world.now)
        for run in self.world.core.runs.values():
            assert explain(self.world.core, run, self.world.now).summary

    def teardown(self) -> None:
        """Everybody is logged in, as part of the kind world."""
        self.world.login = Login(state="ready")
        super().teardown()


OnACluster.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestAnyOrderOnACluster = OnACluster.TestCase
