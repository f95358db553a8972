"""The page in a real Chromium: what its first visit costs, what a second one, and how soon a change of state is seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, BrowserContext, Page, Response

from bench.figures import Row, median, ms, percentile
from bench.yard import Yard
from tests.system.page_kit import chromium

#: Told to each page before any of its own scripts: notes when the first view has been painted, presses the first thing that
#: leads somewhere, and notes when that has been painted.
_WATCH = """
    addEventListener('DOMContentLoaded', () => {
        const painted = (then) => requestAnimationFrame(() => setTimeout(then));
        let view = 0;
        const look = () => {
            if (!view && document.querySelector('.code-card')) {
                view = 1;
                painted(() => { window.shown = performance.now(); document.querySelector('nav a[href$="simulations"]').click(); });
            } else if (view === 1 && document.querySelector('nav a[href$="simulations"][aria-current=page]')) {
                view = 2;
                painted(() => { window.handled = performance.now(); });
            }
        };
        new MutationObserver(look).observe(document, {subtree: true, childList: true, attributes: true});
    });
"""
_DONE = """() => new Promise((done) => {
    const timer = setInterval(() => { if (window.handled) { clearInterval(timer); done([window.shown, window.handled]); } }, 20);
})"""
#: Notes when the state of the run that is shown has become another word.
_STATE = """
    window.states = [];
    new MutationObserver(() => {
        const word = document.querySelector('main .state-line')?.textContent ?? '';
        if (word && word !== states.at(-1)?.[0]) states.push([word, (performance.timeOrigin + performance.now()) / 1000]);
    }).observe(document, {subtree: true, childList: true, characterData: true});
"""


@contextmanager
def visitor(browser: Browser, yard: Yard) -> Iterator[BrowserContext]:
    """A browser that has a session, and nothing in its cache."""
    context = browser.new_context(viewport={"width": 1360, "height": 860}, base_url=yard.url)
    context.request.get(yard.client.login_address())
    yield context
    context.close()


def visit(page: Page) -> tuple[float, float, list[Response]]:
    """Go to the page; answers with the times of the first view and of the first click's effect (seconds), and what came from the server."""
    loaded: list[Response] = []
    page.goto("about:blank")

    def keep(one: Response) -> None:  # a builtin method is nothing that Playwright can remember
        loaded.append(one)

    page.on("response", keep)
    page.goto("/")
    shown, handled = page.evaluate(_DONE)
    page.remove_listener("response", keep)
    fresh = [one for one in loaded if one.status == 200 and (one.url.endswith("/") or "/static/" in one.url) and not cached(one)]
    return shown / 1000, handled / 1000, fresh


def cached(response: Response) -> bool:
    """Whether the browser had it already: nothing of it has passed the network."""
    return int(response.request.sizes()["responseBodySize"]) <= 0 or response.request.timing["requestStart"] < 0


def first_load(times: int) -> list[Row]:
    """A first visit with an empty cache, and a second one, each to the first view and the first click."""
    with Yard() as yard:
        return _first_load(yard, times)


def _first_load(yard: Yard, times: int) -> list[Row]:
    first, second, handled = [], [], []
    sizes, plain, again = 0, 0, 0
    files = 0
    with chromium() as browser:
        for _ in range(times):
            with visitor(browser, yard) as context:
                page = context.new_page()
                page.add_init_script(_WATCH)
                shown, done, loaded = visit(page)
                first.append(shown)
                handled.append(done)
                sizes = sum(int(one.request.sizes()["responseBodySize"]) for one in loaded)
                plain, files = sum(len(one.body()) for one in loaded), len(loaded)
                shown, _, loaded = visit(page)
                second.append(shown)
                again = len(loaded)
    return [
        Row(
            what="first visit: what the page loads, without plots",
            measured=f"{sizes / 1000:.0f} kB compressed, {files} files",
            beside=f"uncompressed: {plain / 1000:.0f} kB",
            ratio=f"{sizes / plain:.0%}",
            budget="≤ 250 kB",
            meets=sizes <= 250_000,
        ),
        Row(
            what="first visit → the first view stands, and the first click has its effect",
            measured=f"{ms(median(first))}, {ms(median(handled))} ({times} visits)",
            beside=f"a second visit, which loads {again} files: {ms(median(second))}",
            ratio=f"{median(first) / median(second):.1f} ×",
            budget="≤ 1 s",
            meets=median(handled) <= 1,
        ),
    ]


def change(times: int) -> list[Row]:
    """The job cmd writes its final event → the page shows the new state."""
    with Yard() as yard:
        return [_change(yard, times)]


def _change(yard: Yard, times: int) -> Row:
    simulation = yard.client.create_simulation("trivial", "page", inputs={"seconds": 0.4})
    lags = []
    with chromium() as browser, visitor(browser, yard) as context:
        page = context.new_page()
        page.add_init_script(_STATE)
        page.goto("/")
        for n in range(times):
            page.goto("/#/codes")
            page.locator(".code-card").first.wait_for()
            page.evaluate("() => { states.length = 0; }")
            run = yard.client.start(yard.client.copy_simulation(simulation["id"], f"page {n}")["id"], "sleep", reuse=False)
            page.goto(f"/#/runs/{run.id}")
            run.wait(30)
            page.locator(".state-line", has_text="Completed").wait_for()
            seen = page.evaluate("states")
            lines = (yard.home / "users" / "me" / "runs" / run.id / "events.jsonl").read_text().splitlines()
            first = next(n for n, (words, _) in enumerate(seen) if "Completed" in words)
            if first:  # else the page came too late to see the run before its end
                lags.append(seen[first][1] - json.loads(lines[-1])["at"])
    return Row(
        what="state change in the run's folder → the page shows it",
        measured=f"{ms(median(lags))} median, {ms(percentile(lags, 99))} p99 ({len(lags)} changes)",
        beside="the time that the job cmd wrote",
        ratio=f"+{ms(median(lags))}",
        budget="≤ 100 ms",
        meets=median(lags) <= 0.100,
    )
