"""The command line without a server: its words, its exit statuses, and how a value is read from a text."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from simyard.cli.run import parse_settings
from simyard.errors import InvalidRequest

TYPES = {
    "n": "number",
    "i": "integer",
    "b": "boolean",
    "s": "string",
    "t": "text",
    "c": "choice",
    "e": "expression",
    "r": "table",
}


def simyard(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SIMYARD_U")}
    return subprocess.run(
        [Path(sys.executable).parent / "simyard", "--home", home, *arguments],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env=environment,
    )


@pytest.mark.parametrize(
    "text, value",
    [
        ("n=2.5", 2.5),
        ("n=-1e3", -1000.0),
        ("i=7", 7),
        ("b=true", True),
        ("b=No", False),
        ("s=a=b", "a=b"),
        ("s=5", "5"),
        ("c=electron", "electron"),
        ("e= 360/cells ", "360/cells"),
        ("e=5", "5"),  # whoever checks it takes it as a number
        ('r=[{"x": 1}]', [{"x": 1}]),
    ],
)
def test_a_setting_has_the_type_of_its_input(text: str, value: Any) -> None:
    assert list(parse_settings((text,), TYPES).values()) == [value]


@pytest.mark.parametrize("text", ["n=abc", "b=perhaps", "nosuch=1", "justatext", "n=", "r=x", "r=@nowhere.json"])
def test_a_setting_that_cannot_be_is_refused_with_its_own_words(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_settings((text,), TYPES)
    assert text.partition("=")[0] in caught.value.detail


def test_a_text_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "t").write_text("lines\nof text\n")
    assert parse_settings((f"t=@{tmp_path / 't'}",), TYPES) == {"t": "lines\nof text\n"}


def test_without_a_server_a_run_says_what_to_do(tmp_path: Path) -> None:
    said = simyard(tmp_path, "run", "grayscott")
    assert said.returncode == 3
    assert "Start it with `simyard up`" in said.stderr


def test_with_json_an_error_is_one_value_on_stdout(tmp_path: Path) -> None:
    said = simyard(tmp_path, "run", "list", "--json")
    assert json.loads(said.stdout)["error"]["code"] == "not-running"
    assert said.returncode == 3


def test_wrong_usage_is_status_2(tmp_path: Path) -> None:
    assert simyard(tmp_path, "run", "list", "--nonsense").returncode == 2
    assert simyard(tmp_path, "nonsense").returncode == 2


def test_a_bad_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / "simyard.toml").write_text("[web]\nprot = 1\n")
    said = simyard(tmp_path, "up", "--detach")
    assert said.returncode == 4
    assert "prot" in said.stderr


def test_config_show_says_where_a_value_comes_from(tmp_path: Path) -> None:
    (tmp_path / "simyard.toml").write_text("[web]\nport = 1234\n")
    shown = {one["name"]: one for one in json.loads(simyard(tmp_path, "config", "show", "--json").stdout)}
    assert shown["web.port"] == {"name": "web.port", "value": "1234", "from": str(tmp_path / "simyard.toml")}
    assert shown["web.host"]["from"] == "default"


def test_doctor_says_that_nothing_runs_and_which_codes_can(tmp_path: Path) -> None:
    said = simyard(tmp_path, "doctor", "--json")
    found = {one["what"]: one for one in json.loads(said.stdout)}
    assert found["running"]["state"] == "missing"
    assert found["code grayscott"]["state"] == "good"
    assert said.returncode == 0


def test_a_new_code_holds_the_contract(tmp_path: Path) -> None:
    assert simyard(tmp_path, "code", "new", "pendulum", "--in", str(tmp_path)).returncode == 0
    said = simyard(tmp_path, "code", "test", str(tmp_path / "pendulum"), "--json")
    assert said.returncode == 0, said.stdout + said.stderr
    assert {"swing: completes with example gentle", "swing: report curve", "swing: cancel leaves nothing behind"} <= {
        one["what"] for one in json.loads(said.stdout)
    }


def test_a_code_that_breaks_the_contract_is_found_out(tmp_path: Path) -> None:
    simyard(tmp_path, "code", "new", "broken", "--in", str(tmp_path))
    program = tmp_path / "broken" / "code.py"
    program.write_text(
        program.read_text().replace('"layout":', '"lay": 1, "layout": [],"x":').replace("def finish", "def no_finish")
    )
    found = {
        one["what"]: one["passed"]
        for one in json.loads(simyard(tmp_path, "code", "test", str(tmp_path / "broken"), "--json").stdout)
    }
    assert not found["swing: report curve"]
    program.write_text("def prepare(run):\n    raise RuntimeError('no')\n")
    said = simyard(tmp_path, "code", "test", str(tmp_path / "broken"))
    assert said.returncode == 1
    assert "failed: code.py, line 2: no; prepare(run) refuses it" in said.stdout


def test_help_does_not_load_a_server(tmp_path: Path) -> None:
    code = "import sys; from simyard.cli import cli; cli.main(['--help'], standalone_mode=False); print(sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("rich", "flask", "tornado", "sqlalchemy", "numpy", "http.client"):
        assert f"'{heavy}'" not in loaded


def test_the_keeper_loads_next_to_nothing() -> None:
    from simyard import up

    code = f"import sys; sys.path.insert(0, {str(Path(up.__file__).parents[1])!r}); import simyard.up; print(len(sys.modules))"
    loaded = int(subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True).stdout)
    assert loaded < 90, "it stays in memory for months: what does it import?"


def test_completion_is_offered(tmp_path: Path) -> None:
    shown = subprocess.run(
        [Path(sys.executable).parent / "simyard"],
        env={**os.environ, "_SIMYARD_COMPLETE": "bash_complete", "COMP_WORDS": "simyard ru", "COMP_CWORD": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert "run" in shown
