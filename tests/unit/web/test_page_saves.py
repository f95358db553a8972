"""Undo and redo are a function of the saves that the server has kept: held to a stack of edits, over whatever chance makes."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.sync_api import Page

from simyard.clock import to_iso
from tests.page_modules import blank_page

pytestmark = pytest.mark.browser

STEPS = "async (lists) => { const { steps } = await import('/js/saves.js'); return lists.map(steps); }"


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with blank_page() as found:
        yield found


@dataclass
class Edited:
    """A simulation with a stack for each way, as an editor has them; `saves` is what the server would have kept."""

    saves: list[dict[str, Any]] = field(default_factory=list)
    back: list[int] = field(default_factory=list)
    forth: list[int] = field(default_factory=list)
    current: int = 0
    now: float = 1_800_000_000.0

    def save(self, inputs: dict[str, Any], *, restores: int | None = None, after: float = 10.0) -> int:
        self.now += after
        n = len(self.saves) + 1
        self.saves.insert(
            0, {"n": n, "revision": str(inputs), "saved": to_iso(self.now), "restores": restores, "inputs": inputs, "files": {}}
        )
        return n

    def edit(self, inputs: dict[str, Any]) -> None:
        if self.current:
            self.back.append(self.current)
        self.current = self.save(inputs)
        self.forth.clear()

    def go(self, source: list[int], target: list[int]) -> None:
        target.append(self.current)
        self.current = source.pop()
        content = next(save["inputs"] for save in self.saves if save["n"] == self.current)
        self.save(content, restores=self.current)

    def expected(self) -> dict[str, int | None]:
        return {"undo": self.back[-1] if self.back else None, "redo": self.forth[-1] if self.forth else None}


def test_undo_and_redo_go_where_an_editor_would(page: Page) -> None:
    chance = random.Random(3)
    asked, wanted = [], []
    for _ in range(60):
        edited = Edited()
        edited.edit({"a": -1})
        for step in range(30):
            way = chance.choice(["edit", "edit", "undo", "undo", "redo"])
            if way == "undo" and edited.back:
                edited.go(edited.back, edited.forth)
            elif way == "redo" and edited.forth:
                edited.go(edited.forth, edited.back)
            else:
                edited.edit({"a": step})
            asked.append(list(edited.saves))
            wanted.append(edited.expected())
    assert page.evaluate(STEPS, asked) == wanted


def test_keys_that_follow_each_other_in_one_input_are_one_step(page: Page) -> None:
    edited = Edited()
    edited.save({"a": 1, "b": 1})
    for value in (2, 23, 235):
        edited.save({"a": value, "b": 1}, after=0.3)
    edited.save({"a": 235, "b": 2}, after=0.3)
    edited.save({"a": 235, "b": 3}, after=60)
    assert page.evaluate(STEPS, [edited.saves[at:] for at in range(6)]) == [
        {"undo": 5, "redo": None},
        {"undo": 4, "redo": None},
        {"undo": 1, "redo": None},
        {"undo": 1, "redo": None},
        {"undo": 1, "redo": None},
        {"undo": None, "redo": None},
    ]
    edited.save({"a": 1, "b": 1}, restores=1)
    assert page.evaluate(STEPS, [edited.saves]) == [{"undo": None, "redo": 4}]


def test_what_looks_the_same_is_no_step(page: Page) -> None:
    edited = Edited()
    for value in (1, 2, 1):
        edited.save({"a": value, "b": 0}, after=0.2)  # a slider that went away and came back
    assert page.evaluate(STEPS, [edited.saves]) == [{"undo": None, "redo": None}]


def test_going_back_to_a_save_that_is_not_on_the_way_is_an_edit_of_its_own(page: Page) -> None:
    edited = Edited()
    for value in (1, 2):
        edited.edit({"a": value})
    edited.go(edited.back, edited.forth)
    edited.edit({"a": 3})
    edited.save({"a": 2}, restores=2)
    assert page.evaluate(STEPS, [edited.saves]) == [{"undo": 4, "redo": None}]
