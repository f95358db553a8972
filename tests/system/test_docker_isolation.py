"""What a hostile code tries from inside its container: what lies outside of it is not there, and what it must not do is refused."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from simyard.protocol.jobs import State
from tests.docker_engine import Engine
from tests.system.isolation_kit import ME, OTHER, Site, a_site, listening
from tests.system.page_kit import wait_until
from tests.system.targets import kill

pytestmark = [pytest.mark.docker, pytest.mark.xdist_group("docker"), pytest.mark.timeout(480)]
REFUSED = {"EACCES", "EPERM", "EROFS"}
ABSENT = {"ENOENT"}


@pytest.fixture(scope="module")
def site(engine: Engine) -> Iterator[Site]:
    with a_site(engine) as made:
        yield made


# ── what lies outside ───────────────────────────────────────────────────────────────────────────────────────────────


def test_other_users_files_and_all_that_is_the_supervisors_are_not_there(site: Site, engine: Engine) -> None:
    theirs = site.ended(site.start("sleep", OTHER, seconds=0), OTHER).id
    home = site.home
    paths = [
        home / "secret", home / "token", home / "jobs.db", home / "web.db", home / "simyard.toml", home / "run" / "web.sock", home / "docker.json",
        site.config.user_dir(OTHER), site.directory(theirs, OTHER), site.directory(theirs, OTHER) / "run.json",
        Path("/var/run/docker.sock"), Path("/run/docker.sock"), Path("/run/containerd"), Path(engine.url.removeprefix("unix://")),
        Path("/proc/1/root") / str(home / "secret").lstrip("/"), Path("/root"), Path("/etc/shadow"),
    ]  # fmt: skip
    for path, said in site.tried("look", paths=[str(path) for path in paths]).items():
        assert set(said) <= REFUSED | ABSENT, (path, said)


def test_a_run_sees_its_own_user_and_its_own_container_only(site: Site) -> None:
    site.ended(site.start("sleep", OTHER, seconds=0), OTHER)
    seen = site.tried("see", users=str(site.home / "users"), home=str(site.home))
    assert seen["users"] == [ME]
    assert sorted(seen["home"]) == ["run", "users"]
    assert seen["interfaces"] == ["lo"]
    assert set(seen["sockets"]) <= {str(site.config.agent_door)}
    assert all("agent.pyz" in one or "runner" in one for one in seen["commands"] if one), seen["commands"]
    assert site.secret not in json.dumps(seen)
    assert not {"DOCKER_HOST", "SIMYARD_HOME"} & set(seen["environment"])


def test_neither_the_machines_ports_and_sockets_nor_the_world_can_be_reached(site: Site) -> None:
    with listening(f"simyard-{uuid.uuid4().hex}") as (port, abstract):
        web = int(site.client.login_address().split(":")[2].split("/")[0])
        addresses = [
            ["127.0.0.1", port],
            ["127.0.0.1", web],
            ["172.17.0.1", port],
            ["10.0.0.1", 80],
            ["192.0.2.1", 80],
            ["169.254.169.254", 80],
        ]
        said = site.tried("connect", addresses=addresses, abstract=[abstract])
    assert set(said.values()) == {"ECONNREFUSED", "ENETUNREACH"}, said


def test_the_agents_door_that_all_containers_share_can_be_used_and_not_be_changed(site: Site) -> None:
    said = site.tried("door", door=str(site.config.agent_door))
    assert said.pop("listed") == "door.sock"
    assert set(said.values()) <= REFUSED | {"EXDEV", "EBUSY"}, said
    assert site.tried("nothing", OTHER) == {}


def test_the_agents_door_opens_for_nobody_who_does_not_know_an_agents_secret(site: Site) -> None:
    agent = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    words = ["", "x", f"{agent} {'0' * 64}", f"{agent} ", f"{agent} {site.secret}", f"Bearer {site.secret}", "Basic YTpi"]
    assert set(site.tried("speak", door=str(site.config.agent_door), words=words).values()) == {"401"}


# ── the kernel ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_what_needs_rights_is_refused_by_the_kernel(site: Site) -> None:
    said = site.tried("kernel")
    assert set(said.values()) <= REFUSED | {"EINVAL", "ENOSYS", "EBADF"}, said
    for name in (
        "mount",
        "bind mount",
        "new user namespace",
        "bpf",
        "keyctl",
        "add_key",
        "raw socket",
        "device",
        "setuid",
        "chroot",
    ):
        assert said[name] in REFUSED, (name, said[name])


def test_no_program_gives_more_rights_than_a_run_has(site: Site) -> None:
    said = site.tried("rights")
    assert said["me"] == said["group"] == int(said["own set-uid"]) == site.config.container_owner[0] != 0
    assert set(said["groups"]) <= {said["group"]}
    assert said["su"] == ""
    assert {said[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")} == {"0000000000000000"}
    assert (said["NoNewPrivs"], said["Seccomp"]) == ("1", "2")


def test_nothing_of_the_system_of_the_image_and_of_the_kernel_can_be_written(site: Site) -> None:
    said = site.tried("system")
    assert "allowed" not in said.values(), said


# ── the agent ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_agents_memory_descriptors_and_environment_are_closed_to_the_codes_that_it_runs(site: Site) -> None:
    said = site.tried("peek")
    assert set(said.values()) <= REFUSED, said


def test_no_file_and_no_environment_holds_an_agents_secret(site: Site) -> None:
    said = site.tried("papers", agents=str(site.config.user_dir(ME) / "agents"))
    assert "box/agent.log" in said["read"]
    assert said["found"] == []


def test_a_code_that_lies_in_wait_for_a_new_agent_gets_nothing_of_its_secret_either(site: Site) -> None:
    run = site.start("lurk", seconds=180)
    wait_until((site.directory(run) / "work" / "lurking").exists, 60)
    before = kill(site.agent())
    found = site.ended(run)
    assert found.state is State.COMPLETED, found.reason
    assert found.results["seen"] >= 2
    assert found.results["taken"] == []
    assert site.agent() not in {0, before}
