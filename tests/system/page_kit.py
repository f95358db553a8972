"""What the tests of the page share: a real Simyard in a home folder of its own, and a Chromium that is watched."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Response, expect, sync_playwright

from simyard import alive
from simyard.client import Client
from tests.system.targets import LOCAL, SIMYARD, Target, simyard

ROOT = Path(__file__).parents[2]
#: The browser without its own windows: it takes less of a processor than the whole one, and draws the same.
CHROMIUM = "/usr/bin/chromium-headless-shell"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
#: Screenshots of each step; not committed.
PICTURES = ROOT / "test-artifacts" / "page"
#: The environment of MAD-X is kept between test sessions, and is the one of `make demo`.
KEPT = ROOT / ".demo"
#: For a page to show something on a machine that does other work as well (milliseconds).
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)
NETWORK_CHANGED = "net::ERR_NETWORK_CHANGED"


class Yard:
    """A Simyard that runs: `url`, and a `client` for what a test does beside the page. Its runs go to `target`."""

    def __init__(self, home: Path, codes: Path, target: Target = LOCAL) -> None:
        self.home, self.target = home, target
        home.mkdir(mode=0o700)
        (home / "simyard.toml").write_text(f"codes_path = [{json.dumps(str(codes))}]\n{target.settings}", "utf-8")
        self.url = ""
        self.client: Client

    def __enter__(self) -> Self:
        self.url = json.loads(self.simyard("up", "--detach", "--port", "0", "--json"))["url"]
        self.client = Client(home=self.home, patience=PATIENCE / 1000)
        if self.target is not LOCAL:
            try:
                # whoever looks at a code has an agent made ready, and with it, which takes longest on a busy machine, its container
                self.client.code("grayscott")
                wait_until(lambda: self.agent, 120)
            except BaseException:
                self.__exit__(None, None, None)
                raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.client.http.close()
        try:
            self.simyard("down", "--stop-runs")
        finally:
            if alive.keeper(str(self.home)):
                self.simyard("down")  # runs that could not be stopped are said above; nothing else of it stays

    def simyard(self, *words: str, status: int = 0) -> str:
        """Run a command that ends with this status; answers with all that it said."""
        return simyard(self.home, *words, status=status)

    @property
    def agent(self) -> int:
        """The pid of the agent, as this machine numbers it; 0 for none."""
        return self.target.agent(self.home)

    def run_dir(self, run: str) -> Path:
        return self.target.root(self.home) / "runs" / run

    def address(self) -> str:
        """An address that lets a browser in, once."""
        return self.client.login_address()

    def kill(self, name: str) -> int:
        """Kill -9 `web` or `supervisor`, which the keeper starts again; answers with the pid that it had."""
        pid = int(alive.state(str(self.home))[name][0])
        os.kill(pid, signal.SIGKILL)
        return pid


def install_madx(home: Path) -> None:
    """Have MAD-X in that home folder: installed once, and linked."""
    KEPT.mkdir(exist_ok=True)
    subprocess.run([SIMYARD, "--home", KEPT, "code", "install", "madx"], check=True, capture_output=True, timeout=300)
    (home / "envs").symlink_to(KEPT / "envs")


class Screen:
    """One page of a browser that has a session (or not), with everything that it complained of."""

    def __init__(
        self,
        browser: Browser,
        yard: Yard,
        *,
        name: str,
        width: int = 1360,
        dark: bool = False,
        enter: bool = True,
        watch: Callable[[Response], None] | None = None,
    ) -> None:
        self.name = name
        self.yard = yard
        self.complaints: list[str] = []
        #: Statuses that the test provokes: the browser writes each into its console.
        self.expected: set[int] = set()
        self.context = browser.new_context(
            viewport={"width": width, "height": 860},
            color_scheme="dark" if dark else "light",
            # without a graphics processor each picture of what moves costs a core some milliseconds, sixty times a second
            reduced_motion="reduce",
            base_url=yard.url,
            accept_downloads=True,
        )
        self.context.add_init_script("""
            window.violations = [];
            addEventListener('securitypolicyviolation', (e) => violations.push(`${e.violatedDirective} ${e.blockedURI} ${e.sourceFile}:${e.lineNumber}`));
        """)
        self.context.set_default_timeout(PATIENCE)
        self.page: Page = self.context.new_page()
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        self.page.on("dialog", self._on_dialog)
        if watch is not None:
            self.page.on("response", watch)
        for left in reversed(range(5)):
            self.page.goto(yard.address() if enter else yard.url)
            # other tests make networks meanwhile: the browser then breaks off whatever it is loading
            kept = [complaint for complaint in self.complaints if NETWORK_CHANGED not in complaint]
            if kept == self.complaints or not left:
                break
            self.complaints = kept
        self._pictures = 0

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not any(f"status of {status}" in message.text for status in self.expected):
            self.complaints.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _on_dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def picture(self, step: str) -> None:
        """Keep what it looks like now."""
        self._pictures += 1
        PICTURES.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=PICTURES / f"{self.name}-{self._pictures:02d}-{step}.png")

    def check(self) -> None:
        """Nothing was complained of, and the Content-Security-Policy stopped nothing."""
        violations = self.page.evaluate("window.violations")
        assert not violations, f"{self.name}: {violations}"
        assert not self.complaints, f"{self.name}: {self.complaints}"

    def pick(self, code: str, example: str) -> None:
        """Start an example from the gallery."""
        self.page.goto("/#/codes")
        card = self.page.locator(".code-card").filter(has=self.page.get_by_role("heading", name=code, exact=True))
        card.wait_for()
        if (more := card.get_by_role("button", name="more example")).count():
            more.click()
        card.get_by_role("button", name=example).click()
        self.page.wait_for_selector(".workspace")

    def run_where_nothing_follows(self) -> None:
        """A quick model follows its inputs, but for a cluster, where each run is a job: there Run is pressed."""
        if self.yard.target.directory:
            self.page.get_by_text("Runs when you press Run", exact=True).first.wait_for()
            self.page.keyboard.press("Control+Enter")

    def wait_for_plot(self) -> None:
        """Until a plot of the current run stands."""
        self.page.wait_for_selector(".report:not(.is-stale)[aria-busy=false] .js-plotly-plot .main-svg", state="attached")

    def fits(self, width: int) -> None:
        """Nothing sticks out of so many pixels; plots follow a new size in a moment."""
        comes_true(self.page, f"document.documentElement.scrollWidth <= {width}")

    def state(self) -> str:
        return self.page.locator(".state-line").inner_text()

    def wait_for_state(self, words: str) -> None:
        self.page.locator(".state-line", has_text=words).wait_for()

    def drop(self, where: str, files: dict[str, str]) -> None:
        """Drop files, as from a desktop."""
        data = self.page.evaluate_handle(
            "(files) => { const d = new DataTransfer(); for (const [n, t] of Object.entries(files)) d.items.add(new File([t], n)); return d; }",
            files,
        )
        for event in ("dragenter", "dragover", "drop"):
            self.page.dispatch_event(where, event, {"dataTransfer": data})

    def close(self) -> None:
        # a request that a test answers in the server's place may be on its way still
        self.page.unroute_all(behavior="ignoreErrors")
        self.context.close()


ScreenT = TypeVar("ScreenT", bound=Screen)


@contextmanager
def looked_after(screen: ScreenT) -> Iterator[ScreenT]:
    """The screen, closed in the end; by then nothing on it may have been complained of."""
    try:
        yield screen
        screen.picture("end")
        screen.check()
    finally:
        screen.close()


def name_of(request: pytest.FixtureRequest) -> str:
    """What the screen of a test is called: after its file's part of the page, and itself."""
    part = request.path.stem.removeprefix("test_page").strip("_")
    return f"{part}-{request.node.name.removeprefix('test_')[:40]}".removeprefix("-")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser; it is gone afterwards."""
    if not shutil.which(CHROMIUM):
        raise FileNotFoundError(f"{CHROMIUM} is missing; tools/debian installs it.")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


def comes_true(page: Page, expression: str) -> None:
    """Until that is true in the page. Playwright's `wait_for_function` has the page itself evaluate it, which the policy of the
    page forbids from the second look on."""
    wait_until(lambda: page.evaluate(expression))


def wait_until(condition: Any, seconds: float = PATIENCE / 1000) -> None:
    """Until `condition()` is true; fails after that long."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.02)
