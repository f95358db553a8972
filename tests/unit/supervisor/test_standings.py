"""How a code stands at each target: what is there, what is missing, and the command that helps."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from simyard.codes import environment, install
from simyard.codes.code_toml import read
from simyard.codes.declaration import CodeError, Declaration
from simyard.config import ClusterCode, ClusterConfig, Config, TargetConfig
from simyard.drivers.base import Login
from simyard.protocol.agents import Environment
from simyard.protocol.code_places import CodePlaces, Standing
from simyard.supervisor import standings
from simyard.supervisor.core import Place

if TYPE_CHECKING:
    from simyard.supervisor.shell import Shell
    from simyard.supervisor.web_door import Ask

TOML = 'title = "Ring"\npython = "ring"\nrequires = ["Tiny_Package>=1"]\n[models.turn]\nkind = "quick"\n'
LOCK = "tiny-package==1.0 --hash=sha256:" + "0" * 64 + "\n"


@pytest.fixture
def code(tmp_path: Path) -> Declaration:
    folder = tmp_path / "codes" / "ring"
    folder.mkdir(parents=True)
    (folder / "code.toml").write_text(TOML)
    (folder / "code.py").write_text("def prepare(run):\n    return ['true']\n")
    (folder / "requirements.lock").write_text(LOCK)
    return read(folder)


def place(kind: str, name: str = "pool") -> Place:
    return Place(name=name, limits=TargetConfig(kind=kind), cores=1, memory=1, login=lambda _user: Login(state="ready"))


def at_cluster(code: Declaration, known: dict[str, Environment] | None, cluster: ClusterConfig | None = None) -> Standing:
    return standings.on_cluster(cluster or ClusterConfig(host="pool"), place("sbatch"), code, environment.name(code), known)


def made(name: str) -> dict[str, Environment]:
    return {name: Environment(name=name, python="3.11.2", versions={"tiny-package": "1.0", "pip": "23"})}


def test_an_environment_is_called_by_what_it_has_in_it(code: Declaration) -> None:
    before = environment.name(code)
    assert before.startswith("ring-")
    assert environment.is_of(before, "ring")
    assert not environment.is_of(before, "rin")
    (code.folder / "code.py").write_text("def prepare(run):\n    return ['false']\n")
    assert environment.name(code) == before
    (code.folder / "requirements.lock").write_text(LOCK.replace("1.0", "1.1"))
    assert environment.name(code) != before


def test_a_cluster_has_it_or_lacks_it_or_has_another_or_nobody_knows(code: Declaration) -> None:
    name = environment.name(code)
    unknown = at_cluster(code, None)
    assert (unknown.state, unknown.remedy) == ("unknown", "simyard target login pool")
    missing = at_cluster(code, made("other-0123456789ab"))
    assert (missing.state, missing.missing, missing.installable) == ("missing", ("Tiny_Package>=1",), True)
    assert missing.remedy == "simyard code install ring --target pool"
    assert missing.detail == "Ring is not installed on pool."
    other = at_cluster(code, made("ring-0123456789ab"))
    assert (other.state, other.version, other.wanted) == ("other", "0123456789ab", name.rpartition("-")[2])
    assert other.remedy == missing.remedy
    ready = at_cluster(code, made(name))
    assert (ready.state, ready.version, ready.versions) == ("ready", ready.wanted, {"tiny-package": "1.0"})
    assert "with Python 3.11.2: tiny-package 1.0" in ready.detail
    broken = at_cluster(code, {name: dataclasses.replace(made(name)[name], broken="its Python is not there any more")})
    assert (broken.state, broken.remedy, broken.installable) == ("missing", missing.remedy, True)
    assert broken.detail == "Ring was installed on pool, but its Python is not there any more."


def test_what_the_site_says_of_a_cluster_goes_before_an_environment_of_ours(code: Declaration) -> None:
    cluster = ClusterConfig(host="pool", codes={"ring": ClusterCode(python="/opt/ring/bin/python")})
    found = at_cluster(code, None, cluster)
    assert (found.state, found.remedy) == ("ready", "")
    assert "[clusters.pool.codes.ring]" in found.detail


def test_an_image_has_it_or_lacks_it_or_has_another_version(code: Declaration) -> None:
    box = place("docker", "box")
    lacks = standings.in_image(box, code, {"madx": "m"}, code.version)
    assert (lacks.state, lacks.remedy) == ("missing", "simyard image build --code madx --code ring")
    other = standings.in_image(box, code, {"ring": "older"}, code.version)
    assert (other.state, other.version, other.wanted) == ("other", "older", code.version)
    assert f"has Ring in version older, and here it is {code.version}" in other.detail
    # the code was changed while Simyard is up, and the image built of what it is now
    assert standings.in_image(box, code, {"ring": "newer"}, "newer").state == "ready"
    assert standings.in_image(box, code, {"ring": code.version}, code.version).state == "ready"
    assert standings.in_image(box, code, None, code.version).state == "unknown"


def test_here_it_is_missing_or_made_for_other_requirements(code: Declaration, tmp_path: Path) -> None:
    config = Config(home=tmp_path / "home")
    local = place("local", "local")
    missing = standings.here(config, local, code)
    assert (missing.state, missing.remedy, missing.missing) == ("missing", "simyard code install ring", ("Tiny_Package>=1",))
    assert missing.detail == "It is not installed."
    env = config.home / "envs" / "ring"
    (env / "bin").mkdir(parents=True)
    (env / "bin" / "python").symlink_to("/usr/bin/python3")
    assert not install.is_other(config, code)  # made by hand, and taken as it is
    (env / install.MARKER).write_text('{"codes": {"ring": {"requires": ["Tiny_Package>=1"], "lock": "another", "folder": "x"}}}')
    assert install.is_other(config, code)
    assert standings.here(config, local, code).state == "other"
    lock = hashlib.sha256(LOCK.encode()).hexdigest()
    (env / install.MARKER).write_text(
        json.dumps({"codes": {"ring": {"requires": ["Tiny_Package>=1"], "lock": lock, "folder": "moved"}}})
    )
    assert install.is_other(config, code)
    assert standings.here(config, local, code).detail == "It must be installed again (Tiny_Package>=1 is missing)."
    (env / "lib" / "python3.11" / "site-packages" / "tiny_package-1.0.dist-info").mkdir(parents=True)
    assert not install.is_other(config, code)
    assert standings.here(config, local, code).versions == {"tiny-package": "1.0"}
    # its requirements were changed while Simyard is up, and installed
    (code.folder / "code.toml").write_text(TOML.replace(">=1", ">=1.0"))
    marker = (env / install.MARKER).read_text()
    (env / install.MARKER).write_text(marker.replace(">=1", ">=1.0"))
    assert standings.here(config, local, code).state == "ready"
    (code.folder / "code.toml").write_text("half of")
    assert standings.here(config, local, code).state == "other"
    (code.folder / "code.toml").write_text(TOML)
    (env / install.MARKER).write_text(marker)
    # as after an update of the system
    (env / "bin" / "python").unlink()
    (env / "bin" / "python").symlink_to("/usr/bin/python2.0")
    gone = standings.here(config, local, code)
    assert (gone.state, gone.remedy) == ("missing", "simyard code install ring")
    assert gone.detail == "It was installed, but its Python is not there any more."


class Unpacked:
    """A shell that knows one code and one cluster, and cannot pack the code."""

    def __init__(self, code: Declaration, pool: Place) -> None:
        self.codes = {code.name: code}
        self.core = SimpleNamespace(places={"pool": pool})
        self.config = Config(home=Path("/none"), clusters={"pool": ClusterConfig(host="pool")})

    async def packed(self, code: Declaration, _target: str) -> None:
        raise CodeError(f"{code.folder} is larger than 64 MiB.")


def test_a_code_that_cannot_be_sent_is_told_of_and_is_in_nobodys_way(code: Declaration) -> None:
    shell = cast("Shell", Unpacked(code, place("sbatch")))
    told = asyncio.run(standings.code_places(shell, CodePlaces(user="me"), cast("Ask", None)))
    assert [(one.code, one.target, one.state) for one in told.standings] == [("ring", "pool", "unknown")]
    assert "is larger than 64 MiB" in told.standings[0].detail
