"""Codes are installed from the page by a process that is watched, and that leaves nothing half made."""

from __future__ import annotations

import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.api_kit import WebProcess, wait_for, web_process

pytestmark = [pytest.mark.api, pytest.mark.xdist_group("api")]
TOML = 'title = "{name}"\npython = "{name}"\npicture = "{picture}"\n[models.go]\nkind = "quick"\n'
SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


def code(site: Path, name: str, program: str = "def prepare(run): return ['true']\n", picture: str = "") -> None:
    (site / name).mkdir(parents=True)
    (site / name / "code.toml").write_text(TOML.format(name=name, picture=picture))
    (site / name / "code.py").write_text(program)


@pytest.fixture(scope="module")
def site() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="site-"))
    code(folder, "sound")
    code(folder, "unsound", "import a_module_that_nobody_has\n")
    # the trial import of this one goes on until it is ended
    code(folder, "endless", f"import time, os\nopen({str(folder / 'pid')!r}, 'w').write(str(os.getpid()))\ntime.sleep(100)\n")
    (folder / "painted").mkdir()
    (folder / "painted" / "picture.svg").write_text(SVG)
    (folder / "painted" / "code.toml").write_text('title = "P"\npicture = "picture.svg"\n[models.go]\nkind = "quick"\n')
    (folder / "painted" / "code.py").write_text("def prepare(run): return ['true']\n")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def web(site: Path) -> Iterator[WebProcess]:
    with web_process(f"codes_path = [{json.dumps(str(site))}]\n") as found:
        yield found


def state(web: WebProcess, name: str) -> dict[str, Any]:
    answer = web.ask("GET", f"/codes/{name}/install")
    assert answer.status == 200, answer.body
    found: dict[str, Any] = answer.json
    return found


def ended(web: WebProcess, name: str) -> dict[str, Any]:
    wait_for(lambda: state(web, name)["state"] != "running", 90)
    return state(web, name)


def environments(web: WebProcess) -> list[str]:
    return sorted(path.name for path in (web.home / "envs").iterdir() if path.is_dir() and path.name != ".installs")


def test_a_code_is_installed_with_progress_and_ready_without_a_restart(web: WebProcess) -> None:
    before = web.ask("GET", "/codes/sound").json
    assert (before["installed"], before["installable"], before["install"]) == (False, True, "simyard code install sound")
    assert state(web, "sound") == {"state": "idle", "step": "", "fraction": 0.0, "lines": [], "error": ""}
    begun = web.ask("POST", "/codes/sound/install")
    assert begun.status == 202
    assert begun.json["state"] == "running"
    assert web.ask("POST", "/codes/sound/install").status == 202  # once more is the same one
    done = ended(web, "sound")
    assert (done["state"], done["step"], done["fraction"], done["error"]) == ("done", "done", 1.0, "")
    assert sum(line.startswith("Making an environment") for line in done["lines"]) == 1
    after = web.ask("GET", "/codes/sound").json
    assert (after["installed"], after["installable"], after["install"]) == (True, False, "")
    assert web.ask("POST", "/codes/sound/install").json["code"] == "already-installed"


def test_why_it_failed_is_said_and_nothing_is_left_of_it(web: WebProcess) -> None:
    web.ask("POST", "/codes/unsound/install")
    failed = ended(web, "unsound")
    assert failed["state"] == "failed"
    assert "a_module_that_nobody_has" in failed["error"]
    assert not [name for name in environments(web) if "unsound" in name]
    assert web.ask("GET", "/codes/unsound").json["installed"] is False


@pytest.mark.parametrize("name", ["nothing", "..%2f..%2fetc", "sound;reboot", "-h", "%00", "broken"])
def test_only_codes_that_there_are_can_be_installed(web: WebProcess, name: str) -> None:
    assert web.ask("POST", f"/codes/{name}/install").status == 404
    assert web.ask("GET", f"/codes/{name}/install").status == 404


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_an_install_ends_with_web_and_leaves_nothing_half_made(site: Path, how: signal.Signals) -> None:
    (site / "pid").unlink(missing_ok=True)
    with web_process(f"codes_path = [{json.dumps(str(site))}]\n") as web:
        web.ask("POST", "/codes/endless/install")
        pid = int(wait_for(lambda: (site / "pid").exists() and (site / "pid").read_text(), 60))
        assert state(web, "endless")["step"] == "trying"
        assert web.process is not None
        os.kill(web.process.pid, how)
        wait_for(lambda: not Path(f"/proc/{pid}").exists())
        wait_for(lambda: not environments(web))
        said = web.home / "envs" / ".installs" / "endless.json"
        assert wait_for(lambda: json.loads(said.read_text())["state"] == "failed")
        assert "install again" in json.loads(said.read_text())["error"]


def test_an_installer_that_was_killed_is_known_to_be_gone(web: WebProcess, site: Path) -> None:
    (site / "pid").unlink(missing_ok=True)
    web.ask("POST", "/codes/endless/install")
    pid = int(wait_for(lambda: (site / "pid").exists() and (site / "pid").read_text(), 60))
    os.killpg(os.getpgid(pid), signal.SIGKILL)
    failed = ended(web, "endless")
    assert failed["state"] == "failed"
    assert "broken off" in failed["error"]


def test_a_site_can_keep_it_to_itself() -> None:
    with web_process("[web]\ninstall_codes = false\n") as web:
        assert web.ask("GET", "/codes/madx").json["installable"] is False
        for method in ("POST", "GET"):
            answer = web.ask(method, "/codes/madx/install")
            assert (answer.status, answer.json["code"]) == (403, "install-disabled")
        assert not (web.home / "envs").exists()


def test_a_codes_picture_is_data_that_runs_nothing(web: WebProcess) -> None:
    address = web.ask("GET", "/codes/painted").json["picture"]
    with web.open("GET", address) as response:
        assert (response.status, response.getheader("Content-Type")) == (200, "image/svg+xml; charset=utf-8")
        assert "sandbox" in (response.getheader("Content-Security-Policy") or "")
        assert "max-age=6" in (response.getheader("Cache-Control") or "")
        assert response.read().decode() == SVG
        etag = response.getheader("ETag") or ""
    with web.open("GET", "/api/v1/codes/painted/picture", headers={"If-None-Match": etag}) as response:
        assert response.status == 304
    assert web.ask("GET", "/codes/sound").json["picture"] == ""
    assert web.ask("GET", "/codes/sound/picture").json["code"] == "no-picture"
