"""A code that cannot run where its run would go: the page says so before Run is pressed, and how it comes there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.system.page_kit import Screen, Yard

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
TOML = 'title = "Late"\npython = "late"\nrequires = ["a-package>=1"]\n[models.go]\nkind = "long"\n'
MISSING: dict[str, Any] = {
    "code": "late", "target": "local", "kind": "sbatch", "state": "missing", "detail": "Late is not installed on pool.",
    "remedy": "simyard code install late --target pool", "version": "", "wanted": "0123", "versions": {}, "missing": ["a-package>=1"],
    "installable": True,
}  # fmt: skip
TOLD: dict[str, Any] = {
    "state": "running", "step": "downloading", "fraction": 0.4, "lines": ["Collecting a-package"], "error": "", "code": "",
    "python": "3.11.2", "platform": "x86_64-glibc-2.36",
}  # fmt: skip


@pytest.fixture(scope="module")
def site_codes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    (folder / "late").mkdir()
    (folder / "late" / "code.toml").write_text(TOML)
    (folder / "late" / "code.py").write_text("def prepare(run): return ['true']\n")
    return folder


def test_a_code_that_is_missing_is_told_before_a_run(screen: Screen, yard: Yard) -> None:
    simulation = yard.client.create_simulation("late", "Too early")["id"]
    page = screen.page
    page.goto(f"/#/simulations/{simulation}")
    line = page.locator(".lacking")
    expect(line).to_contain_text("It is not installed. Until that is put right, no run starts there.")
    expect(line.locator("code")).to_have_text("simyard code install late")
    screen.picture("lacking")


def test_a_cluster_is_made_ready_from_the_page_and_says_what_it_cannot(screen: Screen, yard: Yard) -> None:
    answers: list[dict[str, Any]] = [
        {**TOLD, "state": "failed", "error": "The package index could not be reached.", "code": "no-network"},
        {**TOLD, "state": "done", "step": "done", "fraction": 1.0},
    ]
    standings, begun = [MISSING], []

    def listed(route: Route) -> None:
        route.fulfill(json={"items": standings, "cursor": ""})

    def install(route: Route) -> None:
        if route.request.method == "POST":
            begun.append(json.loads(route.request.post_data or ""))
            route.fulfill(status=202, json=TOLD)
            return
        told = answers.pop(0) if len(answers) > 1 or len(begun) > 1 else answers[0]
        if told["state"] == "done":
            standings.clear()
        route.fulfill(json=told)

    simulation = yard.client.create_simulation("late", "On a cluster")["id"]
    page = screen.page
    page.route("**/api/v1/codes/targets?*", listed)
    page.route("**/api/v1/codes/late/targets/local/install", install)
    page.goto(f"/#/simulations/{simulation}")
    line = page.locator(".lacking")
    expect(line).to_contain_text("Late is not installed on pool.")
    expect(line).to_contain_text("An environment in your own folder there, with a-package>=1.")
    line.get_by_role("button", name="Install it on local").click()
    expect(line.get_by_role("alert")).to_contain_text("The package index could not be reached.")
    expect(line).to_contain_text("What local cannot fetch is fetched where Simyard is, and sent, by the command below.")
    expect(line.locator("code")).to_have_text("simyard code install late --target pool")
    screen.picture("lacking-cluster")
    line.get_by_role("button", name="Install it on local").click()
    expect(line).to_have_count(0)
    assert begun == [{}, {}]


def test_a_card_says_on_which_other_targets_its_code_is_not_ready(screen: Screen) -> None:
    page = screen.page

    def targets(route: Route) -> None:
        found = route.fetch().json()
        pool = {**found["items"][0], "name": "pool", "kind": "sbatch", "state": "ready"}
        route.fulfill(json={**found, "items": [*found["items"], pool]})

    page.route("**/api/v1/targets?*", targets)
    page.route(
        "**/api/v1/codes/targets?*", lambda route: route.fulfill(json={"items": [{**MISSING, "target": "pool"}], "cursor": ""})
    )
    page.goto("/#/codes")
    page.reload()
    card = page.locator("#code-late").locator("xpath=ancestor::article")
    card.get_by_text("Not ready on pool").click()
    expect(card.locator(".elsewhere")).to_contain_text("Late is not installed on pool.")
    expect(card.locator(".elsewhere code")).to_have_text("simyard code install late --target pool")
    expect(page.locator("#code-grayscott").locator("xpath=ancestor::article").locator(".elsewhere")).to_have_count(0)
    screen.picture("lacking-card")
