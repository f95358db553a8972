"""Mistakes in requests and commands, on a real Simyard: each is refused in words with the next step, and changes nothing."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.bad_input_kit import LIMIT as PATIENCE
from tests.system.bad_input_kit import (
    a_small_run_works,
    address,
    answer_on,
    ask,
    command,
    connect,
    nothing_changes,
    refused,
    upload,
)
from tests.system.page_kit import Yard
from tests.system.targets import Target, on_each_target

API = "/api/v1"
LIMIT = 1 << 20
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory, target: Target) -> Iterator[Yard]:
    folder = tmp_path_factory.mktemp("y")
    (folder / "codes").mkdir()
    made = Yard(folder / "h", folder / "codes", target)
    with (made.home / "simyard.toml").open("a") as settings:
        settings.write(f"[web]\nupload_limit = {LIMIT}\n")
    with made:
        a_small_run_works(made)
        yield made
        a_small_run_works(made)


@pytest.fixture(autouse=True)
def unharmed(yard: Yard, request: pytest.FixtureRequest) -> Iterator[None]:
    # a command prepares a simulation before the run of it is refused: that one stays, to be tried again
    with nothing_changes(yard, simulations="arguments" not in request.fixturenames):
        yield


@pytest.fixture(scope="module")
def simulation(yard: Yard) -> str:
    return str(next(yard.client.simulations())["id"])


# ── what is asked for is not there, or cannot be ──


@pytest.mark.parametrize(
    "body, status, code, words",
    [
        ({"code": "nothing"}, 422, "unknown-code", ["no code called 'nothing'", "there are grayscott, "]),
        ({"code": "grayscott", "example": "nothing"}, 422, "unknown-example", ["'nothing'", "it has mitosis"]),
        ({"code": "grayscott", "inputs": {"sise": 64}}, 422, "invalid-input", ["sise", "size"]),
        ({"code": "grayscott", "inputs": {"feed": 0.5}}, 422, "invalid-input", ["Feed rate F: 0.5 is above the largest", "0.12"]),
        ({"code": "grayscott", "inputs": {"size": 1}}, 422, "invalid-input", ["Grid: 1 is below the smallest", "16 cells"]),
        ({"code": "grayscott", "inputs": {"size": "big"}}, 422, "invalid-input", ["Grid must be a whole number, not 'big'"]),
        ({"code": "grayscott", "inputs": {"size": True}}, 422, "invalid-input", ["Grid must be a whole number"]),
        ({"code": "madx", "inputs": {"job": "ring.madx"}}, 422, "invalid-input", ["no file called 'ring.madx'", "Add the file"]),
        ({"code": "grayscott", "files": {"a": "0" * 64}}, 422, "unknown-content", ["upload it first"]),
        ({"code": "grayscott", "files": {"../a": "0" * 64}}, 422, "invalid-name", ["no slashes"]),
        ({"code": "grayscott", "colour": 1}, 422, "invalid-request", ["colour"]),
        ({}, 422, "invalid-request", ["code", "required"]),
    ],
)
def test_a_simulation_that_cannot_be_is_refused(yard: Yard, body: Any, status: int, code: str, words: list[str]) -> None:
    refused(ask(yard, "POST", f"{API}/simulations", body), status, code, *words)


@on_each_target
@pytest.mark.parametrize(
    "body, status, code, words",
    [
        ({"model": "nothing"}, 422, "unknown-model", ["no model called 'nothing'", "it has evolve, preview"]),
        ({"model": "evolve", "target": "mars"}, 422, "unknown-target", ["no target called 'mars'; there are", "local"]),
        ({"model": "evolve", "resources": {"cores": 5000}}, 422, "too-many-resources", ["5000 cores", "Ask for "]),
        ({"model": "evolve", "resources": {"cores": 0}}, 422, "invalid-request", ["resources.cores"]),
        ({}, 422, "invalid-request", ["model"]),
    ],
)
def test_a_run_that_cannot_be_is_refused(
    yard: Yard, simulation: str, body: Any, status: int, code: str, words: list[str]
) -> None:
    refused(ask(yard, "POST", f"{API}/simulations/{simulation}/runs", body), status, code, *words)


def test_a_change_to_what_cannot_be_is_refused(yard: Yard, simulation: str) -> None:
    where = f"{API}/simulations/{simulation}"
    problem = refused(
        ask(yard, "PATCH", where, {"inputs": {"feed": 9, "kill": -1}}), 422, "invalid-input", "Feed rate", "Kill rate"
    )
    assert set(problem["errors"]) == {"feed", "kill"}
    refused(ask(yard, "PATCH", where, {"inputs": {"nothing": 9}}), 422, "invalid-input", "nothing")
    refused(ask(yard, "PATCH", where, {"name": "x"}, {"If-Match": '"old"'}), 412, "changed-meanwhile")


@pytest.mark.parametrize(
    "path, code",
    [
        ("/runs/01HZZZZZZZZZZZZZZZZZZZZZZZ", "unknown-run"),
        ("/runs/..%2f..%2fetc%2fpasswd", "no-such-address"),
        ("/runs/%00", "unknown-run"),
        ("/simulations/nothing", "unknown-simulation"),
        ("/codes/%ff%fe", "unknown-code"),
        ("/nothing", "no-such-address"),
    ],
)
def test_what_is_not_there_is_not_found(yard: Yard, path: str, code: str) -> None:
    refused(ask(yard, "GET", API + path), 404, code)


# ── malformed and oversize messages ──


@pytest.mark.parametrize(
    "body, headers, status, code, words",
    [
        (b"{", JSON, 400, "malformed-json", "not JSON"),
        (b"[1]", JSON, 400, "malformed-json", "must be a JSON object"),
        (b"\xff\xfe{}", JSON, 400, "malformed-json", "not JSON"),
        (b'{"code":"\xe9"}', JSON, 400, "malformed-json", "not JSON"),
        (b'{"code":"\\ud800"}', JSON, 400, "malformed-json", "surrogate"),
        (b'{"code":"a\\u0000"}', JSON, 400, "malformed-json", "NUL"),
        (b"[" * 100_000, JSON, 400, "malformed-json", "not JSON"),
        (b'{"code":"grayscott","inputs":{"feed":NaN}}', JSON, 400, "malformed-json", "NaN"),
        (b'{"code":"grayscott","inputs":{"feed":1e999}}', JSON, 400, "malformed-json", "too large"),
        (b'{"code":"grayscott"}', {"Content-Type": "text/plain"}, 415, "unsupported-media-type", "Send the body as JSON"),
        (b'{"code":"grayscott"}', {}, 415, "unsupported-media-type", "application/json"),
        (b'{"code":"' + b"x" * (4 << 20) + b'"}', JSON, 413, "too-large", "put large content into a file"),
        (None, {**JSON, "Content-Length": str(2 << 30)}, 413, "too-large", "put large content into a file"),
    ],
    ids=lambda value: value[:20] if isinstance(value, bytes) else None,
)
def test_a_body_that_is_not_as_it_must_be_is_refused(
    yard: Yard, body: bytes | None, headers: dict[str, str], status: int, code: str, words: str
) -> None:
    refused(ask(yard, "POST", f"{API}/simulations", body, headers), status, code, words)


@pytest.mark.parametrize(
    "path, headers, status, code",
    [
        ("/codes", {"X-Long": "x" * 20_000}, 431, "headers-too-large"),
        ("/codes", {f"X-{number}": "x" for number in range(200)}, 431, "headers-too-large"),
        ("/codes?" + "x" * 10_000, {}, 414, "address-too-long"),
        ("/codes", {"Transfer-Encoding": "deflate"}, 400, "malformed-request"),
        ("/codes", {"Content-Length": "-5"}, 400, "malformed-request"),
        ("/codes", {"Host": "elsewhere.example"}, 421, "wrong-host"),
    ],
    ids=["a long header", "many headers", "a long address", "a coding", "a length", "another host"],
)
def test_a_head_that_is_not_as_it_must_be_is_refused(
    yard: Yard, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    refused(ask(yard, "GET", API + path, headers=headers), status, code)


@pytest.mark.parametrize(
    "garbage", [b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00" + b"\xff" * 500 + b"\r\n\r\n"]
)
def test_what_is_not_http_is_answered_and_ended(yard: Yard, garbage: bytes) -> None:
    with socket.create_connection(address(yard), timeout=PATIENCE) as raw:
        raw.sendall(garbage)
        answer = b""
        while data := raw.recv(1 << 16):
            answer += data
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"application/problem+json" in answer
    assert b'"malformed-request"' in answer


def test_whoever_leaves_in_the_middle_harms_nobody(yard: Yard) -> None:
    for said in (b"", b"\0" * 1000, b"POST /api/v1/simulations HTTP/1.1\r\nContent-Le"):
        with socket.create_connection(address(yard), timeout=PATIENCE) as raw:
            raw.sendall(said)


# ── uploads over the limit ──


@pytest.mark.parametrize("where", ["/files/big.bin", "/simulations/{}/files/big.bin"])
def test_two_gigabytes_are_refused_before_they_are_sent(yard: Yard, simulation: str, where: str) -> None:
    # who waited for the body would wait in vain, and not answer
    with upload(yard, where.format(simulation), f"Content-Length: {2 << 30}") as raw:
        refused(answer_on(raw), 413, "too-large", str(2 << 30), str(LIMIT), "upload_limit")


def test_an_upload_of_unknown_length_is_refused_once_it_is_over_the_limit(yard: Yard) -> None:
    sent = 0
    with upload(yard, "/files/big.bin", "Transfer-Encoding: chunked") as raw:
        while not select.select([raw], [], [], 0)[0]:
            raw.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")
            sent += 0x10000
            assert sent < 64 << 20, "it reads on and on"
        refused(answer_on(raw), 413, "too-large", str(LIMIT), "nothing of it was kept", "upload_limit")


def test_an_upload_that_is_cut_off_or_malformed_is_no_file(yard: Yard) -> None:
    with upload(yard, "/files/cut.bin", "Content-Length: 100") as raw:
        raw.sendall(b"abc")
        raw.shutdown(socket.SHUT_WR)
        refused(answer_on(raw), 400, "cut-off", "Send it again")
    with upload(yard, "/files/cut.bin", "Transfer-Encoding: chunked") as raw:
        raw.sendall(b"zz\r\nabc\r\n")
        refused(answer_on(raw), 400, "malformed-body", "nothing of it was kept")


@pytest.mark.parametrize("name", ["..", ".hidden", "-rf", "a%5Cb", "%00", "x" * 300])
def test_a_file_that_cannot_be_called_so_is_refused(yard: Yard, name: str) -> None:
    refused(ask(yard, "PUT", f"{API}/files/{name}", b"x"), 422, "invalid-name")


# ── who may ──


@pytest.mark.parametrize(
    "token, code", [("", "not-logged-in"), ("wrong", "wrong-token"), ("ÿ", "wrong-token"), ("x" * 5000, "wrong-token")]
)
def test_without_the_right_token_nothing_is_told(yard: Yard, token: str, code: str) -> None:
    for method, path in (("GET", "/codes"), ("GET", "/runs"), ("GET", "/events"), ("POST", "/simulations"), ("PUT", "/files/a")):
        words = "simyard open" if code == "not-logged-in" else "the file `token`"
        refused(ask(yard, method, API + path, b"{}" if method != "GET" else None, token=token), 401, code, words)
    assert ask(yard, "GET", "/healthz", token=token)[0] == 200


def test_a_one_time_address_that_was_used_opens_nothing(yard: Yard) -> None:
    address = yard.client.login_address()
    path = address.removeprefix(yard.url)
    for status in (303, 403):
        connection = connect(yard)
        connection.request("GET", path)
        response = connection.getresponse()
        body = response.read().decode()
        connection.close()
        assert response.status == status, body
    assert "simyard open" in body


# ── the same mistakes at the terminal ──

REFUSED, USAGE = 4, 2


@pytest.mark.parametrize(
    "arguments, status, words",
    [
        (["run", "nothing"], REFUSED, "no code called 'nothing'; there are grayscott, "),
        (["run", "grayscott", "--model", "nothing"], REFUSED, "no model called 'nothing'; it has evolve, preview"),
        (["run", "grayscott", "--set", "nothing=1"], REFUSED, "no input called 'nothing'; there are feed"),
        (["run", "grayscott", "--set", "feed=7"], REFUSED, "7 is above the largest allowed value, 0.12"),
        (["run", "grayscott", "--set", "size=big"], REFUSED, "that must be a whole number"),
        (["run", "grayscott", "--on", "mars"], REFUSED, "no target called 'mars'; there are local"),
        (["run", "grayscott", "--memory", "4XB"], REFUSED, "write one like 512 MiB"),
        (["run", "grayscott", "--file", "/nothing.txt"], REFUSED, "/nothing.txt: No such file"),
        (["run", "madx", "--model", "twiss"], REFUSED, "Run `simyard code install madx` and try again"),
        (["run", "show", "01HZZZZZZZZZZZZZZZZZZZZZZZ"], REFUSED, "the list of runs has those that there are"),
        (["run", "show", "zzz"], REFUSED, "`simyard run list` shows them"),
        (["sim", "show", "nothing"], REFUSED, "`simyard sim list` shows them"),
        (["code", "install", "nothing"], REFUSED, "no code called 'nothing'"),
        (["nothing"], USAGE, "No such command 'nothing'"),
        (["run", "grayscott", "--nothing"], USAGE, "No such option"),
    ],
)
def test_a_command_says_what_is_wrong_in_a_sentence(yard: Yard, arguments: list[str], status: int, words: str) -> None:
    found, said = command("--home", str(yard.home), *arguments)
    assert found == status, said
    assert words in said
    assert status == USAGE or said.count("\n") == 1, said


def test_a_file_over_the_limit_is_refused_at_the_terminal(yard: Yard, tmp_path: Path) -> None:
    large = tmp_path / "large.madx"
    large.touch()
    os.truncate(large, 2 << 30)  # a hole: no disk is filled
    found, said = command("--home", str(yard.home), "run", "madx", "--file", str(large))
    assert found == REFUSED
    assert f"more than the limit of {LIMIT}" in said


@pytest.mark.parametrize(
    "url, token, status, words",
    [
        ("", "wrong", REFUSED, "The token is wrong; the right one is in the file `token`"),
        ("ftp://127.0.0.1", "x", REFUSED, "begins with http:// or https://"),
    ],
)
def test_a_command_that_comes_to_the_wrong_door_says_so(yard: Yard, url: str, token: str, status: int, words: str) -> None:
    found, said = command("run", "list", SIMYARD_URL=url or yard.url, SIMYARD_TOKEN=token)
    assert found == status, said
    assert words in said
    assert said.count("\n") == 1, said
