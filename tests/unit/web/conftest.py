"""Web within the test's process, with a supervisor that the test plays."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from simyard.config import Config, WebConfig
from simyard.testing import FakeDoor, FakeSupervisor
from simyard.web.app import create_app, make_services
from simyard.web.context import Services

LIMIT = 1 << 20


class Client(FlaskClient):
    """Reads every answer to its end, as a browser does."""

    def open(self, *args: Any, **more: Any) -> TestResponse:
        return super().open(*args, **{"buffered": True, **more})


@dataclass
class Web:
    """`client` is a program with the token; `stranger` has nothing."""

    app: Flask
    services: Services
    supervisor: FakeSupervisor
    now: list[float]

    @property
    def stranger(self) -> Any:
        return self.app.test_client()

    @property
    def client(self) -> Any:
        client = self.app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {self.services.keys.token}"
        return client

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(f"/api/v1{path}", **more)

    def post(self, path: str, json: Any = None, **more: Any) -> Any:
        return self.client.post(f"/api/v1{path}", json=json, **more)

    def simulation(self, **body: Any) -> dict[str, Any]:
        """A new simulation of grayscott."""
        answer = self.post("/simulations", {"code": "grayscott", **body})
        assert answer.status_code == 201, answer.json
        found: dict[str, Any] = answer.json
        return found

    def run(self, simulation: str, **body: Any) -> dict[str, Any]:
        """A new run of it."""
        answer = self.post(f"/simulations/{simulation}/runs", {"model": "evolve", **body})
        assert answer.status_code in {200, 202}, answer.json
        found: dict[str, Any] = answer.json
        return found


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    config = Config(home=tmp_path, web=WebConfig(port=0, upload_limit=LIMIT))
    supervisor, now = FakeSupervisor(), [1_800_000_000.0]
    services = make_services(config, "http://127.0.0.1:8760", door=FakeDoor(supervisor), now=lambda: now[0])
    app = create_app(services)
    app.test_client_class = Client
    yield Web(app=app, services=services, supervisor=supervisor, now=now)
    services.close()
