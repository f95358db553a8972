"""A site as the how-to says: its commands are run as they stand there, with containers and under a systemd that was really booted."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.docker_engine import an_empty_engine
from tests.site_engine import BASE, SiteEngine, base_file, make_users_image
from tests.system.page_kit import wait_until

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker"), pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "run-a-site.md"
#: What of the clone a site is made from.
CLONE = ("src", "requirements", "deploy", "pyproject.toml", "README.md", "LICENSE", ".dockerignore")
NAME = "simyard.example.org"
HTTP, HTTPS = 8480, 8443
#: For a service to be well on a machine that does other work as well (seconds).
PATIENCE = 120
#: Goes on for longer than it takes to see that it does.
LONG = ("--model", "evolve", "--set", "steps=100000", "--set", "size=128", "--set", "frames=20")


def steps(heading: str, number: int = -1) -> str:
    """The commands that stand under a heading of the page: all of them, or those of one block."""
    text = PAGE.read_text("utf-8")
    section = re.search(rf"^### {re.escape(heading)}\n(.*?)(?=^##|\Z)", text, re.MULTILINE | re.DOTALL)
    assert section is not None, heading
    blocks = re.findall(r"^```sh\n(.*?)^```", section[1], re.MULTILINE | re.DOTALL)
    return "".join(blocks) if number < 0 else str(blocks[number])


def clone(folder: Path) -> Path:
    """The clone, as a reader has it."""
    for name in CLONE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".env"))
        else:
            shutil.copy(source, folder / name)
    return folder


@pytest.fixture(scope="module")
def engine() -> Iterator[SiteEngine]:
    for program in ("docker-compose", "curl"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not on this machine (apt-get install {program}).")
    base = base_file()
    with an_empty_engine(SiteEngine) as made:
        made.docker("import", base, BASE)
        yield made


class Compose:
    """The site of the compose file."""

    def __init__(self, engine: SiteEngine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self.clone = clone(folder / "clone")
        self.at = self.clone / "deploy" / "compose"
        self.home = folder / "home"
        socket = engine.folder / "docker.sock"
        #: What is different here from `.env.example`.
        self.different = {
            "SIMYARD_HOME": self.home,
            "SIMYARD_TLS": folder / "tls",
            "SIMYARD_HTTP": HTTP,
            "SIMYARD_HTTPS": HTTPS,
            "DOCKER_SOCKET": socket,
            "DOCKER_GROUP": socket.stat().st_gid,
            "BASE": BASE,
        }

    def type(self, commands: str, at: Path | None = None, status: int = 0) -> str:
        """Type commands into a shell, in the folder of the compose file; answers with what they write."""
        environment = {**os.environ, "DOCKER_HOST": self.engine.url, "DOCKER_BUILDKIT": "0", "COMPOSE_INTERACTIVE_NO_CLI": "1"}
        done = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", commands],
            cwd=at or self.at, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=600,
        )  # fmt: skip
        assert done.returncode == status, f"{commands}: {done.stdout}{done.stderr}"
        return done.stdout

    def simyard(self, *words: str) -> str:
        return self.type(f"docker-compose exec -T web simyard {' '.join(words)}")

    def prepare(self) -> None:
        self.type(steps("Prepare", 0), self.clone)
        settings = (self.at / ".env").read_text()
        for name, value in self.different.items():
            settings, found = re.subn(rf"^{name}=.*$", f"{name}={value}", settings, flags=re.MULTILINE)
            assert found == 1, name
        (self.at / ".env").write_text(settings)
        self.type(steps("Prepare", 1))
        written = self.home / "simyard.toml"
        written.write_text(written.read_text().replace(f"https://{NAME}", f"https://{NAME}:{HTTPS}"))
        self.type(steps("Prepare", 2))
        self.type(steps("Prepare", 3))

    def ask(self, method: str, path: str, body: Any = None, *, host: str = NAME, by: str = "") -> tuple[int, dict[str, str], Any]:
        """What the proxy answers to somebody with the token: status, headers, and the JSON that it says (or the text)."""
        token = (self.home / "token").read_text().strip()
        asked: list[str | Path] = [
            "curl", "-s", "-i", "--http1.1", "--max-time", "60", "--cacert", self.at / "fullchain.pem",
            "--resolve", f"{NAME}:{HTTPS}:127.0.0.1", "-X", method, "-H", f"Host: {host}:{HTTPS}",
            "-H", by or f"Authorization: Bearer {token}",
            *(["-H", "Content-Type: application/json", "-d", json.dumps(body)] if body is not None else []),
            f"https://{NAME}:{HTTPS}{path}",
        ]  # fmt: skip
        done = subprocess.run(self.engine.inside(*asked), capture_output=True, check=True, timeout=120)
        head, _, text = done.stdout.decode().partition("\r\n\r\n")
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return int(first.split()[1]), headers, json.loads(text) if headers.get("content-type", "").endswith("json") else text

    def run(self, *words: str) -> str:
        """Start a run, by its id."""
        run: str = json.loads(self.simyard("run", "grayscott", *words, "--json"))["id"]
        return run

    def state(self, run: str) -> str:
        # what is begun anew may refuse for a moment, in words
        state: str = self.ask("GET", f"/api/v1/runs/{run}")[2].get("state", "")
        return state


@pytest.fixture(scope="module")
def site(engine: SiteEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Compose]:
    made = Compose(engine, tmp_path_factory.mktemp("site"))
    made.prepare()
    make_users_image(engine, "simyard")
    made.type(steps("Start"))
    wait_until(lambda: "unhealthy" not in (said := made.type("docker-compose ps")) and said.count("(healthy)") == 4, PATIENCE)
    try:
        yield made
    finally:
        made.type(steps("Stop") + "docker-compose down -v")


def test_a_run_through_https_is_computed_in_a_container_of_its_users(site: Compose) -> None:
    made, _, simulation = site.ask("POST", "/api/v1/simulations", {"code": "grayscott", "example": "tiny"})
    assert made == 201, simulation
    status, headers, run = site.ask("POST", f"/api/v1/simulations/{simulation['id']}/runs", {"model": "evolve"})
    assert status == 202, run
    assert headers["strict-transport-security"].startswith("max-age=")
    wait_until(lambda: site.state(run["id"]) == "completed", PATIENCE)
    (container,) = site.engine.docker("ps", "-q", "--filter", "label=simyard.site").split()
    assert site.engine.inspect(container)["HostConfig"]["NetworkMode"] == "none"
    assert site.engine.inspect(container)["Config"]["User"] == "10001:10001"


def test_a_browser_gets_in_by_the_public_name_only_and_its_cookie_is_for_tls(site: Compose) -> None:
    address = site.type(steps("Log in")).strip()
    assert address.startswith(f"https://{NAME}:{HTTPS}/login?once=")
    status, headers, _ = site.ask("GET", address.partition(str(HTTPS))[2], by="Accept: */*")
    assert status == 303
    assert "Secure" in headers["set-cookie"]
    assert "HttpOnly" in headers["set-cookie"]
    assert site.ask("GET", "/readyz", host="evil.example.org")[0] == 421
    assert site.ask("GET", "/metrics")[0] == 404


def test_events_come_through_the_proxy_as_they_happen(site: Compose) -> None:
    token = (site.home / "token").read_text().strip()
    asked: list[str | Path] = [
        "curl",
        "-s",
        "-N",
        "--max-time",
        "60",
        "--cacert",
        site.at / "fullchain.pem",
        "--resolve",
        f"{NAME}:{HTTPS}:127.0.0.1",
    ]
    with subprocess.Popen(
        site.engine.inside(*asked, "-H", f"Authorization: Bearer {token}", f"https://{NAME}:{HTTPS}/api/v1/events"),
        stdout=subprocess.PIPE,
    ) as stream:
        assert stream.stdout is not None
        try:
            # a proxy that kept it back would show nothing before the stream's end
            assert stream.stdout.readline() == b"retry: 1000\n"
        finally:
            stream.kill()


def test_nobody_is_root_and_only_the_proxy_has_a_network(site: Compose) -> None:
    networks = {}
    for container in site.type("docker-compose ps -q").split():
        found = site.engine.inspect(container)
        host, name = found["HostConfig"], found["Config"]["Labels"]["com.docker.compose.service"]
        networks[name] = host["NetworkMode"] != "none"
        assert int(found["Config"]["User"].split(":")[0]) > 10000, name
        assert host["CapDrop"] == ["ALL"], name
        assert host["ReadonlyRootfs"], name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        mounted = {mount["Destination"] for mount in found["Mounts"]}
        assert ("/var/run/docker.sock" in mounted) == (name == "supervisor")
    assert networks == {"postgresql": False, "supervisor": False, "web": False, "proxy": True}


def test_a_run_goes_on_while_every_part_is_started_again(site: Compose) -> None:
    run = site.run(*LONG, "--no-reuse")
    wait_until(lambda: site.state(run) == "running", PATIENCE)
    site.type("docker-compose restart postgresql supervisor web proxy")
    wait_until(lambda: "site: well" in site.type("docker-compose exec -T web simyard health || true"), PATIENCE)
    wait_until(lambda: site.ask("GET", "/readyz")[0] == 200, PATIENCE)
    site.type(steps("Look after it"))
    wait_until(lambda: site.state(run) == "completed", 2 * PATIENCE)


def test_what_was_backed_up_is_there_again_after_a_restore(site: Compose) -> None:
    before = site.run("--example", "tiny", "--model", "evolve", "--no-reuse", "--wait")
    site.type(steps("Back up"))
    after = site.run("--example", "tiny", "--model", "evolve", "--no-reuse", "--wait")
    site.type(steps("Restore"))
    wait_until(lambda: site.ask("GET", "/readyz")[0] == 200, PATIENCE)
    assert site.state(before) == "completed"
    assert site.ask("GET", f"/api/v1/runs/{after}")[0] == 404
    listed = site.type("tar -tf simyard-home.tar")
    assert f"/runs/{before}/events.jsonl" in listed


class Machine:
    """A container in which systemd runs as on a machine of its own."""

    def __init__(self, engine: SiteEngine, folder: Path) -> None:
        self.engine = engine
        # not --privileged: that asks for more than this machine may have to give
        self.container = engine.docker(
            "run", "-d", "--cap-add", "SYS_ADMIN", "--cap-add", "NET_ADMIN", "--security-opt", "seccomp=unconfined",
            "--security-opt", "apparmor=unconfined", "-v", "/sys/fs/cgroup:/sys/fs/cgroup:ro",
            "--mount", "type=bind,src=/sys/fs/cgroup/systemd,dst=/sys/fs/cgroup/systemd", "--tmpfs", "/run:exec,mode=755", "--tmpfs", "/tmp:exec",
            "-v", f"{clone(folder / 'clone')}:/clone", "-e", "container=docker", "--stop-signal", "SIGRTMIN+3", BASE,
            "/lib/systemd/systemd",
        )  # fmt: skip

    def type(self, commands: str, status: int = 0) -> str:
        words = [
            "docker",
            "-H",
            self.engine.url,
            "exec",
            "-w",
            "/clone",
            self.container,
            "bash",
            "-e",
            "-o",
            "pipefail",
            "-c",
            commands,
        ]
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == status, f"{commands}: {done.stdout}{done.stderr}{self.journal() if status == 0 else ''}"
        return done.stdout + done.stderr

    def journal(self) -> str:
        words = ["docker", "-H", self.engine.url, "exec", self.container, "journalctl", "--no-pager", "-n", "40"]
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60).stdout

    def simyard(self, words: str) -> str:
        return self.type(f"cd /; runuser -u simyard -- env SIMYARD_HOME=/var/lib/simyard /opt/simyard/bin/simyard {words}")

    def until_well(self) -> None:
        wait_until(lambda: "site: well" in self.simyard("health || true"), PATIENCE)


@pytest.fixture(scope="module")
def machine(engine: SiteEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if not Path("/sys/fs/cgroup/systemd").is_dir():
        pytest.skip("systemd in a container wants the control groups that this machine does not have (version 1, name=systemd).")
    made = Machine(engine, tmp_path_factory.mktemp("machine"))
    try:
        wait_until(
            lambda: made.engine.docker("exec", made.container, "sh", "-c", "systemctl is-system-running || true") == "running",
            PATIENCE,
        )
        made.type("groupadd --system docker")  # a machine with an engine has it
        made.type(steps("Prepare", 2))
        made.type(steps("Install", 0))
        # its runs are processes: an engine in an engine is no part of this
        made.type(
            'sed -i \'s/enabled = false/enabled = true/; s/"containers"/"local"/; /^.targets.containers/,$d\' /var/lib/simyard/simyard.toml'
        )
        made.type(steps("Install", 1))
        made.type(steps("Install", 2))
        yield made
    finally:
        engine.docker("rm", "-f", made.container)


def test_systemd_has_no_complaint_about_the_units(machine: Machine) -> None:
    units = " ".join(f"/etc/systemd/system/simyard-{name}.service" for name in ("supervisor", "web", "proxy"))
    said = machine.type(f"systemd-analyze verify {units}")
    assert "simyard" not in said, said


def test_a_run_goes_through_the_services_and_none_of_them_is_root(machine: Machine) -> None:
    assert "completed" in machine.simyard("run grayscott --example tiny --model evolve --wait")
    asked = "import http.client as h, ssl; c = h.HTTPSConnection('127.0.0.1', context=ssl._create_unverified_context());"
    said = machine.type(
        f"""python3 -c "{asked} c.request('GET', '/readyz', headers={{'Host': '{NAME}'}}); print(c.getresponse().status)" """
    )
    assert said.strip() == "200"
    for name, user in (("supervisor", "simyard"), ("web", "simyard"), ("proxy", "www-data")):
        pid = machine.type(f"systemctl show -p MainPID --value simyard-{name}").strip()
        assert machine.type(f"stat -c %U /proc/{pid}").strip() == user


def test_services_are_reloaded_killed_and_restarted_while_a_run_goes_on(machine: Machine) -> None:
    run = json.loads(machine.simyard(f"run grayscott {' '.join(LONG)} --json"))["id"]
    pid = machine.type("systemctl show -p MainPID --value simyard-web").strip()
    machine.type(steps("Ask and change"))
    assert machine.type("systemctl show -p MainPID --value simyard-web").strip() == pid
    machine.type("systemctl restart simyard-supervisor; systemctl kill -s KILL simyard-web")
    machine.until_well()
    assert "completed" in machine.simyard(f"run wait {run}")


def test_a_reload_with_settings_that_cannot_be_used_fails_in_words_and_changes_nothing(machine: Machine) -> None:
    machine.type("sed -i '1i nonsense = 1' /var/lib/simyard/simyard.toml")
    machine.type("systemctl reload simyard-web", status=1)
    # the journal is written by somebody else, a moment later
    wait_until(lambda: "unknown key 'nonsense'" in machine.journal(), PATIENCE)
    machine.type("sed -i 1d /var/lib/simyard/simyard.toml; systemctl reload simyard-web")
    machine.until_well()


def test_the_services_database_is_restored_from_its_copy(machine: Machine) -> None:
    machine.type(steps("Back up and restore"))
    machine.until_well()
    assert "completed" in machine.simyard("run list")
