"""The login to a cluster on the page, as a conversation with a host that the test plays: several questions, wrong answers, a host that is slow,
unknown, or refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from simyard.protocol.asking import Tell
from simyard.protocol.batch import Partition
from simyard.protocol.targets import LoginAnswer, Prompt, TargetLogin
from tests.contract.api_kit import WebProcess, web_process
from tests.system.axe_kit import AXE, LOOKS, violations
from tests.system.page_kit import PATIENCE

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

DEBUG = Partition(
    name="debug", up=True, default=True, nodes=1, cores=2, time_limit=600.0, max_nodes=None, min_nodes=1, memory=None
)
READY = LoginAnswer(target="pool", state="ready")


class Host:
    """Stands in the place of the login that the fake supervisor has: `now` is how it stands, `heard` what came of the page."""

    def __init__(self) -> None:
        self.now = LoginAnswer(target="pool", state="needs-login")
        #: What comes of each step, in turn.
        self.then: list[LoginAnswer] = []
        self.heard: list[TargetLogin] = []

    def step(self, question: TargetLogin) -> LoginAnswer:
        if question.end:
            self.now, self.then = LoginAnswer(target="pool", state="needs-login"), []
        elif question.begin or question.answers or question.accept:
            self.now = self.then.pop(0)
        else:
            return self.now
        self.heard.append(question)
        return self.now

    def state(self, _user: str) -> str:
        return self.now.state


@pytest.fixture(scope="module")
def web() -> Iterator[WebProcess]:
    with web_process() as made:
        made.supervisor.partitions = (DEBUG,)
        yield made


@pytest.fixture
def host(web: WebProcess) -> Host:
    made = Host()
    web.supervisor.login = made  # type: ignore[assignment]
    return made


@pytest.fixture
def page(web: WebProcess, host: Host, browser: Browser) -> Iterator[Page]:
    """The list of runs, with the cluster above it."""
    context = browser.new_context(base_url=web.url, viewport={"width": 1360, "height": 860})
    made = context.new_page()
    made.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    made.on("pageerror", lambda error: complaints.append(str(error)))
    made.on("console", lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None)
    made.goto(web.ask("POST", "/login-addresses").json["url"])
    made.goto("/#/runs")
    yield made
    context.close()
    assert not complaints


@pytest.fixture
def dialog(page: Page) -> Locator:
    return page.get_by_role("dialog", name="Log in to pool")


def asks(*prompts: Prompt, words: str = "") -> LoginAnswer:
    return LoginAnswer(target="pool", state="asking", host="login1.pool.example", words=words, prompts=prompts)


def begin(page: Page) -> None:
    page.get_by_role("button", name="Log in to pool").click()


def state(page: Page) -> Locator:
    return page.get_by_role("list", name="Clusters").locator(".place-state")


def test_each_question_is_put_in_the_hosts_words_and_answered_in_its_turn(page: Page, host: Host, dialog: Locator) -> None:
    password, code = Prompt(text="Password for ada: "), Prompt(text="Code from your phone: ", echo=True)
    host.then = [
        asks(password, words="Welcome to the pool.\nMaintenance on Monday."),
        asks(code, words="Two factors are needed."),
        asks(password, code, words="That was wrong. Both, once more."),
        READY,
    ]
    begin(page)
    expect(dialog.get_by_text("login1.pool.example asks")).to_be_visible()
    assert dialog.locator(".login-said").inner_text() == "Welcome to the pool.\nMaintenance on Monday."
    hidden = dialog.get_by_label("Password for ada:")
    expect(hidden).to_have_attribute("type", "password")
    expect(hidden).to_be_focused()
    page.keyboard.type("  s3cret with spaces ")
    page.keyboard.press("Enter")
    seen = dialog.get_by_label("Code from your phone:")
    expect(seen).to_have_attribute("type", "text")
    expect(seen).to_be_focused()
    page.keyboard.type("000000")
    page.keyboard.press("Enter")
    expect(dialog.get_by_role("alert")).to_have_text("That was wrong. Both, once more.")
    expect(hidden).to_be_focused()
    expect(hidden).to_have_value("")
    page.keyboard.type("s3cret")
    page.keyboard.press("Tab")
    page.keyboard.type("123456")
    dialog.get_by_role("button", name="Send").click()
    dialog.wait_for(state="detached")
    page.get_by_text("Logged in to pool.").wait_for()
    assert [one.answers for one in host.heard] == [(), ("  s3cret with spaces ",), ("000000",), ("s3cret", "123456")]
    assert host.heard[0].begin
    expect(state(page)).to_have_text("ready")
    assert "s3cret" not in page.content()
    assert page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, location.href])").count("s3cret") == 0


def test_a_login_that_is_closed_half_way_is_gone_on_with_and_one_that_is_given_up_is_over(
    page: Page, host: Host, dialog: Locator
) -> None:
    host.then = [asks(Prompt(text="Password:"))]
    begin(page)
    dialog.get_by_label("Password:").wait_for()
    page.keyboard.press("Escape")
    dialog.wait_for(state="detached")
    expect(state(page)).to_have_text("waits for your answer")
    expect(page.get_by_role("button", name="Log in to pool")).to_be_focused()
    page.keyboard.press("Enter")
    dialog.get_by_label("Password:").wait_for()
    assert len(host.heard) == 1, "it was not begun once more"
    dialog.get_by_role("button", name="Give up").click()
    dialog.wait_for(state="detached")
    expect(state(page)).to_have_text("needs login")
    assert host.heard[-1].end


def test_a_slow_host_is_waited_for_and_another_window_sees_how_it_stands(
    page: Page, web: WebProcess, host: Host, dialog: Locator
) -> None:
    other = page.context.new_page()
    other.goto("/#/runs")
    expect(state(other)).to_have_text("needs login")
    host.then = [LoginAnswer(target="pool", state="connecting")]
    begin(page)
    dialog.get_by_text("Connecting to pool…").wait_for()
    expect(dialog.get_by_role("button", name="Close").last).to_be_focused()
    web.supervisor.tell(Tell(user="me", what="target", id="pool"))
    expect(state(other)).to_have_text("connecting")
    host.now = asks(Prompt(text="Password:"))
    host.then = [READY]
    dialog.get_by_label("Password:").fill("x")
    page.keyboard.press("Enter")
    dialog.wait_for(state="detached")
    web.supervisor.tell(Tell(user="me", what="target", id="pool"))
    expect(state(other)).to_have_text("ready")


def test_what_is_refused_says_why_and_may_be_tried_under_another_name(page: Page, host: Host, dialog: Locator) -> None:
    changed = "The key of pool is not the one that is known. Ask the site."
    host.now = LoginAnswer(target="pool", state="refused", words=changed)
    host.then = [LoginAnswer(target="pool", state="refused", words="wrong answers.", again=True), READY]
    page.reload()
    begin(page)
    expect(dialog.get_by_role("alert")).to_have_text(changed)
    assert not host.heard, "nothing is tried before somebody says so"
    expect(dialog.get_by_role("button", name="Try again")).not_to_have_class(re.compile("primary"))
    dialog.get_by_role("button", name="Try again").click()
    expect(dialog.get_by_role("alert")).to_have_text("wrong answers.")
    expect(dialog.get_by_role("button", name="Try again")).to_be_focused()
    dialog.get_by_role("button", name="another name").click()
    page.keyboard.type("ada")
    page.keyboard.press("Enter")
    dialog.wait_for(state="detached")
    assert [one.name for one in host.heard] == ["", "ada"]


def test_a_login_can_be_ended_and_one_that_is_lost_says_since_when(page: Page, host: Host, dialog: Locator) -> None:
    host.now = READY
    page.reload()
    page.get_by_role("button", name="Login… pool").click()
    dialog.get_by_text("You are logged in to pool.").wait_for()
    host.then = [LoginAnswer(target="pool", state="lost", words="login1 is not answering.", since=1_800_000_000.0)]
    dialog.get_by_role("button", name="Log out").click()
    dialog.get_by_text("You are not logged in to pool.").wait_for()
    assert host.heard[-1].end
    host.then = [LoginAnswer(target="pool", state="lost", words="login1 is not answering.", since=1_800_000_000.0)]
    dialog.get_by_role("button", name="Connect").click()
    dialog.get_by_text(re.compile("lost since .*2027")).wait_for()
    dialog.get_by_text("login1 is not answering.").wait_for()


def test_no_step_of_a_login_violates_wcag(page: Page, host: Host, dialog: Locator) -> None:
    page.evaluate(AXE)
    unknown = LoginAnswer(
        target="pool",
        state="unknown-host",
        host="login1.pool.example",
        fingerprint="SHA256:" + "aB3/" * 10,
        key_type="ssh-ed25519",
    )
    refused = LoginAnswer(target="pool", state="refused", words="pool does not let you in.", again=True)
    host.then = [
        unknown,
        asks(Prompt(text="Password:"), Prompt(text="A very long question? " * 12, echo=True), words="Hello. " * 80),
        refused,
    ]
    faults: list[str] = []

    def look(what: str) -> None:
        for width, scheme in LOOKS:
            page.set_viewport_size({"width": width, "height": 860})
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
            page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            faults.extend(f"{what} {width} {scheme}: {one}" for one in violations(page))
            assert page.evaluate(
                "(() => { const box = document.querySelector('dialog'); return box.scrollWidth <= box.clientWidth; })()"
            ), what

    begin(page)
    dialog.get_by_label("Paste the site").fill("SHA256:other")
    look("unknown host")
    dialog.get_by_label("Paste the site").fill("")
    dialog.get_by_role("button", name="trust this host").click()
    dialog.get_by_label("Password:").wait_for()
    dialog.get_by_role("button", name="another name").click()
    look("questions")
    dialog.get_by_label("Password:").fill("x")
    dialog.get_by_role("button", name="Send").click()
    dialog.get_by_role("alert").wait_for()
    look("refused")
    assert not faults, "\n".join(faults)
