"""Script injection, tried through every text that a user, a code, a file name or a log can carry: it is shown as text, and nothing runs."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from simyard.client.http import path
from tests.system.page_kit import Screen, Yard, looked_after, name_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

#: What a script that ran would call.
TRAP = "window.hits = []; window.hit = (what) => { window.hits.push(String(what)); }"
NAME = "<img src=x onerror=\"hit('name')\">"


def bad(where: str) -> str:
    return f"<img src=x onerror=\"hit('{where}')\">"


class Watched(Screen):
    """A screen on which a script that runs, a request that leaves, and a dialog that opens are all noticed."""

    def __init__(self, browser: Browser, yard: Yard, name: str) -> None:
        super().__init__(browser, yard, name=name)
        self.away: list[str] = []
        self.pages: list[Page] = []
        self.context.add_init_script(TRAP)
        self.context.on("page", self._on_page)
        self.context.on("request", self._on_request)
        self.page.reload()

    def _on_console(self, message: ConsoleMessage) -> None:
        # so much text has no room in a figure: Plotly then gives the browser a length of infinity, which it says it does not take
        if "Expected length" not in message.text:
            super()._on_console(message)

    def _on_page(self, page: Page) -> None:
        self.pages.append(page)

    def _on_request(self, request: Any) -> None:
        if not request.url.startswith((self.yard.url, "blob:", "data:")):
            self.away.append(request.url)

    def check(self) -> None:
        assert self.page.evaluate("window.hits") == [], self.name
        assert self.page.evaluate("({}).polluted") is None
        # the browser tries nothing: what the policy would stop is not even asked for
        assert self.away == [], self.away
        assert self.pages == []
        found = self.page.locator(
            "main iframe, main object, main embed, main script, main form[action], a[href^='javascript' i], a[*|href^='data:' i]"
        )
        assert found.count() == 0, found.first.evaluate("one => one.outerHTML")
        assert self.page.evaluate(
            "[...document.querySelectorAll('a')].every((a) => /^(https?:|#|\\/|mailto:|$)/.test(a.getAttribute('href') ?? a.getAttribute('xlink:href') ?? ''))"
        )
        assert self.page.evaluate(
            "[...document.querySelectorAll('*')].every((one) => [...one.attributes].every((a) => !a.name.startsWith('on')))"
        )
        super().check()

    def look(self, place: str, wait: str = "main") -> None:
        self.page.goto(place)
        self.page.wait_for_selector(wait)
        self.page.locator(".skeletons").first.wait_for(state="detached")


@pytest.fixture
def screen(browser: Browser, yard: Yard, request: pytest.FixtureRequest) -> Iterator[Watched]:
    with looked_after(Watched(browser, yard, name_of(request))) as made:
        yield made


def test_the_words_of_a_code_and_of_its_declaration_are_text(screen: Watched, yard: Yard) -> None:
    page = screen.page
    screen.look("/#/codes")
    page.get_by_role("heading", name="<b onmouseover=hit(1)>Hostile</b>", exact=True).first.wait_for()
    page.get_by_text("<script>hit('description')</script>").first.wait_for()
    screen.picture("codes")
    made = yard.client.create_simulation("hostile", NAME)
    screen.look(f"/#/simulations/{made['id']}", ".workspace")
    page.get_by_label("<img src=x onerror=hit('input')>", exact=True).wait_for()
    page.get_by_text("<img src=x onerror=hit('group')>").first.wait_for()
    screen.picture("form")


def test_what_a_code_says_and_draws_is_text(screen: Watched, yard: Yard) -> None:
    page = screen.page
    made = yard.client.create_simulation("hostile", NAME)
    screen.look(f"/#/simulations/{made['id']}", ".workspace")
    screen.wait_for_state("Completed")
    screen.wait_for_plot()
    page.locator(".numbers", has_text="<img src=x").first.wait_for()
    for point in page.locator(".plot .point, .plot .annotation").all()[:4]:
        point.hover(force=True)
    page.mouse.move(700, 500)
    screen.picture("plot")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save the numbers as CSV").click()
    cells = [cell for row in csv.reader(Path(saved.value.path()).read_text("utf-8-sig").splitlines()) for cell in row]
    assert any("cmd()" in cell for cell in cells)
    # no spreadsheet takes a word for a formula; a number may have its sign
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@")) or (cell.startswith("-") and not cell[1:].isdigit())]
    page.get_by_role("tab", name="Map").click()
    screen.wait_for_plot()
    page.locator(".plot").first.hover()
    screen.picture("map")


def test_names_notes_tags_and_folders_of_a_user_are_text(screen: Watched, yard: Yard) -> None:
    client, page = yard.client, screen.page
    made = client.create_simulation("hostile", NAME)
    client.change_simulation(client.simulation(made["id"]), tags=[bad("tag")], folder="<b onclick=hit(1)>folder")
    run = client.start(made["id"], "shout", wait=60)
    client.http.json("PATCH", path("runs", run.id), body={"name": bad("run"), "note": bad("note"), "pinned": True})
    for place in ("simulations", "runs", f"simulations/{made['id']}?model=shout", f"runs/{run.id}"):
        screen.look(f"/#/{place}")
        page.get_by_text("<img src=x onerror=").first.wait_for()
        screen.picture(place.split("/")[0])
    page.goto("/#/<img src=x onerror=hit(1)>?file=<script>hit(2)</script>")
    page.get_by_role("heading", name="There is nothing here").wait_for()


def test_a_reason_a_log_and_what_a_run_leaves_are_text(screen: Watched, yard: Yard) -> None:
    client, page = yard.client, screen.page
    made = client.create_simulation("hostile", NAME, inputs={"amount": -1})
    run = client.start(made["id"], "shout", wait=60)
    screen.look(f"/#/runs/{run.id}")
    page.get_by_text("<script>hit('reason')</script>").first.wait_for()
    page.get_by_text("<script>hit('log')</script>").first.wait_for()
    page.get_by_text("<script>hit('ansi')</script>").first.wait_for()
    screen.picture("failed")
    files = [one["path"] for one in client.http.get(path("runs", run.id, "files"))["items"] if one["path"].startswith("work/")]
    assert len(files) == 7, files
    for file in files:
        page.goto(f"/#/runs/{run.id}?file={quote(file)}")
        page.locator(".file-viewer .view-content").wait_for()
        page.locator(".file-viewer .skeletons").first.wait_for(state="detached")
        screen.picture("file")
    # opened by its own address, a file is a download, and sandboxed
    for file in files:
        answer = page.request.get(f"/api/v1/runs/{run.id}/files/{quote(file)}")
        assert answer.ok
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]


def test_the_policy_of_the_page_allows_no_code_but_its_own_files(screen: Watched) -> None:
    policy = screen.page.request.get("/").headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    worker = screen.page.request.get("/static/js/parts/files/hdf5_worker.js").headers["content-security-policy"]
    assert worker == "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'"
