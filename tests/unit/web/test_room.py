"""Uploads of a user whose files and runs take what they may: refused with the next step, and nothing of them is kept."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simyard.config import Config, TargetConfig, WebConfig
from simyard.errors import Unavailable
from simyard.protocol.targets import Disk
from simyard.testing import FakeDoor, FakeSupervisor
from simyard.web.app import create_app, make_services
from simyard.web.room import Rooms
from tests.unit.web.conftest import LIMIT, Client, Web
from tests.unit.web.test_exchange import about, ref, zipped
from tests.unit.web.test_files import on_disk

KIB = 1 << 10
NOW = 1_800_000_000.0


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    config = Config(
        home=tmp_path, web=WebConfig(port=0, upload_limit=LIMIT), targets={"local": TargetConfig(disk=100 * KIB, disk_free=KIB)}
    )
    supervisor, now = FakeSupervisor(), [NOW]
    services = make_services(config, "http://127.0.0.1:8760", door=FakeDoor(supervisor), now=lambda: now[0])
    app = create_app(services)
    app.test_client_class = Client
    yield Web(app=app, services=services, supervisor=supervisor, now=now)
    services.close()


def refused(answer: Any) -> dict[str, Any]:
    """What a refusal for want of room says."""
    assert answer.status_code == 507, answer.data
    found: dict[str, Any] = answer.json
    assert found["code"] == "disk-quota"
    return found


def disk(used: int, free: int = 1 << 40, measured: float = NOW - 10) -> Disk:
    return Disk(quota=100 * KIB, keep=KIB, used=used, free=free, measured=measured)


def test_what_fits_is_taken_and_what_does_not_is_refused_and_leaves_nothing(web: Web, tmp_path: Path) -> None:
    web.supervisor.disk = disk(90 * KIB)
    assert web.client.put("/api/v1/files/small", data=b"x" * 5 * KIB).status_code == 201
    before = on_disk(tmp_path)
    # the small one counts before anybody has weighed it
    for data in (b"x" * 6 * KIB, io.BytesIO(b"x" * 6 * KIB)):
        answer = web.client.put("/api/v1/files/large", data=data)
        found = refused(answer)
        assert "your files and runs on local take 95 of 100 KiB. Delete some that you do not need" in found["detail"]
        assert found["left"] == 5 * KIB
    assert on_disk(tmp_path) == before
    web.now[0] += 60
    web.supervisor.disk = disk(40 * KIB, measured=NOW + 50)
    assert web.client.put("/api/v1/files/large", data=b"x" * 50 * KIB).status_code == 201


def test_one_that_says_no_size_is_cut_off(web: Web, tmp_path: Path) -> None:
    web.supervisor.disk = disk(98 * KIB)
    answer = web.client.put(
        "/api/v1/files/large", input_stream=io.BytesIO(b"x" * 9 * KIB), environ_overrides={"wsgi.input_terminated": True}
    )
    refused(answer)
    assert not on_disk(tmp_path)


def test_a_whole_simulation_is_refused_too(web: Web) -> None:
    web.supervisor.disk = disk(100 * KIB)
    refused(web.client.post("/api/v1/simulations/import", data=b"x" * KIB))


def test_a_simulation_is_weighed_unpacked(web: Web, tmp_path: Path) -> None:
    data = bytes(90 * KIB)
    packed = zipped({"simulation.json": about(files={"zeros": ref(data)}), "files/zeros": data})
    assert len(packed) < 2 * KIB
    web.supervisor.disk = disk(50 * KIB)
    refused(web.client.post("/api/v1/simulations/import", data=packed))
    assert not on_disk(tmp_path)
    web.supervisor.disk = disk(5 * KIB)
    assert web.client.post("/api/v1/simulations/import", data=packed).status_code == 201
    refused(web.client.put("/api/v1/files/more", data=b"x" * 6 * KIB))


def test_what_must_stay_free_stays_free(web: Web) -> None:
    web.supervisor.disk = disk(0, free=3 * KIB)
    found = refused(web.client.put("/api/v1/files/a", data=b"x" * 5 * KIB))
    assert "only 3 KiB of the server's disk are free, and 1 KiB must stay so" in found["detail"]
    assert web.client.put("/api/v1/files/a", data=b"x" * KIB).status_code == 201


def test_where_nobody_knows_there_is_room(web: Web) -> None:
    web.supervisor.disk = dataclasses.replace(disk(0), used=None, free=None)
    assert web.client.put("/api/v1/files/a", data=b"x").status_code == 201


def test_files_are_taken_while_the_supervisor_is_away() -> None:
    class Away(FakeDoor):
        def ask(self, question: object, wait: float = 0.0) -> object:
            raise Unavailable("away", "It is away.")

    config = Config(home=Path("/nowhere"), targets={"local": TargetConfig(disk=1)})
    assert Rooms(config, Away(FakeSupervisor()), lambda: NOW).of("me").left > 1 << 60
