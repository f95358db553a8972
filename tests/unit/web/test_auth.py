"""Who may, and who may not."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest

from simyard.web.auth import ONCE_SECONDS, SESSION_SECONDS, BadTokenFile, ensure_token
from tests.unit.web.conftest import Web


def logged_in(web: Web) -> tuple[Any, str]:
    """A browser that is logged in, and its CSRF token."""
    url = web.post("/login-addresses").json["url"]
    browser = web.stranger
    answer = browser.get(url.removeprefix("http://127.0.0.1:8760"))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    session = browser.get("/api/v1/session")
    assert session.json["user"] == "me"
    return browser, session.json["csrf"]


def test_a_token_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "home" / "token"
    token = ensure_token(path)
    assert len(token) >= 43
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ensure_token(path) == token
    assert [entry.name for entry in path.parent.iterdir()] == ["token"]


@pytest.mark.parametrize("text, mode", [("short\n", 0o600), ("x" * 43, 0o644)])
def test_a_token_that_others_may_read_or_guess_is_refused(tmp_path: Path, text: str, mode: int) -> None:
    path = tmp_path / "token"
    path.write_text(text)
    path.chmod(mode)
    with pytest.raises(BadTokenFile):
        ensure_token(path)


def test_who_has_no_token_gets_nothing(web: Web) -> None:
    answer = web.stranger.get("/api/v1/simulations")
    assert (answer.status_code, answer.json["code"]) == (401, "not-logged-in")
    assert answer.content_type == "application/problem+json"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert web.supervisor.asked == []


@pytest.mark.parametrize("header", ["Bearer wrong", "Bearer ", "Basic bWU6bWU=", "Bearer \xe9", "bearer"])
def test_a_wrong_token_is_refused_and_not_repeated(web: Web, header: str) -> None:
    answer = web.stranger.get("/api/v1/simulations", headers={"Authorization": header})
    assert (answer.status_code, answer.json["code"]) == (401, "wrong-token")
    assert header.partition(" ")[2] in {"", "wrong"} or header not in answer.text


@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/api/openapi.json"])
def test_what_holds_nothing_secret_is_for_everybody(web: Web, path: str) -> None:
    assert web.stranger.get(path).status_code == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8760", "127.0.0.1.evil.example", "localhost.evil.example", "", ":80"]
)
def test_a_host_that_is_not_us_is_refused(web: Web, host: str) -> None:
    answer = web.client.get("/api/v1/session", headers={"Host": host})
    assert answer.status_code in {400, 421}


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:1", "127.0.0.1:8760", "[::1]:8760", "[::1]", "a.localhost", "10.1.2.3:80", "LOCALHOST"]
)
def test_names_and_addresses_of_ours_are_served(web: Web, host: str) -> None:
    assert web.client.get("/api/v1/session", headers={"Host": host}).status_code == 200


def test_a_one_time_address_lets_one_browser_in_once(web: Web) -> None:
    url = web.post("/login-addresses").json["url"]
    path = url.removeprefix("http://127.0.0.1:8760")
    first = web.stranger
    cookie = first.get(path).headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert "Path=/" in cookie
    assert first.get(path).status_code == 303  # the same browser, again
    second = web.stranger.get(path)
    assert second.status_code == 403
    assert "Set-Cookie" not in second.headers


def test_looking_at_a_one_time_address_does_not_use_it_up(web: Web) -> None:
    path = web.post("/login-addresses").json["url"].removeprefix("http://127.0.0.1:8760")
    web.stranger.head(path)
    assert web.stranger.get(path).status_code == 303


def test_a_one_time_address_has_its_time(web: Web) -> None:
    path = web.post("/login-addresses").json["url"].removeprefix("http://127.0.0.1:8760")
    web.now[0] += ONCE_SECONDS + 1
    assert web.stranger.get(path).status_code == 403


def test_a_one_time_address_has_the_name_that_it_was_asked_by(web: Web) -> None:
    answer = web.post("/login-addresses", headers={"Host": "localhost:9999"})
    assert answer.headers["Location"].startswith("http://localhost:9999/login?once=")


def test_a_session_ends_when_its_time_is_over(web: Web) -> None:
    browser, _ = logged_in(web)
    web.now[0] += SESSION_SECONDS + 1
    assert browser.get("/api/v1/session").status_code == 401


def test_a_session_ends_at_logout_for_every_copy_of_its_cookie(web: Web) -> None:
    browser, csrf = logged_in(web)
    cookie = browser.get_cookie(web.services.keys.cookie)
    assert cookie is not None
    assert browser.delete("/api/v1/session", headers={"X-CSRF-Token": csrf}).status_code == 204
    copy = web.stranger
    copy.set_cookie(web.services.keys.cookie, cookie.value)
    assert copy.get("/api/v1/session").status_code == 401


def test_a_cookie_that_was_changed_is_worth_nothing(web: Web) -> None:
    browser, _ = logged_in(web)
    cookie = browser.get_cookie(web.services.keys.cookie)
    assert cookie is not None
    secret, expires, signature = cookie.value.split(".")
    for forged in (
        f"{secret}.9{expires}.{signature}",
        f"x{secret}.{expires}.{signature}",
        f"{secret}.{expires}.",
        "",
        "é",
        "a.b.c",
    ):
        thief = web.stranger
        thief.set_cookie(web.services.keys.cookie, forged)
        assert thief.get("/api/v1/session").status_code == 401


@pytest.mark.parametrize(
    "headers, code",
    [
        ({}, "wrong-csrf-token"),
        ({"X-CSRF-Token": "0" * 64}, "wrong-csrf-token"),
        ({"X-CSRF-Token": "right", "Origin": "http://evil.example"}, "wrong-origin"),
        ({"X-CSRF-Token": "right", "Origin": "null"}, "wrong-origin"),
        ({"X-CSRF-Token": "right", "Origin": "http://localhost:81"}, "wrong-origin"),
        ({"X-CSRF-Token": "right", "Sec-Fetch-Site": "cross-site"}, "wrong-origin"),
    ],
)
def test_a_change_from_a_foreign_page_is_refused(web: Web, headers: dict[str, str], code: str) -> None:
    browser, csrf = logged_in(web)
    sent = {name: csrf if value == "right" else value for name, value in headers.items()}
    answer = browser.post("/api/v1/simulations", json={"code": "grayscott"}, headers=sent)
    assert (answer.status_code, answer.json["code"]) == (403, code)
    assert web.get("/simulations").json["items"] == []


@pytest.mark.parametrize(
    "more", [{}, {"Origin": "http://localhost"}, {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}]
)
def test_a_change_from_our_page_is_made(web: Web, more: dict[str, str]) -> None:
    browser, csrf = logged_in(web)
    answer = browser.post("/api/v1/simulations", json={"code": "grayscott"}, headers={"X-CSRF-Token": csrf, **more})
    assert answer.status_code == 201


def test_csrf_tokens_are_those_of_one_session(web: Web) -> None:
    first, _ = logged_in(web)
    _, other = logged_in(web)
    assert first.post("/api/v1/simulations", json={"code": "grayscott"}, headers={"X-CSRF-Token": other}).status_code == 403


def test_every_answer_tells_the_browser_what_it_may_not(web: Web) -> None:
    answers: list[Any] = [web.stranger.get("/"), web.get("/codes"), web.get("/nowhere"), web.stranger.get("/api/v1/codes")]
    for answer in answers:
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        policy = answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_secrets_do_not_reach_the_log(web: Web, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    url = web.post("/login-addresses").json["url"]
    web.stranger.get(url.removeprefix("http://127.0.0.1:8760"))
    web.stranger.post("/login?once=abcdef")
    nonce = url.partition("once=")[2]
    assert "/login" in caplog.text
    for secret in (nonce, web.services.keys.token, "abcdef"):
        assert secret not in caplog.text


def test_another_users_things_are_not_there(web: Web) -> None:
    mine = web.simulation()
    run = web.run(mine["id"])
    store = web.services.simulations
    theirs = store.get("me", mine["id"])
    with pytest.raises(Exception, match="no simulation"):
        store.get("somebody", theirs.id)
    web.supervisor.runs[run["id"]] = web.supervisor.change(run["id"], user="somebody")
    for path in ("", "/explain", "/log", "/files", "/bundle", "/reports/field"):
        answer = web.get(f"/runs/{run['id']}{path}")
        assert (answer.status_code, answer.json["code"]) == (404, "unknown-run")
