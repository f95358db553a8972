"""What the supervisor's store owes, on SQLite and on PostgreSQL."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from simyard.protocol.ids import ulid
from simyard.protocol.jobs import Kind, Progress, Resources, Run, RunSpec, State, Usage, Verdict
from simyard.store.engine import make_engine, migrate, writing
from simyard.store.jobs_tables import run as run_table
from simyard.store.jobs_tables import spec as spec_table
from simyard.store.records import AgentRecord, Batch
from simyard.store.runs import RunStore


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/jobs.db"
    make: Callable[[], str] = request.getfixturevalue("postgresql")
    return make()


@pytest.fixture
def store(url: str) -> Iterator[RunStore]:
    engine = make_engine(url)
    migrate(engine, "jobs")
    made = RunStore(engine)
    yield made
    made.close()


def a_run(n: int, **fields: object) -> Run:
    made = Run(
        id=ulid(1_700_000_000 + n, lambda size: b"\0" * size), user="ann", jid="ann.sim.twiss", simulation="sim",
        simulation_revision="r1", code="madx", code_version="0123456789ab", model="twiss", kind=Kind.QUICK, target="local",
        identity=f"identity-{n}", state=State.PENDING, created=1.7e9 + n, queued=1.7e9 + n, resources=Resources(), change=n,
    )  # fmt: skip
    return dataclasses.replace(made, **fields)  # type: ignore[arg-type]


def a_spec(run: Run, **fields: object) -> RunSpec:
    made = RunSpec(
        run=run.id, user=run.user, code=run.code, code_version=run.code_version, code_dir="/codes/madx", python="/bin/python",
        model=run.model, kind=run.kind, inputs={"energy": 3.0}, files={"ring.madx": "ab" * 32}, resources=run.resources,
        time_limit=60.0,
    )  # fmt: skip
    return dataclasses.replace(made, **fields)  # type: ignore[arg-type]


def save(store: RunStore, *runs: Run) -> None:
    store.commit(Batch(runs={run.id: run for run in runs}, specs={run.id: a_spec(run) for run in runs}))


def test_a_run_reads_as_it_was_saved_to_the_last_field(store: RunStore) -> None:
    run = a_run(
        1, state=State.FAILED, reason="Stopped: “ß” \x00 \ud800 🚀", revision=7, epoch=2, events=9, started=1.7e9, ended=1.8e9,
        progress=Progress(fraction=0.5, frames=3, message="turn 5", eta=0.1), results={"q1": 0.31, "list": [1, None, {"a": "b"}]},
        usage=Usage(wall=1.5, cpu=0.3, peak_memory=1 << 40, signal="SIGKILL"), warnings=("one", "two"), report="beta",
        waiting=(Verdict(gate="resources", passed=False, detail="2 cores"),), last_heard=1.7e9, key="k1",
    )  # fmt: skip
    save(store, run)
    assert store.get(run.id) == run


def test_a_run_that_is_not_there_is_none(store: RunStore) -> None:
    assert store.get("01HZZZZZZZZZZZZZZZZZZZZZZZ") is None


def test_saving_again_replaces_the_run_and_leaves_its_spec(store: RunStore) -> None:
    run = a_run(1)
    save(store, run)
    later = dataclasses.replace(run, state=State.STARTING, revision=2, change=9)
    store.commit(Batch(runs={run.id: later}, specs={run.id: a_spec(run, time_limit=1.0)}))
    assert store.get(run.id) == later
    assert store.specs([run.id]) == {run.id: a_spec(run)}


def test_specs_are_found_for_more_runs_than_a_statement_may_name(store: RunStore) -> None:
    runs = [a_run(n) for n in range(1, 1301)]
    save(store, *runs)
    found = store.specs([run.id for run in runs] + ["missing"])
    assert found == {run.id: a_spec(run) for run in runs}


def test_active_runs_come_in_order_of_queueing_without_the_final(store: RunStore) -> None:
    runs = [a_run(n, state=state, queued=100.0 - n) for n, state in enumerate(State)]
    save(store, *runs)
    assert [run.state for run in store.active()] == [State.CANCELING, State.RUNNING, State.STARTING, State.PENDING]


def test_pages_go_from_the_newest_to_the_oldest_of_one_user(store: RunStore) -> None:
    mine = [a_run(n) for n in range(1, 8)]
    save(store, *mine, a_run(20, user="bob"))
    newest = [run.id for run in reversed(mine)]
    first = store.page("ann", 3)
    second = store.page("ann", 3, cursor=first[-1].id)
    third = store.page("ann", 3, cursor=second[-1].id)
    assert [run.id for run in first + second + third] == newest
    assert store.page("ann", 3, cursor=third[-1].id) == []


def test_pages_are_narrowed_by_simulation_model_and_state_together(store: RunStore) -> None:
    runs = [
        a_run(1),
        a_run(2, simulation="other"),
        a_run(3, model="track"),
        a_run(4, state=State.FAILED),
        a_run(5, simulation="other", model="track", state=State.FAILED),
    ]
    save(store, *runs)

    def ids(**wanted: str) -> list[str]:
        return [run.id for run in store.page("ann", 10, **wanted)]

    assert ids(simulation="sim") == [runs[3].id, runs[2].id, runs[0].id]
    assert ids(model="track") == [runs[4].id, runs[2].id]
    assert ids(state="failed") == [runs[4].id, runs[3].id]
    assert ids(simulation="other", model="track", state="failed") == [runs[4].id]
    assert ids(model="twiss", state="failed") == [runs[3].id]
    assert ids(simulation="sim", state="completed") == []


def test_changes_come_oldest_first_each_run_once_as_it_is_now(store: RunStore) -> None:
    one, two, three = a_run(1), a_run(2), a_run(3, user="bob")
    save(store, one, two, three)
    again = dataclasses.replace(one, change=4, revision=2)
    store.commit(Batch(runs={one.id: again}))
    assert store.happened_after("ann", 0, 10) == [two, again]
    assert store.happened_after("ann", 2, 10) == [again]
    assert store.happened_after("ann", 4, 10) == []
    assert store.happened_after(None, 0, 2) == [two, three]
    assert store.last_change() == 4


def test_the_last_change_of_an_empty_store_is_nought(store: RunStore) -> None:
    assert store.last_change() == 0
    assert store.active() == []
    assert store.agents() == []


def test_the_newest_completed_run_of_the_same_identity_is_found(store: RunStore) -> None:
    save(
        store,
        a_run(1, identity="same", state=State.COMPLETED),
        a_run(2, identity="same", state=State.COMPLETED),
        a_run(3, identity="same", state=State.FAILED),
        a_run(4, identity="same", state=State.COMPLETED, user="bob"),
    )
    found = store.find_completed("ann", "same")
    assert found is not None
    assert found.id == a_run(2).id
    assert store.find_completed("ann", "another") is None
    assert store.find_completed("eve", "same") is None


def test_a_run_is_found_by_its_users_key(store: RunStore) -> None:
    save(store, a_run(1, key="k"), a_run(2, key="k", user="bob"), a_run(3), a_run(4))
    found = store.find_key("bob", "k")
    assert found is not None
    assert found.id == a_run(2).id
    assert store.find_key("ann", "") is None
    assert store.find_key("ann", "x") is None


def test_a_batch_is_all_or_nothing(store: RunStore) -> None:
    save(store, a_run(1, key="k"))
    with pytest.raises(sa.exc.IntegrityError):
        save(store, a_run(2), a_run(3, key="k"))
    assert store.get(a_run(2).id) is None
    assert store.specs([a_run(2).id]) == {}


def test_agents_are_kept_replaced_and_dropped(store: RunStore) -> None:
    one = AgentRecord(id="a1", user="ann", target="local", secret_hash="00", started=1.0)
    two = AgentRecord(id="a2", user="bob", target="local", secret_hash="11", started=2.0, handle={"pid": 7, "boot": "x"})
    store.commit(Batch(agents={"a1": one, "a2": two}))
    assert store.agents() == [one, two]
    started = dataclasses.replace(one, handle={"pid": 8})
    store.commit(Batch(agents={"a1": started}, agents_gone={"a2", "never-was"}))
    assert store.agents() == [started]


def test_a_reader_is_not_in_the_way_of_the_writer_and_sees_whole_batches(store: RunStore) -> None:
    pairs, broken = 150, []
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen = store.happened_after("ann", 0, 1000)
            if len(seen) % 2:
                broken.append(len(seen))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for n in range(pairs):
            save(store, a_run(2 * n + 1), a_run(2 * n + 2))
    finally:
        done.set()
        reader.join()
    assert broken == []
    assert len(store.happened_after("ann", 0, 1000)) == 2 * pairs


def test_what_was_committed_is_there_when_the_store_is_opened_again(url: str) -> None:
    for n in (1, 2):
        engine = make_engine(url)
        migrate(engine, "jobs")
        store = RunStore(engine)
        assert len(store.active()) == n - 1
        save(store, a_run(n))
        store.close()


def test_a_row_that_cannot_be_read_is_left_out_and_named_and_hides_no_other(
    store: RunStore, caplog: pytest.LogCaptureFixture
) -> None:
    good, bad, worse = a_run(1), a_run(2), a_run(3)
    save(store, good, bad, worse)
    with writing(store._engine) as connection:
        connection.execute(run_table.update().where(run_table.c.id == bad.id).values(data="{torn"))
        connection.execute(run_table.update().where(run_table.c.id == worse.id).values(data='{"id": 7, "news": true}'))
        connection.execute(spec_table.update().where(spec_table.c.run == bad.id).values(data="[]"))
    assert store.active() == [good]
    assert store.page("ann", 10) == [good]
    assert store.happened_after(None, 0, 10) == [good]
    assert store.get(bad.id) is None
    assert store.specs([good.id, bad.id]).keys() == {good.id}
    for one in (bad, worse):
        assert any(one.id in record.getMessage() for record in caplog.records)
