"""Behind a reverse proxy: its words are heard, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import request

from simyard.config import Config, ConfigError, WebConfig, from_settings
from simyard.testing import FakeDoor, FakeSupervisor
from simyard.web.app import create_app, make_services
from simyard.web.proxied import Proxies
from tests.unit.web.conftest import Web

SITE = WebConfig(port=0, url="https://yard.example.org", proxies=("10.1.0.0/24",))
HOST = {"Host": "yard.example.org"}
FORWARDED = {**HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[WebConfig], Web]]:
    made: list[Web] = []

    def one(config: WebConfig) -> Web:
        supervisor, now = FakeSupervisor(), [1_800_000_000.0]
        services = make_services(
            Config(home=tmp_path, web=config), "http://127.0.0.1:8760", door=FakeDoor(supervisor), now=lambda: now[0]
        )
        app = create_app(services)
        app.add_url_rule("/healthz/seen", "pages.favicon2", lambda: {"scheme": request.scheme, "from": request.remote_addr or ""})
        made.append(Web(app=app, services=services, supervisor=supervisor, now=now))
        return made[-1]

    yield one
    for web in made:
        web.services.close()


def seen(web: Web, peer: str, headers: dict[str, str]) -> Any:
    return web.client.get("/healthz/seen", headers=headers, environ_overrides={"REMOTE_ADDR": peer}).json


def test_what_the_proxy_says_of_who_asks_and_how_is_heard(make: Callable[[WebConfig], Web]) -> None:
    assert seen(make(SITE), "10.1.0.7", FORWARDED) == {"scheme": "https", "from": "203.0.113.9"}


def test_who_comes_by_the_socket_is_the_proxy(make: Callable[[WebConfig], Web]) -> None:
    assert seen(make(SITE), "", FORWARDED) == {"scheme": "https", "from": "203.0.113.9"}


def test_what_anybody_else_says_is_not_heard(make: Callable[[WebConfig], Web]) -> None:
    assert seen(make(SITE), "10.2.0.7", FORWARDED) == {"scheme": "http", "from": "10.2.0.7"}
    assert seen(make(replace(SITE, proxies=())), "127.0.0.1", FORWARDED) == {"scheme": "http", "from": "127.0.0.1"}


@pytest.mark.parametrize(
    "said, client",
    [
        ("203.0.113.9", "203.0.113.9"),
        ("6.6.6.6, 203.0.113.9", "203.0.113.9"),  # what a stranger wrote stands before what the proxy added
        ("203.0.113.9, 10.1.0.8", "203.0.113.9"),  # two proxies of ours
        ("6.6.6.6, 203.0.113.9, 10.1.0.8", "203.0.113.9"),
        ("nonsense", "10.1.0.7"),
        ("", "10.1.0.7"),
        ("203.0.113.9, <script>", "10.1.0.7"),
        ("2001:db8::1", "2001:db8::1"),
    ],
)
def test_of_a_chain_the_last_that_is_no_proxy_of_ours_asks(said: str, client: str) -> None:
    assert Proxies(("10.1.0.0/24",)).client("10.1.0.7", said) == client


def test_no_proxy_can_change_the_name_that_was_asked_for(make: Callable[[WebConfig], Web]) -> None:
    web = make(SITE)
    asked = {"Host": "evil.example", "X-Forwarded-Host": "yard.example.org", "Forwarded": "host=yard.example.org"}
    assert web.client.get("/healthz", headers=asked, environ_overrides={"REMOTE_ADDR": "10.1.0.7"}).status_code == 421
    assert web.client.get("/healthz", headers=HOST, environ_overrides={"REMOTE_ADDR": "10.1.0.7"}).status_code == 200


def test_a_browser_logs_in_by_the_public_address_and_its_cookie_never_leaves_it_without_tls(
    make: Callable[[WebConfig], Web],
) -> None:
    web = make(SITE)
    url = web.post("/login-addresses").json["url"]
    assert url.startswith("https://yard.example.org/login?once=")
    browser = web.stranger
    at = {"headers": FORWARDED, "environ_overrides": {"REMOTE_ADDR": "10.1.0.7"}}
    answer = browser.get(url.removeprefix("https://yard.example.org"), **at)
    assert answer.status_code == 303
    assert "; Secure;" in answer.headers["Set-Cookie"]
    session = browser.get("/api/v1/session", base_url="https://yard.example.org", environ_overrides={"REMOTE_ADDR": ""}).json
    changed = browser.post(
        "/api/v1/simulations",
        json={"code": "grayscott"},
        base_url="https://yard.example.org",
        headers={"Origin": "https://yard.example.org", "X-CSRF-Token": session["csrf"]},
        environ_overrides={"REMOTE_ADDR": "", "HTTP_X_FORWARDED_PROTO": "https"},
    )
    assert changed.status_code == 201, changed.json


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"url": "yard.example.org"}, "web.url"),
        ({"url": "https://yard.example.org/"}, "web.url"),
        ({"url": "https://u@yard.example.org"}, "web.url"),
        ({"proxies": ["10.0.0.1/24"]}, "web.proxies"),
        ({"proxies": ["proxy"]}, "web.proxies"),
        ({"socket": "run/web.sock"}, "web.socket"),
    ],
)
def test_addresses_that_are_none_are_refused_in_words(settings: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        from_settings(tmp_path, {"web": settings}, "simyard.toml")
    assert words in caught.value.detail
