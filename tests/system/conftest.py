"""What system tests begin with: a Simyard for each file, where its runs go, a browser, and screens on which nothing may be
complained of."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.docker_engine import Engine
from tests.madx_environment import Runs
from tests.slurm_site import Site
from tests.system.axe_kit import examine, prepare
from tests.system.page_kit import Screen, Yard, chromium, install_madx, looked_after, name_of
from tests.system.targets import LOCAL, Target, batch, box
from tests.system.through_kit import Through


@pytest.fixture(scope="module")
def site_codes() -> Path:
    """The folder of codes that a file's Simyard has beside those that come along."""
    return Path(__file__).parent / "codes"


@pytest.fixture(scope="module")
def target(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Where runs go: this machine, or where the mark `on_each_target` wants them."""
    match getattr(request, "param", LOCAL.name):
        case "docker":
            engine: Engine = request.getfixturevalue("engine")
            yield box(engine)
            engine.remove_everything()
        case "slurm":
            pool: Site = request.getfixturevalue("pool")
            yield batch(pool)
            pool.clear()
        case _:
            yield LOCAL


@pytest.fixture(scope="module")
def yard(request: pytest.FixtureRequest, site_codes: Path, target: Target) -> Iterator[Yard]:
    """A Simyard for this file, with MAD-X where a test of the file is marked `madx` (which an image has anyhow)."""
    # short: a Unix socket's path has an end; a process that ends may write there still
    with tempfile.TemporaryDirectory(prefix="yard-", ignore_cleanup_errors=True) as folder:
        made = Yard(Path(folder) / "home", site_codes, target)
        if target is LOCAL and any(
            item.path == request.path and item.get_closest_marker("madx") for item in request.session.items
        ):
            install_madx(made.home)
        with made:
            yield made


@pytest.fixture
def run_code(run_code: Runs, target: Target, request: pytest.FixtureRequest) -> Runs:
    """As the one that it takes the place of; where runs go anywhere but to this machine, through a whole Simyard."""
    return run_code if target is LOCAL else Through(request.getfixturevalue("yard"), run_code)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # not for longer than a file: Playwright keeps an event loop of its own in this thread
    with chromium() as found:
        yield found


@pytest.fixture
def screens() -> Iterator[list[Screen]]:
    """Screens that a test opens are closed, and nothing on them may have been complained of."""
    opened: list[Screen] = []
    yield opened
    with ExitStack() as stack:
        for screen in opened:
            stack.enter_context(looked_after(screen))


@pytest.fixture
def screen(screens: list[Screen], browser: Browser, yard: Yard, request: pytest.FixtureRequest) -> Screen:
    screens.append(Screen(browser, yard, name=name_of(request)))
    return screens[0]


@pytest.fixture(scope="module")
def looked(browser: Browser, yard: Yard) -> Iterator[Screen]:
    """One screen for all tests of a file, with axe-core in it."""
    made = Screen(browser, yard, name="axe")
    prepare(made)
    yield made
    made.close()


@pytest.fixture
def clean(looked: Screen) -> Iterator[Callable[..., None]]:
    """Looks at what is shown now; all that is wrong is said at the end of the test."""
    found: list[str] = []

    def look(what: str, at: Screen = looked) -> None:
        found.extend(examine(at, what))

    yield look
    assert not found, "\n" + "\n".join(found)
