"""Any order of requests, connects, losses, slow, repeated and late messages: after each step the invariants hold, and
once the world is kind again every run comes to its end."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from simyard.protocol import rundir
from simyard.protocol.asking import RunAnswer
from simyard.protocol.jobs import FINAL
from simyard.supervisor import reactor, views
from simyard.supervisor.core import Lane
from simyard.supervisor.estimating import Wanted, wait
from simyard.supervisor.explaining import explain
from simyard.supervisor.streams import Draft
from tests.unit.supervisor.reactor_world import GIB, Execution, Process, World

users = st.sampled_from(["ann", "bob"])


class AnyOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.world = World(active_runs=3, queued_runs=6, analyses=1, transfers=1, disk=GIB)
        self.late: list[tuple[Process, Any]] = []

    # people

    @rule(
        user=users,
        simulation=st.sampled_from(["s1", "s2", "s3"]),
        model=st.sampled_from(["quick", "long"]),
        x=st.integers(0, 2),
        cores=st.integers(1, 2),
        memory=st.integers(1, 8),
        reuse=st.booleans(),
        supersede=st.booleans(),
        key=st.sampled_from(["", "", "", "k1", "k2"]),
    )
    def somebody_presses_run(self, memory: int, key: str, **asked: Any) -> None:
        before = [run.id for run in self.world.stored.values() if key and run.key == key and run.user == asked["user"]]
        answer = self.world.submit(memory=memory * GIB, key=key, **asked)
        if before:
            assert isinstance(answer, RunAnswer)
            assert answer.run.id in before, "one key made two runs"

    @precondition(lambda self: self.world.stored)
    @rule(data=st.data())
    def somebody_cancels(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(list(self.world.stored.values())))
        answer = self.world.cancel(run)
        assert answer.run.state in FINAL or answer.run.state.value == "canceling"

    @precondition(lambda self: self.world.stored)
    @rule(data=st.data())
    def somebody_deletes_a_run(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(list(self.world.stored.values())))
        answer = self.world.delete(run)
        assert (run.id in self.world.stored) == (run.state not in FINAL), answer

    @precondition(lambda self: any(p.connected for p in self.living()) and self.world.left)
    @rule(data=st.data())
    def an_agent_says_what_it_has_removed(self, data: st.DataObject) -> None:
        process = data.draw(st.sampled_from([p for p in self.living() if p.connected]))
        self.world.say_removed(process, data.draw(st.sampled_from(sorted(self.world.left))))

    @precondition(lambda self: self.world.stored)
    @rule(data=st.data())
    def somebody_looks_at_a_report(self, data: st.DataObject) -> None:
        run = data.draw(st.sampled_from(list(self.world.stored.values())))
        lane = data.draw(st.sampled_from(sorted(self.world.core.places["local"].views)))
        self.world.view(run, lane)

    @rule(user=users)
    def somebody_looks_at_the_input_of_what_is_not_yet_a_run(self, user: str) -> None:
        self.world.view(Draft(user=user, target="local"))

    @rule(user=users, lane=st.sampled_from([Lane.QUICK, Lane.LONG]), cores=st.integers(1, 3))
    def somebody_asks_what_a_run_would_wait(self, user: str, lane: Lane, cores: int) -> None:
        place = self.world.core.places["local"]
        there = wait(self.world.core, place, Wanted(user=user, lane=lane, cores=cores, memory=GIB), self.world.now)
        assert there is None or 0.0 <= there.low <= there.high

    @precondition(lambda self: self.world.core.views)
    @rule(data=st.data(), gone=st.booleans())
    def a_view_ends(self, data: st.DataObject, gone: bool) -> None:
        number = data.draw(st.sampled_from(sorted(self.world.core.views)))
        if gone:
            views.on_view_dropped(self.world.core, self.world.out, number, self.world.now)
        elif views.is_sent(self.world.core.views[number]):
            views.on_view_done(self.world.core, self.world.out, number, self.world.now)
        self.world.perform()

    @rule(user=users)
    def somebody_arrives(self, user: str) -> None:
        reactor.on_arrive(self.world.core, self.world.out, user, "local", None, self.world.now)
        self.world.perform()

    # machines

    @rule(seconds=st.sampled_from([0.01, 1.0, 5.0, 70.0, 2000.0]))
    def time_passes(self, seconds: float) -> None:
        self.world.tick(seconds)

    @precondition(lambda self: self.world.to_start)
    @rule(ok=st.booleans())
    def a_driver_answers_a_start(self, ok: bool) -> None:
        self.world.start_next(ok)

    @precondition(lambda self: self.world.to_poll)
    @rule(known=st.booleans())
    def a_driver_answers_a_poll(self, known: bool) -> None:
        self.world.poll_next(known)

    @rule()
    def a_target_answers_again(self) -> None:
        reactor.on_target_answers(self.world.core, self.world.out, "local", self.world.now)
        self.world.perform()

    @precondition(lambda self: self.world.to_check)
    @rule()
    def a_driver_says_whether_it_would_start_another_agent(self) -> None:
        self.world.check_next()

    @rule()
    def agents_are_made_anew(self) -> None:
        self.world.version = str(int(self.world.version) + 1)

    def living(self) -> list[Process]:
        return [p for p in self.world.processes.values() if p.alive]

    @precondition(lambda self: self.living())
    @rule(data=st.data())
    def an_agent_connects(self, data: st.DataObject) -> None:
        self.world.connect(data.draw(st.sampled_from(self.living())))

    @precondition(lambda self: any(p.connected for p in self.living()))
    @rule(data=st.data(), dies=st.booleans())
    def an_agent_is_lost(self, data: st.DataObject, dies: bool) -> None:
        process = data.draw(st.sampled_from([p for p in self.living() if p.connected]))
        if dies:
            self.world.kill(process)
        else:
            self.world.lose(process)

    @precondition(lambda self: any(p.connected for p in self.living()))
    @rule(data=st.data(), used=st.sampled_from([0, GIB - 1, GIB, 3 * GIB]))
    def an_agent_says_what_its_users_files_take(self, data: st.DataObject, used: int) -> None:
        self.world.say_used(data.draw(st.sampled_from([p for p in self.living() if p.connected])), used)

    @precondition(lambda self: any(p.inbox for p in self.living()))
    @rule(data=st.data())
    def an_agent_reads_a_message(self, data: st.DataObject) -> None:
        self.world.receive(data.draw(st.sampled_from([p for p in self.living() if p.inbox])))

    def executions(self) -> list[tuple[tuple[str, str], str, Execution]]:
        return [(seat, run, e) for seat, disk in self.world.disks.items() for run, e in disk.items()]

    @precondition(lambda self: any(e.alive for _, _, e in self.executions()))
    @rule(data=st.data(), what=st.sampled_from(["started", "progress", "completed", "failed", "lost", "canceled"]))
    def a_run_gets_on(self, data: st.DataObject, what: str) -> None:
        _, _, execution = data.draw(st.sampled_from([e for e in self.executions() if e[2].alive]))
        if what in (rundir.STARTED, rundir.PROGRESS):
            execution.write(what, self.world.now, fraction=0.5)
        else:
            execution.end(what, self.world.now)

    @precondition(lambda self: self.executions())
    @rule(data=st.data(), epoch=st.integers(1, 5))
    def a_disk_is_taken_back_to_an_earlier_day(self, data: st.DataObject, epoch: int) -> None:
        seat, _, execution = data.draw(st.sampled_from(self.executions()))
        for process in self.living():
            if process.seat == seat:
                self.world.kill(process)
        execution.epoch = epoch

    @precondition(lambda self: self.speakers())
    @rule(data=st.data(), keep=st.booleans())
    def an_agent_sends_events(self, data: st.DataObject, keep: bool) -> None:
        process, run, execution = data.draw(st.sampled_from(self.speakers()))
        first = data.draw(st.integers(1, max(1, len(execution.events))))
        if keep and execution.events:
            from simyard.protocol import agents as talk

            message = talk.RunEvents(run=run, epoch=execution.epoch, events=tuple(execution.events[first - 1 :]))
            self.late.append((process, message))
        self.world.report_events(process, run, first)

    def speakers(self) -> list[tuple[Process, str, Execution]]:
        return [
            (p, run, e) for p in self.living() if p.connected for run, e in self.world.disks.get(p.seat, {}).items() if e.events
        ]

    @precondition(lambda self: self.late)
    @rule(data=st.data())
    def a_late_message_arrives(self, data: st.DataObject) -> None:
        process, message = self.late.pop(data.draw(st.integers(0, len(self.late) - 1)))
        self.world.say_events(process, message)

    @rule()
    def the_supervisor_is_killed(self) -> None:
        self.world.restart()
        self.world.check()

    # in the end

    def teardown(self) -> None:
        """A kind world: agents start and answer, disks are empty, codes end. Then everything ends, and nothing is held."""
        world = self.world
        for _ in range(400):
            if not world.core.runs:
                break
            world.tick(3.0)
            while world.to_start:
                world.start_next()
            while world.to_poll:
                world.poll_next()
            while world.to_check:
                world.check_next()
            for process in self.living():
                if not process.connected and process.id in world.core.by_id:
                    world.connect(process)
                if process.connected:
                    world.say_used(process, 0)
                while process.inbox and process.connected:
                    world.receive(process)
                disk = world.disks.get(process.seat, {})
                for run in list(disk):
                    disk[run].end("completed", world.now)
                    if process.connected:
                        world.report_events(process, run)
        stuck = [explain(world.core, run, world.now) for run in world.core.runs.values()]
        assert not stuck, f"these never ended: {stuck}, {world.core.agents}, {world.processes}"
        for number in list(world.core.views):
            views.on_view_dropped(world.core, world.out, number, world.now)
        world.perform()
        place = world.core.places["local"]
        assert (place.cores_used, place.memory_used, sum(place.views.values())) == (0, 0, 0)
        assert not place.lines
        assert all(run.state in FINAL for run in world.stored.values())


AnyOrder.TestCase.settings = settings(
    max_examples=200,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TestAnyOrderOfEvents = AnyOrder.TestCase
