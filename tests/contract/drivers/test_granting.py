"""What hosts grant: asked of a real engine, and of daemons that lack things or do not answer."""

from __future__ import annotations

import asyncio
import json
import socketserver
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from simyard.cli import doctor
from simyard.config import Config, DockerConfig, TargetConfig
from simyard.drivers.docker import granting, making
from simyard.drivers.docker.announcing import Announcing
from simyard.drivers.docker.container import Limits
from simyard.drivers.docker.host import Host
from tests.contract.runner_kit import until
from tests.docker_engine import IMAGE, Engine

LIMITS = Limits(memory=512 << 20, cores=1, processes=128, open_files=1024, tmp=16 << 20)
INFO: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data" / "docker-info.json").read_text())


@contextmanager
def daemon(answers: dict[str, Any]) -> Iterator[str]:
    """A daemon with these answers to what is asked of it; what is not there is not found, and `...` is never answered."""
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def address_string(self) -> str:
            return "here"

        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            path = self.path.split("?")[0]
            known = next((answer for end, answer in answers.items() if path.endswith(end)), None)
            if known is ...:
                over.wait(60)
                return
            body = json.dumps(known if known is not None else {"message": f"No such thing: {path}"}).encode()
            self.send_response(200 if known is not None else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    class Server(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

    with tempfile.TemporaryDirectory() as folder, Server(f"{folder}/docker.sock", Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"unix://{folder}/docker.sock"
        finally:
            over.set()
            server.shutdown()
            thread.join()


def config(home: Path, *hosts: str, image: str = IMAGE) -> Config:
    targets = {"local": TargetConfig(), "box": TargetConfig(kind="docker", cores=1, memory=64 << 20)}
    return Config(home=home, targets=targets, docker=DockerConfig(hosts=hosts, image=image))


def findings(settings: Config) -> dict[str, doctor.Finding]:
    return {one.what: one for one in doctor.look(settings) if one.what.startswith("docker")}


VERSION = {"Version": "20.10.24", "ApiVersion": "1.41"}


@pytest.mark.docker
@pytest.mark.xdist_group("docker")
def test_a_real_engine_grants_all_that_containers_ask_for(engine: Engine, tmp_path: Path) -> None:
    found = findings(config(tmp_path, engine.url))
    # the machine of the tests may not be able to limit swap; everything else is asked for by every container that they make
    assert {what.rpartition(", ")[2] for what, one in found.items() if one.state != "good"} <= {"disk quota", "swap", "warning"}
    assert "seccomp" in found[f"docker {engine.url}"].detail
    assert "trial" in found[f"docker {engine.url}"].detail
    assert not engine.docker("ps", "-aq", "-f", "label=simyard.trial")
    (missing,) = [one for one in findings(config(tmp_path, engine.url, image="no-such")).values() if one.state == "bad"]
    assert "simyard image build" in missing.detail


def test_a_daemon_that_lacks_limits_is_found_out_by_doctor(tmp_path: Path) -> None:
    lacking = {**INFO, "PidsLimit": False, "SwapLimit": False, "SecurityOptions": []}
    with daemon({"/version": VERSION, "/info": lacking}) as url:
        found = findings(config(tmp_path, url))
    assert found[f"docker {url}, processes"].state == "bad"
    assert found[f"docker {url}, seccomp"].state == "bad"
    assert found[f"docker {url}, image"].state == "bad"
    assert found[f"docker {url}, swap"].state == "missing"
    assert "memory" in found[f"docker {url}"].detail
    assert "processes" not in found[f"docker {url}"].detail


def test_a_daemon_that_does_not_answer_keeps_nobody_waiting_for_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(granting, "LIMIT", 5.0)
    nobody = f"unix://{tmp_path}/nobody.sock"
    with daemon({"/version": ..., "/info": ...}) as frozen, daemon({"/version": VERSION, "/info": INFO}) as fine:
        found = findings(config(tmp_path, frozen, nobody, fine))
    assert found[f"docker {frozen}"].state == "bad"
    assert "not answered in time" in found[f"docker {frozen}"].detail
    assert found[f"docker {nobody}"].state == "bad"
    assert found[f"docker {fine}"].state == "good"


def test_an_address_that_is_none_is_one_finding(tmp_path: Path) -> None:
    (one,) = findings(config(tmp_path, "tcp://far:2376")).values()
    assert one.state == "bad"
    assert "certificates" in one.detail


def test_a_supervisor_says_in_its_log_what_a_host_does_not_grant(caplog: pytest.LogCaptureFixture) -> None:
    async def story(url: str) -> None:
        host = Host(url, time.time)
        announcing = Announcing([host], LIMITS, "simyard")
        announcing.begin()
        announcing.begin()
        await asyncio.to_thread(until, lambda: any(getattr(one, "fields", {}).get("what") == "image" for one in caplog.records))
        await announcing.close()
        await host.close()

    with daemon({"/version": VERSION, "/info": {**INFO, "PidsLimit": False}}) as url:
        asyncio.run(story(url))
    said = [one.fields["what"] for one in caplog.records if hasattr(one, "fields")]
    assert said == ["processes", "disk quota", "image"]


def test_what_is_asked_of_hosts_is_what_containers_get(tmp_path: Path) -> None:
    limits = making.limits_of(config(tmp_path))
    assert limits.memory == (64 << 20) + making.BESIDE_RUNS
    assert limits.cores == 1
