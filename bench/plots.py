"""The page's plots in a real Chromium without a graphics card: how soon one follows an input, how a film plays, what a tab holds on to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from playwright.sync_api import CDPSession, Page

from bench.figures import Row, median, ms, percentile
from bench.yard import Yard
from tests.system.page_kit import ROOT, Screen, chromium, install_madx

FIGURES = ROOT / "tests" / "system" / "codes"
#: Numbers of cells: with 24 the ring begins, and with 30 both of its tunes are half-integers, so that it has no optics.
_CELLS = [cells for cells in range(7, 54) if cells not in {24, 30}]
#: Frames a second of a film.
RATE = 24

#: Notes the first time, after an input, of each step on the way to its plot: `marks`, in milliseconds.
_WATCH = """() => {
    const mark = (step) => { window.marks[step] ??= performance.now(); };
    const {fetch} = window, {parse} = JSON, {react} = window.Plotly;
    window.marks = {};
    window.fetch = (address, options) => {
        const step = {PATCH: 'save', POST: String(address).endsWith('/runs') ? 'run' : ''}[options?.method];
        if (!step) return fetch(address, options);
        mark(`${step} asked`);
        return fetch(address, options).then((response) => { mark(`${step} answered`); return response; });
    };
    // the figure comes by the stream of events as well
    JSON.parse = (...given) => {
        const said = parse(...given);
        if (said?.figure) mark('run answered');
        return said;
    };
    window.Plotly.react = async (...given) => {
        mark('drawing');
        const done = await react(...given);
        mark('drawn');
        return done;
    };
}"""
#: What is between one step and the next.
_LEGS = {
    "save asked": "to the save", "save answered": "saved", "run asked": "to the run", "run answered": "run and its report",
    "drawing": "to Plotly", "drawn": "Plotly", "stands": "painted",
}  # fmt: skip
#: Types a value into a field; answers with the milliseconds of each step until a plot with another title `stands`, painted.
_FOLLOW = """([label, value]) => new Promise((done, fail) => {
    const title = () => document.querySelector('.js-plotly-plot .gtitle')?.textContent ?? '';
    const before = title(), field = [...document.querySelectorAll('input')].find((one) => [...(one.labels ?? [])].some((l) => l.textContent.trim().startsWith(label)));
    const began = performance.now();
    window.marks = {};
    Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set.call(field, String(value));
    field.dispatchEvent(new Event('input', {bubbles: true}));
    const look = () => {
        const report = document.querySelector('.report'), now = performance.now();
        if (now - began > 20000) return fail(new Error(`no new plot after 20 s: ${title()}`));
        if (title() === before || report.getAttribute('aria-busy') === 'true' || report.classList.contains('is-stale')) return requestAnimationFrame(look);
        return requestAnimationFrame(() => setTimeout(() => {
            const marks = {...window.marks, stands: performance.now()};
            done(Object.fromEntries(Object.entries(marks).map(([step, at]) => [step, at - began])));
        }));
    };
    look();
})"""
#: Notes when each frame of a film is painted: its title is set in the same moment.
_PAINTED = """() => {
    const seen = window.seen = []; let last = '';
    const look = (time) => {
        const title = document.querySelector('.gtitle')?.textContent ?? '';
        if (title !== last) { last = title; seen.push(time); }
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
}"""
_FRAMES = """() => new Promise((done) => {
    const timer = setInterval(() => { if (document.querySelector('.player button[aria-label=Play]')) { clearInterval(timer); done(window.seen); } }, 100);
})"""


@contextmanager
def screen(yard: Yard) -> Iterator[Screen]:
    with chromium() as browser:
        made = Screen(browser, yard, name="bench")  # type: ignore[arg-type]  # it needs `url` and `address` only
        made.page.set_default_timeout(120_000)
        try:
            yield made
        finally:
            made.close()


class _Yard(Yard):
    """With the code that draws every sort of figure, and MAD-X."""

    def __init__(self, *, madx: bool = False) -> None:
        super().__init__(codes=FIGURES)
        if madx:
            install_madx(self.home)

    def address(self) -> str:
        return self.client.login_address()


def follow(times: int) -> list[Row]:
    """An input of the built-in ring is changed → its new plot stands: saved, run, drawn."""
    seen: list[dict[str, float]] = []
    with _Yard(madx=True) as yard, screen(yard) as page:
        page.pick("MAD-X", "Electron storage ring")
        page.wait_for_state("Completed")
        page.wait_for_plot()
        page.page.evaluate(_WATCH)
        # another number of cells each time, none of them twice: nothing can be answered from before
        for cells in _CELLS[: times + 3]:
            page.page.wait_for_timeout(400)
            seen.append(page.page.evaluate(_FOLLOW, ["FODO cells", str(cells)]))
    seen = seen[3:]
    took = [one["stands"] / 1000 for one in seen]
    return [
        Row(
            what="input changed → new Twiss plot of the built-in ring stands, warm",
            measured=f"{ms(median(took))} median, {ms(percentile(took, 90))} p90 ({times} changes)",
            beside=f"the input event; of it {_legs(seen)}",
            ratio=f"+{ms(median(took))}",
            budget="≤ 300 ms",
            meets=median(took) <= 0.300,
        )
    ]


def _legs(seen: list[dict[str, float]]) -> str:
    """The median of each leg, in its order."""
    began = [0.0] * len(seen)
    told = []
    for step, words in _LEGS.items():
        ended = [one[step] for one in seen]
        told.append(f"{words} {median([later - earlier for earlier, later in zip(began, ended, strict=True)]):.0f}")
        began = ended
    return ", ".join(told) + " ms"


def film(frames: int) -> list[Row]:
    """A film of 256 × 256 cells that nobody has looked at before, played from the first to the last frame."""
    with _Yard() as yard, screen(yard) as page:
        simulation = _made(yard, frames, 0.0)
        page.page.goto(f"/#/simulations/{simulation}?model=film")
        page.wait_for_plot()
        page.page.get_by_role("button", name="Play").focus()
        page.page.evaluate(_PAINTED)
        page.page.get_by_role("button", name="Play").click()
        painted = page.page.evaluate(_FRAMES)[2:]
    gaps = [(later - earlier) / 1000 for earlier, later in pairwise(painted)]
    rate = len(gaps) / sum(gaps)
    late = sum(gap > 2.5 / RATE for gap in gaps)
    return [
        Row(
            what=f"{frames} frames of 256 × 256 cells played, each made, sent and painted for the first time",
            measured=f"{rate:.1f} frames/s, the longest pause {ms(max(gaps))}, {late} frames late by more than one",
            beside=f"the player's {RATE}/s",
            ratio=f"{rate / RATE:.2f} ×",
            budget=f"≥ {RATE} frames/s",
            meets=rate >= 0.98 * RATE,
        )
    ]


def tab(minutes: float) -> list[Row]:
    """What a tab holds on to while it shows a live run: after a collection, in the first tenth and at the end."""
    with _Yard() as yard, screen(yard) as page:
        seconds = 60 * minutes
        frames = int(seconds * 4)
        simulation = _made(yard, frames, seconds + 30, wait=0)
        page.page.goto(f"/#/simulations/{simulation}?model=film")
        page.wait_for_plot()
        devtools = page.context.new_cdp_session(page.page)
        devtools.send("Performance.enable")
        # the cache of figures fills up to its bound first
        _pass(page.page, seconds / 3)
        before = _held(devtools)
        _pass(page.page, seconds * 2 / 3)
        after = _held(devtools)
    growth = after["JSHeapUsedSize"] / before["JSHeapUsedSize"]
    nodes = after["Nodes"] / before["Nodes"]
    return [
        Row(
            what=f"memory of a tab that shows a live run with frames for {minutes:g} min",
            measured=f"{after['JSHeapUsedSize'] / 2**20:.1f} MiB, {after['Nodes']:.0f} nodes, {after['JSEventListeners']:.0f} listeners",
            beside=f"after a third of it: {before['JSHeapUsedSize'] / 2**20:.1f} MiB, {before['Nodes']:.0f} nodes, {before['JSEventListeners']:.0f} listeners",
            ratio=f"{growth:.2f} × memory, {nodes:.2f} × nodes",
            budget="stable: ≤ 1.2 ×",
            meets=growth <= 1.2 and nodes <= 1.2,
        )
    ]


def _made(yard: Yard, frames: int, seconds: float, wait: float = 60) -> str:
    simulation = yard.client.create_simulation("figures", "film", inputs={"frames": frames, "seconds": seconds})
    yard.client.start(simulation["id"], "film", reuse=False, wait=wait)
    return str(simulation["id"])


def _held(devtools: CDPSession) -> dict[str, Any]:
    """The tab's figures after a collection."""
    for _ in range(3):
        devtools.send("HeapProfiler.collectGarbage")
    return {one["name"]: one["value"] for one in devtools.send("Performance.getMetrics")["metrics"]}


def _pass(page: Page, seconds: float) -> None:
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        page.wait_for_timeout(min(1000.0, 1000 * max(0.0, limit - time.monotonic())))
