"""Every window of a user, whichever web worker serves it, hears of simulations, notes and deletions; with the supervisor away, too."""

from __future__ import annotations

import http.client
import json
from typing import Any

from tests.contract.api_kit import WebProcess, web_process

WINDOWS = 8


class Window:
    """An event stream that is read as far as the test needs."""

    def __init__(self, web: WebProcess) -> None:
        self.response: http.client.HTTPResponse = web.open("GET", "/api/v1/events", headers={"Accept": "text/event-stream"})
        assert self.response.status == 200

    def until(self, name: str, /, **wanted: Any) -> Any:
        """The data of the next such event that says so; others before it are passed over."""
        event, data = "", None
        while True:
            line = self.response.readline().decode().rstrip("\n")
            if line.startswith("event: "):
                event = line[7:]
            elif line.startswith("data: "):
                data = json.loads(line[6:])
            elif not line and event == name and data is not None and all(data.get(key) == value for key, value in wanted.items()):
                return data


def test_windows_of_two_workers_hear_of_what_either_of_them_has_changed() -> None:
    with web_process("[web]\nworkers = 2\n") as web:
        windows = [Window(web) for _ in range(WINDOWS)]
        for window in windows:
            window.until("open")
        made = web.ask("POST", "/simulations", {"code": "grayscott", "name": "One"}).json["id"]
        web.ask("PATCH", f"/simulations/{made}", {"name": "Two"})
        run = web.ask("POST", f"/simulations/{made}/runs", {"model": "evolve"}).json["id"]
        web.supervisor.complete(run)
        for number in range(4):  # whichever worker answers
            assert web.ask("PATCH", f"/runs/{run}", {"name": f"n{number}"}).json["name"] == f"n{number}"
            assert all(web.ask("GET", f"/runs/{run}").json["name"] == f"n{number}" for _ in range(4))
        # another worker looks at what is now so: what was deleted meanwhile is told as that alone
        for window in windows:
            assert window.until("simulation", name="Two")["id"] == made
            assert window.until("note", name="n3")["run"] == run
        web.ask("DELETE", f"/runs/{run}")
        web.ask("DELETE", f"/simulations/{made}?forever=true")
        for window in windows:
            assert window.until("gone") == {"run": run}
        for window in [Window(web) for _ in range(WINDOWS)]:
            window.until("open")


def test_windows_hear_of_simulations_while_the_supervisor_is_away() -> None:
    with web_process(supervisor=False) as web:
        windows = [Window(web) for _ in range(2)]
        for window in windows:
            assert window.until("supervisor") == {"connected": False}
        made = web.ask("POST", "/simulations", {"code": "grayscott"}).json["id"]
        web.ask("PATCH", f"/simulations/{made}", {"name": "New"})
        for window in windows:
            assert window.until("simulation", name="New")["id"] == made
        assert web.ask("PATCH", "/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV", {"name": "x"}).status == 503
