"""The parts of the shell that need no process: what is kept is bounded, what is passed on is checked, what is written is in order."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simyard.errors import NotFound, ProtocolError, Unavailable
from simyard.protocol import agents as talk
from simyard.protocol.asking import ANSWER, Pong, RunAnswer
from simyard.protocol.jobs import Kind, Resources, Run, RunSpec, State
from simyard.store.engine import StoreError
from simyard.store.records import Batch, Deleted
from simyard.supervisor import writer as writers
from simyard.supervisor.endpoints import _page
from simyard.supervisor.known import Known
from simyard.supervisor.lru import Lru
from simyard.supervisor.metrics import Counts
from simyard.supervisor.outbox import Answer, Effect, Launch, Outbox, Refuse
from simyard.supervisor.transfers import GRANT, Pushes, Transfer, Transfers
from simyard.supervisor.writer import Writer

T = TypeVar("T")


def within(work: Coroutine[Any, Any, T]) -> T:
    async def limited() -> T:
        async with asyncio.timeout(60):
            return await work

    return asyncio.run(limited())


def a_run(n: int = 1, state: State = State.RUNNING, **fields: Any) -> Run:
    made = Run(
        id=f"r{n}", user="ann", jid="j", simulation="s", simulation_revision="1", code="c", code_version="v", model="m",
        kind=Kind.QUICK, target="local", identity="i", state=state, created=1.0, queued=1.0, resources=Resources(), change=n,
    )  # fmt: skip
    return dataclasses.replace(made, **fields)


def test_a_page_that_is_too_large_for_a_message_is_shorter_and_says_where_it_goes_on() -> None:
    runs = tuple(a_run(n, results={"spectrum": "x" * 60_000}) for n in range(1, 201))
    said, cursor = [], 0
    while True:
        page = ANSWER.decode(_page(runs[cursor:], lambda last: str(last.change), more=False))
        said += page.runs
        if not page.cursor:
            break
        cursor = int(page.cursor)
    assert tuple(said) == runs


async def until_failing(writer: Writer) -> None:
    for _ in range(60_000):
        if writer.failing:
            return
        await asyncio.sleep(0.001)
    raise AssertionError("no commit failed")


# ── Lru ──


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 12), st.booleans())))
def test_what_is_kept_is_never_heavier_than_the_limit_and_is_what_was_used_last(steps: list[tuple[int, int, bool]]) -> None:
    lru: Lru[int, int] = Lru(20)
    order: dict[int, int] = {}  # the same, told slowly
    for key, weight, is_put in steps:
        if is_put:
            lru.put(key, key, weight)
            order.pop(key, None)
            order[key] = weight
            while sum(order.values()) > 20:
                del order[next(iter(order))]
        elif lru.get(key) is not None:
            order[key] = order.pop(key)
        assert lru.weight <= 20
        assert lru.weight == sum(order.values())
    assert [key for key in range(6) if lru.get(key) is not None] == sorted(order)


def test_what_is_too_heavy_alone_is_not_kept_and_drives_nothing_out() -> None:
    lru: Lru[str, str] = Lru(10)
    lru.put("a", "a", 5)
    lru.put("b", "b", 11)
    assert (lru.get("a"), lru.get("b"), len(lru)) == ("a", None, 1)


# ── Transfer ──


def test_the_agent_is_granted_what_the_client_has_taken_in_pieces_of_some_size() -> None:
    async def scene() -> None:
        granted: list[int] = []
        transfer = Transfer(granted.append)
        transfer.open(talk.Opened(op=1))
        for _ in range(4):
            transfer.put(b"x" * 60_000)
        assert granted == []
        for _ in range(3):
            assert await transfer.next(1) == b"x" * 60_000
            transfer.taken(60_000)
        assert granted == [180_000]
        assert granted[0] >= GRANT

    within(scene())


def test_more_than_was_granted_is_refused() -> None:
    async def scene() -> None:
        transfer = Transfer(lambda _size: None)
        transfer.open(talk.Opened(op=1))
        transfer.put(b"x" * talk.FIRST_CREDIT)
        with pytest.raises(ProtocolError, match="more bytes than it was granted"):
            transfer.put(b"x")

    within(scene())


def test_empty_bytes_which_cost_no_credit_do_not_pile_up() -> None:
    async def scene() -> None:
        transfer = Transfer(lambda _size: None)
        transfer.open(talk.Opened(op=1))
        for _ in range(1000):
            transfer.put(b"")
        transfer.put(b"x")
        assert await transfer.next(1) == b"x"

    within(scene())


def test_bytes_before_the_opening_are_refused_and_those_that_cross_with_the_clients_going_are_dropped() -> None:
    async def scene() -> None:
        transfer = Transfer(lambda _size: None)
        with pytest.raises(ProtocolError):
            transfer.put(b"x")
        transfer.open(talk.Opened(op=1))
        transfer.close()
        transfer.put(b"x")
        assert await transfer.next(1) is None

    within(scene())


def test_what_came_before_an_error_is_passed_on_and_then_the_error() -> None:
    async def scene() -> None:
        transfers = Transfers()
        transfer = Transfer(lambda _size: None)
        transfers.expect(7, transfer)
        transfers.on_opened(talk.Opened(op=7, size=3))
        transfers.on_bytes(7, b"abc")
        transfers.on_closed(talk.Closed(op=7, code="no-such-file", detail="gone"))
        assert (await transfer.opened(1)).size == 3
        assert await transfer.next(1) == b"abc"
        with pytest.raises(NotFound, match="gone"):
            await transfer.next(1)

    within(scene())


def test_an_agent_that_sends_nothing_is_given_up() -> None:
    async def scene() -> None:
        with pytest.raises(Unavailable, match="sent nothing"):
            await Transfer(lambda _size: None).opened(0.01)

    within(scene())


def test_what_nobody_waits_for_any_more_is_dropped() -> None:
    transfers = Transfers()
    transfers.on_opened(talk.Opened(op=1))
    transfers.on_bytes(1, b"x")
    transfers.on_closed(talk.Closed(op=1))


# ── Pushes ──


def pushed(known: Known, report: str = "beta", size: int = 4) -> Pushes:
    pushes = Pushes(known)
    message = talk.ReportPushed(op=1 << 63, run="r1", epoch=0, report=report, size=size)
    pushes.on_pushed(message, a_run(report="beta"))
    return pushes


def test_a_pushed_report_is_known_once_it_is_complete() -> None:
    known = Known([], 0)
    pushes = pushed(known)
    pushes.on_bytes(1 << 63, b"{}")
    assert known.reports.get(("r1", "beta")) is None
    pushes.on_bytes(1 << 63, b"  ")
    assert known.reports.get(("r1", "beta")) == b"{}  "


def test_a_push_of_what_is_not_the_runs_first_report_is_read_and_dropped() -> None:
    known = Known([], 0)
    pushed(known, report="another").on_bytes(1 << 63, b"{}  ")
    assert len(known.reports) == 0


def test_a_push_that_becomes_larger_than_announced_is_refused() -> None:
    with pytest.raises(ProtocolError, match="larger than it was announced"):
        pushed(Known([], 0)).on_bytes(1 << 63, b"{}   ")


def test_so_many_pushes_at_a_time_and_no_more() -> None:
    pushes = Pushes(Known([], 0))
    with pytest.raises(ProtocolError):  # noqa: PT012 - one of these
        for number in range(100):
            pushes.on_pushed(talk.ReportPushed(op=(1 << 63) + number, run="r1", epoch=0, report="x", size=9), None)


# ── Known ──


class Heard:
    def __init__(self) -> None:
        self.changes: list[int] = []

    def tell(self, change: int, line: bytes) -> None:
        assert line.endswith(b"\n")
        self.changes.append(change)

    def notice(self, line: bytes) -> None:
        self.tell(0, line)


def test_a_run_that_was_deleted_is_forgotten_told_of_and_not_brought_back_by_what_was_read_before() -> None:
    known, heard, run = Known([], 0), Heard(), a_run(3, state=State.COMPLETED)
    known.listeners.add(heard)
    known.committed([run])
    known.answer_text(run)
    known.reports.put((run.id, run.report), b"{}", 2)
    known.committed([], [Deleted(run=run.id, user=run.user, target=run.target, change=4, at=1.0)])
    assert (known.get(run.id), known.last, heard.changes) == (None, 4, [3, 4])
    assert known.reports.get((run.id, run.report)) is None
    known.remember(run)
    assert known.get(run.id) is None


def test_listeners_are_told_in_the_order_of_changes() -> None:
    known, heard = Known([], 0), Heard()
    known.listeners.add(heard)
    known.committed([a_run(3), a_run(1), a_run(2)])
    assert heard.changes == [1, 2, 3]
    assert known.last == 3


def test_a_final_run_is_no_longer_active_but_known() -> None:
    known = Known([a_run(1)], 1)
    done = a_run(1, State.COMPLETED, change=2)
    known.committed([done])
    assert known.active == {}
    assert known.get("r1") is done


def test_whoever_waits_for_a_run_is_told_when_it_is_as_wanted_or_the_time_is_over() -> None:
    async def scene() -> None:
        run = a_run(1)
        known = Known([run], 1)
        waiting = asyncio.create_task(known.until(run, lambda now: now.state is State.COMPLETED, 10))
        await asyncio.sleep(0)
        known.committed([a_run(1, change=2)])
        done = a_run(1, State.COMPLETED, change=3)
        known.committed([done])
        assert await waiting is done
        other = a_run(4)
        assert await known.until(other, lambda now: now.state is State.COMPLETED, 0.01) is other
        assert known._watchers == {}

    within(scene())


def test_a_report_that_is_no_text_or_too_large_for_a_message_does_not_go_along() -> None:
    known, heard = Known([], 0), Heard()
    known.listeners.add(heard)
    for report in (b"\xff", b"\x01" * (1 << 20)):
        known.reports.put(("r1", "beta"), report, len(report))
        known.committed([a_run(1, State.COMPLETED, report="beta")])
    assert heard.changes == [1, 1]


# ── Writer ──


class FakeStore:
    """Fails as often as told; remembers what was committed."""

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.failures, self.error = failures, error or StoreError("database-full", "Full.", retry=True)
        self.committed: list[list[str]] = []

    def commit(self, batch: Batch) -> None:
        if self.failures:
            self.failures -= 1
            raise self.error
        self.committed.append(list(batch.runs))

    def specs(self, run_ids: list[str]) -> dict[str, RunSpec]:
        return {}


class Done:
    def __init__(self) -> None:
        self.order: list[Any] = []
        self.refused: list[tuple[int, str]] = []
        self.launched: list[str] = []

    def __call__(self, batch: Batch, effects: list[Effect], specs: dict[str, RunSpec]) -> None:
        self.order += list(batch.runs)
        self.order += [effect.request for effect in effects if isinstance(effect, Answer)]
        self.refused += [(effect.request, effect.error.code) for effect in effects if isinstance(effect, Refuse)]
        self.launched += [effect.run for effect in effects if isinstance(effect, Launch)]


PONG = Pong(version="", change=0, agents=0, active=0)


@contextlib.asynccontextmanager
async def writing(store: FakeStore, out: Outbox, done: Done) -> Any:
    writer = Writer(store, out, done, Counts())
    task = asyncio.create_task(writer.run())
    yield writer
    writer.close()
    await task


def test_effects_are_done_after_their_batch_and_in_order() -> None:
    async def scene() -> None:
        out, done, store = Outbox(), Done(), FakeStore()
        async with writing(store, out, done) as writer:
            out.save(a_run(1))
            out.answer(1, PONG)
            out.answer(2, PONG)
            writer.wake()
            await asyncio.sleep(0.01)
            out.answer(3, PONG)
            out.save(a_run(2))
            writer.wake()
        assert store.committed == [["r1"], ["r2"]]
        assert done.order == ["r1", 1, 2, "r2", 3]

    within(scene())


def test_effects_with_nothing_to_commit_are_done_without_a_commit() -> None:
    async def scene() -> None:
        out, done, store = Outbox(), Done(), FakeStore()
        async with writing(store, out, done) as writer:
            out.answer(1, PONG)
            writer.wake()
        assert (store.committed, done.order) == ([], [1])

    within(scene())


class Picky(FakeStore):
    """Refuses one run, whatever it is written with."""

    def commit(self, batch: Batch) -> None:
        if "r2" in batch.runs:
            raise ValueError("a broken constraint")
        super().commit(batch)


def test_a_run_that_the_database_refuses_is_left_out_and_keeps_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writers, "FIRST_RETRY", 0.001)
    refused: list[str] = []

    async def scene() -> None:
        out, done, store = Outbox(), Done(), Picky()
        writer = Writer(store, out, done, Counts(), refused.extend)
        task = asyncio.create_task(writer.run())
        for n in (1, 2, 3):
            out.save(a_run(n))
            out.launch("a1", a_run(n))
            out.answer(n, RunAnswer(run=a_run(n)))
        writer.wake()
        writer.close()
        await task
        assert store.committed == [["r1"], ["r3"]]
        assert done.order == ["r1", "r3", 1, 3]
        assert done.refused == [(2, "not-stored")]
        assert done.launched == ["r1", "r3"]
        assert refused == ["r2"]
        assert writer.failing == ""

    within(scene())


@pytest.mark.parametrize("error", [StoreError("database-full", "Full.", retry=True), ValueError("a fault of ours")])
def test_a_commit_that_fails_is_tried_again_and_nothing_is_done_meanwhile(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writers, "FIRST_RETRY", 0.01)

    async def scene() -> None:
        out, done, store = Outbox(), Done(), FakeStore(3, error)
        async with writing(store, out, done) as writer:
            out.save(a_run(1))
            out.answer(1, PONG)
            writer.wake()
            await until_failing(writer)
            assert done.order == []
            # what arrives meanwhile waits behind it
            out.answer(2, PONG)
            out.save(a_run(2))
            writer.wake()
            assert done.order == []
        assert writer.failing == ""
        assert store.committed == [["r1"], ["r2"]]
        assert done.order == ["r1", 1, "r2", 2]

    within(scene())


def test_what_arrives_during_a_commit_is_one_transaction() -> None:
    async def scene() -> None:
        out, done, store = Outbox(), Done(), FakeStore(1)
        async with writing(store, out, done) as writer:
            out.save(a_run(1))
            writer.wake()
            await until_failing(writer)
            for number in range(2, 50):
                out.save(a_run(number))
                writer.wake()
        assert [len(batch) for batch in store.committed] == [1, 48]

    within(scene())
