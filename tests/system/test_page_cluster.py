"""The page and a cluster behind a password: the login from wherever it is wanted, what a run asks of Slurm, and what Slurm says of it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import asyncssh
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.slurm_site import Site
from tests.system.axe_kit import examine, prepare
from tests.system.page_kit import PATIENCE, Screen, Yard, comes_true, name_of, wait_until

pytestmark = [pytest.mark.browser, pytest.mark.slurm, pytest.mark.xdist_group("slurm"), pytest.mark.timeout(300)]
#: On a busy machine an agent is copied, started and connected in this time (seconds).
LONG = 120


@pytest.fixture(scope="module")
def yard(pool: Site, site_codes: Path) -> Iterator[Yard]:
    """A Simyard whose user may have no key: the cluster asks for a password, and nothing is known of its host yet."""
    with tempfile.TemporaryDirectory(prefix="yard-", ignore_cleanup_errors=True) as folder:
        config = Path(folder) / "ssh_config"
        config.write_text(
            f"Host pool\n  HostName 127.0.0.1\n  Port {pool.sshd.port}\n  User {pool.account.name}\n"
            f"  UserKnownHostsFile {folder}/none\n  GlobalKnownHostsFile {folder}/none\n"
        )
        made = Yard(Path(folder) / "home", site_codes)
        with (made.home / "simyard.toml").open("a") as file:
            file.write(
                f'[clusters.pool]\nhost = "pool"\nssh_config = "{config}"\nown_keys = false\ninterval = 1.0\n'
                f'[clusters.pool.codes.grayscott]\npython = "{pool.python}"\n'
            )
        try:
            with made:
                yield made
        finally:
            pool.clear()


@pytest.fixture(scope="module")
def simulation(yard: Yard) -> str:
    return str(yard.client.create_simulation("grayscott", "On a cluster", example="tiny")["id"])


@pytest.fixture
def dialog(screen: Screen) -> Locator:
    return screen.page.get_by_role("dialog", name="Log in to pool")


def log_out(yard: Yard) -> None:
    yard.client.login("pool").end()


def be_logged_in(yard: Yard, pool: Site) -> None:
    """As a test needs it that is not about that."""
    if state_of(yard) != "ready":
        now = yard.client.login("pool").through(lambda _: [pool.account.password], lambda _: True)
        assert now["state"] == "ready", now


def state_of(yard: Yard) -> str:
    return str(next(one for one in yard.client.targets() if one["name"] == "pool")["login"])


def log_in(page: Page, yard: Yard, pool: Site) -> None:
    """Through the dialog, which is open, whatever it asks."""
    dialog = page.get_by_role("dialog", name="Log in to pool")
    trust = dialog.get_by_role("button", name="trust this host")
    password = dialog.get_by_label("password")
    trust.or_(password).first.wait_for()
    if trust.is_visible():
        trust.click()
    password.fill(pool.account.password)
    password.press("Enter")
    dialog.wait_for(state="detached")
    assert state_of(yard) == "ready"


def open_place(page: Page, simulation: str) -> None:
    """The run panel with the choice of the place open, and the cluster chosen."""
    page.goto(f"/#/simulations/{simulation}?model=evolve")
    page.locator(".where-button").click()
    page.get_by_role("radio", name="pool").check()


def test_a_cluster_is_logged_in_to_by_keyboard_alone(
    screen: Screen, yard: Yard, pool: Site, simulation: str, dialog: Locator
) -> None:
    page = screen.page
    page.goto(f"/#/simulations/{simulation}?model=evolve")
    page.locator(".where-button").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("radio", name="local")).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="pool")).to_be_checked()
    place = page.locator(".place", has_text="pool")
    expect(place.locator(".place-state")).to_have_text("needs login")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    # nobody has seen this host before: the fingerprint that is shown is the one of its key
    key = asyncssh.import_public_key(pool.sshd.key)
    dialog.get_by_text(key.get_fingerprint(), exact=True).wait_for()
    compare = dialog.get_by_label("Paste the site")
    compare.fill("256 SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU host (ED25519)")
    dialog.get_by_text("do not go on").wait_for()
    expect(dialog.get_by_role("button", name="trust this host")).to_be_disabled()
    screen.picture("unknown-host")
    compare.fill(f"256 {key.get_fingerprint()} host (ED25519)")
    dialog.get_by_text("They are the same.", exact=True).wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    # the host's own words, and the answer unseen
    password = dialog.get_by_label(f"{pool.account.name}@pool's password:")
    expect(password).to_be_focused()
    assert password.get_attribute("type") == "password"
    page.keyboard.type("not this one")
    screen.picture("password")
    page.keyboard.press("Enter")
    dialog.get_by_text("Permission denied, please try again.").wait_for()
    expect(password).to_be_focused()
    expect(password).to_have_value("")
    page.keyboard.type(pool.account.password)
    page.keyboard.press("Enter")
    dialog.wait_for(state="detached")
    page.get_by_text("Logged in to pool.").wait_for()
    expect(place.get_by_role("button", name="Login…")).to_be_focused()
    assert state_of(yard) == "ready"
    comes_true(page, "!document.documentElement.outerHTML.includes('needs login')")


def test_wrong_answers_end_in_words_and_may_be_tried_again(
    screen: Screen, yard: Yard, pool: Site, simulation: str, dialog: Locator
) -> None:
    page = screen.page
    log_out(yard)
    page.goto("/#/runs")
    cluster = page.get_by_role("list", name="Clusters").locator("li", has_text="pool")
    expect(cluster.locator(".place-state")).to_have_text("needs login")
    cluster.get_by_role("button", name="Log in").click()
    trust, password = dialog.get_by_role("button", name="trust this host"), dialog.get_by_label("password")
    trust.or_(password).first.wait_for()
    if trust.is_visible():
        trust.click()
    refused = dialog.get_by_text("does not let you in")
    for _ in range(10):
        password.or_(refused).first.wait_for()
        if refused.is_visible():
            break
        asked = password.element_handle()
        password.fill("wrong again")
        password.press("Enter")
        asked.wait_for_element_state("hidden")
    refused.wait_for()
    screen.picture("refused")
    page.keyboard.press("Escape")
    expect(cluster.locator(".place-state")).to_have_text("refused")
    cluster.get_by_text("refused your login").wait_for()
    cluster.get_by_role("button", name="Log in").click()
    dialog.get_by_role("button", name="Try again").click()
    log_in(page, yard, pool)
    expect(cluster.locator(".place-state")).to_have_text("ready")


def test_a_waiting_run_says_that_it_needs_a_login_and_goes_on_after_it(
    screen: Screen, yard: Yard, pool: Site, simulation: str, dialog: Locator
) -> None:
    page = screen.page
    log_out(yard)
    open_place(page, simulation)
    page.keyboard.press("Escape")
    expect(page.locator(".where-login")).to_have_text("needs login")
    page.get_by_role("button", name="Run", exact=True).click()
    why = page.locator(".why", has_text="needs your login")
    why.wait_for()
    expect(why.locator(".gate.here")).to_contain_text("Login")
    screen.picture("waits-for-login")
    why.get_by_role("button", name="Log in to pool").click()
    log_in(page, yard, pool)
    why.wait_for(state="detached", timeout=2 * PATIENCE)
    screen.page.locator(".state-line", has_text="Completed").wait_for(timeout=LONG * 1000)
    screen.wait_for_plot()


def test_what_is_asked_of_slurm_is_held_to_its_partitions_at_each_field(
    screen: Screen, yard: Yard, pool: Site, simulation: str
) -> None:
    page = screen.page
    be_logged_in(yard, pool)
    open_place(page, simulation)
    partition = page.get_by_label("Partition")
    wait_until(lambda: len(next(one for one in yard.client.targets() if one["name"] == "pool")["partitions"]) == 2, LONG)
    expect(partition.locator("option")).to_have_text(["The usual one (debug)", "debug", "regular"])
    page.get_by_text("1 node, 2 cores, up to 10 min").wait_for()
    page.get_by_label("Nodes", exact=True).fill("2")
    page.get_by_text("debug gives 1 node at most.").wait_for()
    page.get_by_label("Time limit").fill("2 h")
    page.get_by_text("debug gives 10 min at most.").wait_for()
    expect(page.get_by_role("button", name="Run", exact=True).or_(page.get_by_role("button", name="Run again"))).to_be_disabled()
    assert page.get_by_label("Nodes", exact=True).get_attribute("aria-invalid") == "true"
    screen.picture("too-much")
    partition.select_option("regular")
    page.get_by_text("debug gives").first.wait_for(state="detached")
    page.get_by_text("2 cores in all").wait_for()
    page.get_by_text("Account, QoS, GPUs and further options").click()
    page.get_by_label("Further options of sbatch").fill("--job-name=mine")
    page.get_by_text("is set by Simyard itself; leave it out.").wait_for()
    page.get_by_label("Further options of sbatch").fill("--nice=5")
    screen.picture("fits")
    page.keyboard.press("Escape")
    expect(page.locator(".where-words")).to_contain_text("pool · regular · 2 nodes · 2 cores")


def test_a_quick_model_waits_on_a_cluster_for_a_press_of_run(screen: Screen, yard: Yard, pool: Site) -> None:
    page = screen.page
    be_logged_in(yard, pool)
    made = yard.client.create_simulation("grayscott", "By hand", example="tiny")
    page.goto(f"/#/simulations/{made['id']}?model=preview")
    page.locator(".state-line.completed").wait_for(timeout=LONG * 1000)  # the one that follows, here
    page.locator(".where-button").click()
    page.get_by_role("radio", name="pool").check()
    page.keyboard.press("Escape")
    page.get_by_text("Runs when you press Run").wait_for()
    assert page.get_by_role("switch", name="Follow my changes").count() == 0
    feed = page.get_by_label("Feed rate").first
    feed.fill("0.041")
    page.get_by_text("The inputs have changed since this run").wait_for()
    screen.picture("by-hand")
    assert len(list(yard.client.runs(simulation=made["id"], limit=10))) == 1
    page.get_by_role("button", name="Run", exact=True).click()
    wait_until(lambda: [run.data["target"] for run in yard.client.runs(simulation=made["id"], limit=10)] == ["pool", "local"])
    next(iter(yard.client.runs(simulation=made["id"], limit=1))).cancel()


def test_a_run_in_the_queue_says_why_in_slurms_words_with_the_number_of_its_job(
    screen: Screen, yard: Yard, pool: Site, simulation: str
) -> None:
    page = screen.page
    changed = yard.client.change_simulation(yard.client.simulation(simulation), inputs={"seed": 77})
    pool.cluster.ask("scontrol", "update", "PartitionName=regular", "State=DOWN")
    try:
        be_logged_in(yard, pool)
        resources = {"time_limit": 900, "batch": {"partition": "regular", "extra": ["--nice=5"]}}
        run = yard.client.start(changed["id"], "evolve", target="pool", resources=resources)
        page.goto(f"/#/runs/{run.id}")
        said = page.locator(".remote")
        said.get_by_text("partition is down").wait_for(timeout=LONG * 1000)
        expect(page.locator(".state-line")).to_contain_text("In the queue of pool")
        [job] = wait_until_some(lambda: pool.submitted(run.id))
        expect(said.locator(".hint")).to_have_text(f"job {job}")
        expect(page.locator(".facts:not(.made)")).to_contain_text("1 node, 1 task, 1 core each")
        expect(page.locator(".facts:not(.made)")).to_contain_text("--nice=5")
        screen.picture("queued")
        with pool.fault("squeue", "exit 1"):
            said.get_by_text("has not answered since").wait_for(timeout=LONG * 1000)
            expect(page.locator(".state-line")).to_contain_text("In the queue of pool")
            screen.picture("silent")
        said.get_by_text("has not answered since").wait_for(state="detached", timeout=LONG * 1000)
    finally:
        pool.cluster.ask("scontrol", "update", "PartitionName=regular", "State=UP")
    page.locator(".state-line", has_text="Completed").wait_for(timeout=LONG * 1000)
    expect(page.locator(".facts:not(.made)")).to_contain_text(job)


def test_a_run_whose_login_has_ended_goes_on_and_says_what_to_do(
    screen: Screen, yard: Yard, pool: Site, simulation: str, dialog: Locator
) -> None:
    page = screen.page
    made = yard.client.create_simulation("grayscott", "Goes on", inputs={"steps": 1_000_000, "size": 256})
    be_logged_in(yard, pool)
    run = yard.client.start(made["id"], "evolve", target="pool")
    page.goto(f"/#/runs/{run.id}")
    page.locator(".state-line.running").wait_for(timeout=LONG * 1000)
    screen.expected = {503}  # what is looked at there cannot be read meanwhile
    log_out(yard)
    notice = page.locator(".notice", has_text="needs your login")
    notice.wait_for()
    expect(page.locator(".state-line")).to_contain_text("Running")
    screen.picture("logged-out")
    notice.get_by_role("button", name="Log in to pool").click()
    log_in(page, yard, pool)
    notice.wait_for(state="detached")
    page.get_by_role("button", name="Stop").click()
    page.locator(".state-line.canceled").wait_for(timeout=LONG * 1000)
    # the log that was being followed broke off with the connection
    screen.complaints = [one for one in screen.complaints if "ERR_INCOMPLETE_CHUNKED_ENCODING" not in one]


def test_no_violation_of_wcag_and_nothing_sticks_out(
    browser: Browser, yard: Yard, pool: Site, simulation: str, request: pytest.FixtureRequest
) -> None:
    screen = Screen(browser, yard, name=name_of(request))
    try:
        prepare(screen)
        page, found = screen.page, list[str]()
        screen.expected = {503}  # the plot of a run whose cluster is not logged in to

        def look(what: str) -> None:
            found.extend(examine(screen, what))
            page.set_viewport_size({"width": 360, "height": 860})
            wait_until(lambda: page.evaluate("document.documentElement.scrollWidth") <= 360)  # plots follow in a moment
            page.set_viewport_size({"width": 1360, "height": 860})

        log_out(yard)
        open_place(page, simulation)
        page.get_by_text("Account, QoS, GPUs and further options").click()
        page.get_by_label("Nodes", exact=True).fill("0")
        look("choices")
        page.locator(".place").get_by_role("button", name="Log in to pool").click()
        page.get_by_role("dialog").get_by_role("button").nth(2).wait_for()
        look("login")
        page.keyboard.press("Escape")
        page.goto("/#/runs")
        page.get_by_role("list", name="Clusters").wait_for()
        look("clusters")
        assert not found, "\n" + "\n".join(found)
        # … or what of it was on its way when its connection ended
        screen.complaints[:] = [one for one in screen.complaints if "ERR_CONTENT_LENGTH_MISMATCH" not in one]
        screen.check()
    finally:
        screen.close()


def wait_until_some(what: Callable[[], list[str]]) -> list[str]:
    """What it answers once that is not empty."""
    found: list[str] = []

    def look() -> bool:
        found[:] = what()
        return bool(found)

    wait_until(look, LONG)
    return found
