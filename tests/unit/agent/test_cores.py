"""Which cores each run is held to."""

from __future__ import annotations

from simyard.agent import cores as module
from simyard.agent.cores import Cores


class Machine:
    """Cores that are as busy as a test says; time passes when it says."""

    def __init__(self) -> None:
        self.now = 0.0
        self.seen: dict[int, tuple[int, int]] = {}

    def passes(self, seconds: float, **busy: float) -> None:
        """So many seconds, in which a core (`c3`) was busy for that part of them."""
        self.now += seconds
        for core in range(8):
            did, total = self.seen.get(core, (0, 0))
            self.seen[core] = (did + round(100 * seconds * busy.get(f"c{core}", 0.0)), total + round(100 * seconds))

    def cores(self, name: str = "me", count: int = 4) -> Cores:
        return Cores(name, range(count), lambda: dict(self.seen), lambda: self.now)


def test_runs_have_cores_of_their_own_while_there_are_enough() -> None:
    cores = Machine().cores()
    taken = [cores.take(run, 1) for run in ("a", "b", "c", "d")]
    assert sorted(taken) == [[0], [1], [2], [3]]
    cores.give("b")
    assert cores.take("e", 1) == taken[1]


def test_a_run_of_several_cores_has_that_many_and_none_twice() -> None:
    cores = Machine().cores()
    first, second = cores.take("a", 2), cores.take("b", 2)
    assert sorted(first + second) == [0, 1, 2, 3]


def test_when_all_cores_are_held_those_are_shared_that_the_fewest_have() -> None:
    cores = Machine().cores(count=2)
    assert sorted(cores.take("a", 1) + cores.take("b", 1)) == [0, 1]
    assert sorted(cores.take("c", 1) + cores.take("d", 1)) == [0, 1]


def test_a_run_that_may_use_all_cores_is_held_to_none() -> None:
    cores = Machine().cores()
    assert cores.take("a", 4) == []
    assert cores.take("b", 7) == []


def test_what_others_keep_busy_is_left_to_them() -> None:
    machine = Machine()
    machine.passes(1)
    cores = machine.cores()
    machine.passes(10, c0=0.9, c1=1.0, c3=0.5)
    assert cores.take("a", 1) == [2]
    assert cores.take("b", 1) == [3]


def test_how_busy_the_cores_are_is_not_measured_over_a_moment() -> None:
    machine = Machine()
    machine.passes(1)
    cores = machine.cores()
    machine.passes(10, c0=1.0, c1=1.0, c3=1.0)
    cores.look()
    machine.passes(0.1, c2=1.0)
    assert cores.take("a", 1) == [2]


def test_agents_of_different_users_begin_with_different_cores() -> None:
    assert {tuple(Machine().cores(f"user {number}").take("a", 1)) for number in range(40)} == {(0,), (1,), (2,), (3,)}


def test_a_run_that_an_earlier_agent_has_started_keeps_its_cores() -> None:
    cores = Machine().cores()
    cores.adopt("old", [0, 1, 2])
    assert cores.take("new", 1) == [3]


def test_nonsense_in_a_run_json_is_not_adopted() -> None:
    cores = Machine().cores(count=2)
    for nonsense in (None, "01", [7], [[0]], {"0": 1}, [0, "1"]):
        cores.adopt("old", nonsense)
        assert not cores._held


def test_this_machine_tells_how_busy_its_cores_are() -> None:
    seen = module.ticks()
    assert seen
    assert all(0 <= busy <= total for busy, total in seen.values())
