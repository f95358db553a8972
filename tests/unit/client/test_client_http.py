"""The client's way to the server: what is repeated, what is not, and how an error arrives."""

from __future__ import annotations

import io
import socket

import pytest

from simyard.client.http import Http, NotRunning
from simyard.errors import Conflict, InvalidRequest, SimyardError, TooLarge, Unavailable
from tests.unit.client.small_server import Handler, problem, serving, value


def test_an_answer_is_json_and_the_token_goes_along() -> None:
    with serving(value({"a": 1})) as server, Http(server.url, "secret") as http:
        assert http.get("/api/v1/codes") == {"a": 1}
        assert server.asked[0][2]["Authorization"] == "Bearer secret"


def test_one_connection_serves_many_requests() -> None:
    with serving(value(1)) as server, Http(server.url, "") as http:
        assert [http.get("/x") for _ in range(5)] == [1] * 5
        assert server.connections == 1


def test_a_kept_connection_that_the_server_has_closed_is_replaced_and_nobody_notices() -> None:
    def and_close(handler: Handler) -> None:
        handler.say(200, 1)
        handler.hang_up()

    with serving(and_close, value(2)) as server, Http(server.url, "", patience=0) as http:
        assert http.get("/x") == 1
        assert http.json("POST", "/x", body={}) == 2
        assert server.connections == 2


def test_a_problem_becomes_the_error_that_it_was() -> None:
    with (
        serving(problem(409, "active-run", "Another run is active.", run="/api/v1/runs/1")) as server,
        Http(server.url, "") as http,
    ):
        with pytest.raises(Conflict) as caught:
            http.json("POST", "/x", body={})
        assert (caught.value.code, caught.value.detail, caught.value.more) == (
            "active-run",
            "Another run is active.",
            {"run": "/api/v1/runs/1"},
        )


def test_an_answer_that_is_not_simyards_is_named_as_such() -> None:
    with serving(lambda handler: handler.raw(502, b"<html>")) as server, Http(server.url, "", patience=0) as http:
        with pytest.raises(SimyardError) as caught:
            http.get("/x")
        assert caught.value.code == "not-simyard"


def test_a_read_is_repeated_while_the_supervisor_is_away() -> None:
    away = problem(503, "supervisor-away", "Ask again.")
    with serving(away, away, value("there")) as server, Http(server.url, "") as http:
        assert http.get("/x") == "there"
        assert len(server.asked) == 3


def test_what_must_not_be_done_twice_is_said_once() -> None:
    with serving(problem(503, "supervisor-away", "Ask again."), value(1)) as server, Http(server.url, "") as http:
        with pytest.raises(Unavailable):
            http.json("POST", "/x", body={})
        assert len(server.asked) == 1


def test_with_a_key_a_request_may_be_repeated_even_when_nobody_knows_whether_it_was_heard() -> None:
    with serving(Handler.hang_up, value(1)) as server, Http(server.url, "") as http:
        assert http.json("POST", "/x", body={}, repeat=True, headers={"Idempotency-Key": "k"}) == 1
        assert [one[2]["Idempotency-Key"] for one in server.asked] == ["k", "k"]


def test_nobody_there_is_said_in_words() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen; and nobody else gets the port
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        with Http(url, "", patience=0) as http, pytest.raises(NotRunning) as caught:
            http.get("/x")
    assert url in caught.value.detail


def test_an_upload_that_is_refused_before_its_end_is_refused_in_the_servers_words() -> None:
    def refuse(handler: Handler) -> None:
        problem(413, "too-large", "At most 10 bytes.")(handler)
        handler.close_connection = True

    with serving(refuse) as server, Http(server.url, "") as http:
        server.refuse_bodies = True
        big = io.BytesIO(b"x" * (1 << 16))
        with pytest.raises(TooLarge), http.open("PUT", "/files/a", body=big, headers={"Content-Length": str(1 << 16)}):
            pass


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(InvalidRequest, match="begins with http"):
        Http("127.0.0.1:8760", "")
