"""A code's environment is made whole or not at all, once, and what goes wrong is told in words with the next step."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simyard.codes import install, registry
from simyard.codes.declaration import Declaration
from simyard.codes.install_words import InstallError, explain
from simyard.config import Config

TOML = 'title = "Probe"\npython = "probe"\n[models.go]\nkind = "quick"\n'


@pytest.fixture
def config(tmp_path: Path) -> Config:
    folder = tmp_path / "site" / "probe"
    folder.mkdir(parents=True)
    (folder / "code.toml").write_text(TOML)
    (folder / "code.py").write_text("def prepare(run): return ['true']\n")
    return Config(home=tmp_path / "home", codes_path=(tmp_path / "site",))


def probe(config: Config) -> Declaration:
    return registry.load(config).code("probe")


def change(config: Config, name: str, text: str) -> None:
    (config.codes_path[0] / "probe" / name).write_text(text)


def test_an_environment_is_made_once_and_again_only_when_its_requirements_change(config: Config) -> None:
    before = install.status(config, probe(config))
    assert not before.installed
    assert "run `simyard code install probe`" in before.detail
    told: list[str] = []
    python = install.install(config, probe(config), told.append)
    assert python == config.home / "envs" / "probe" / "bin" / "python" == config.interpreter("probe")
    prefix = subprocess.run(
        [python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert Path(prefix).resolve().parent == config.home / "envs"
    assert told[0].startswith("Making an environment for Probe with Python")
    assert install.status(config, probe(config)).installed

    told.clear()
    install.install(config, probe(config), told.append)
    assert told == ["Probe: It is installed: nothing is required."]
    used = os.readlink(config.home / "envs" / "probe")
    install.install(config, probe(config), told.append, anew=True)
    assert os.readlink(config.home / "envs" / "probe") != used

    change(config, "requirements.lock", "# nothing\n")
    assert "its requirements have changed" in install.status(config, probe(config)).detail


def test_an_environment_that_fails_leaves_the_one_in_use_as_it_was(config: Config) -> None:
    install.install(config, probe(config), lambda _: None)
    link = config.home / "envs" / "probe"
    used = os.readlink(link)
    change(config, "requirements.lock", "# nothing\n")
    change(config, "code.py", "import a_module_that_nobody_has\n")
    with pytest.raises(InstallError, match="a_module_that_nobody_has"):
        install.install(config, probe(config), lambda _: None)
    assert os.readlink(link) == used
    assert {path.name for path in link.parent.iterdir()} == {"probe", ".probe.lock", used}


def test_a_site_that_names_an_interpreter_is_left_alone(config: Config) -> None:
    site = Config(home=config.home, codes_path=config.codes_path, interpreters={"probe": sys.executable})
    told: list[str] = []
    assert install.install(site, probe(site), told.append) == Path(sys.executable)
    assert not (config.home / "envs").exists()
    wrong = Config(home=config.home, codes_path=config.codes_path, interpreters={"probe": "/nowhere/python"})
    with pytest.raises(InstallError, match="/nowhere/python"):
        install.install(wrong, probe(wrong), told.append)


def test_a_code_in_simyards_own_python_needs_no_installation(config: Config) -> None:
    code = registry.load(config)["grayscott"]
    assert install.status(config, code).installed
    assert install.install(config, code, lambda _: None) == Path(sys.executable)


def test_something_that_simyard_did_not_make_is_not_replaced(config: Config) -> None:
    (config.home / "envs" / "probe").mkdir(parents=True)
    with pytest.raises(InstallError, match="not something that Simyard made"):
        install.install(config, probe(config), lambda _: None)


@pytest.mark.parametrize(
    "said, code, words",
    [
        (
            "error: Failed to fetch: `https://index/simple/cpymad/`\n  Caused by: error sending request for url\n  Caused by: dns error: failed to lookup",
            "no-network",
            "Check the network",
        ),
        (
            "WARNING: Retrying … Failed to establish a new connection: [Errno -3] Temporary failure in name resolution\nERROR: No matching distribution found for cpymad",
            "no-network",
            "Check the network",
        ),
        (
            "ERROR: Could not find a version that satisfies the requirement cpymad>=99\nERROR: No matching distribution found",
            "no-version",
            "Check `requires`",
        ),
        (
            "  × No solution found when resolving dependencies:\n  ╰─▶ Because only cpymad<=1.20 is available",
            "no-version",
            "only cpymad<=1.20",
        ),
        ("error: Failed to install: numpy\n  Caused by: No space left on device (os error 28)", "disk-full", "Free some space"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "bad-hash", "Nothing of it was installed"),
        ("error: Hash mismatch for `cpymad==1.20.0`", "bad-hash", "Nothing of it was installed"),
        ("ERROR: Package 'x' requires a different Python: 3.14.0 not in '<3.14'", "wrong-python", "another Python"),
        ("Error: ensurepip is not available", "no-venv", "apt install python3-venv"),
        ("OSError: [Errno 13] Permission denied: '/opt/simyard'", "not-allowed", "may not be written"),
        (
            "error: [Errno 2] No such file or directory: 'x86_64-linux-gnu-gcc'\nERROR: Failed building wheel for cpymad",
            "no-compiler",
            "`module load gcc`",
        ),
        (
            "error: command 'gcc' failed: No such file or directory\nERROR: Failed building wheel for x",
            "no-compiler",
            "command 'gcc' failed",
        ),
        ("../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc']]", "no-compiler", "no compiler is on the PATH"),
        ("error: command '/usr/bin/gcc' failed with exit code 1\nERROR: Failed building wheel for x", "not-built", "compilers"),
        (
            "error: subprocess-exited-with-error\nValueError: no time before 1980\n[end of output]\nERROR: Failed building wheel for x\nerror: failed-wheel-build-for-install",
            "not-built",
            "The installer said: ValueError: no time before 1980",
        ),
        ("something else", "install-failed", "`uv` ended with status 2. It said: something else"),
    ],
)
def test_what_an_installer_says_becomes_a_reason_and_a_next_step(said: str, code: str, words: str) -> None:
    error = explain(["/bin/uv", "pip"], 2, said.splitlines())
    assert error.code == code
    assert words in error.detail
