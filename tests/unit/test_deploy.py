"""What a site is made from says what is so: its commands exist, its settings can be read, its variables are explained."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import click
import pytest

from simyard import config
from simyard.cli import cli

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = sorted(DEPLOY.glob("systemd/*.service"))
COMPOSE = DEPLOY / "compose" / "compose.yaml"


def check_command(words: list[str]) -> None:
    """Every word before the first argument is a command, and every option is one of its own."""
    group: click.Command = cli
    context = click.Context(cli, info_name="simyard")
    while isinstance(group, click.Group):
        name, found, words = group.resolve_command(context, words)
        assert found is not None, name
        group = found
        context = click.Context(group, info_name=name, parent=context)
    group.make_context("simyard", words, parent=context)


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_commands_of_a_unit_exist_and_nobody_in_it_is_root(unit: Path) -> None:
    text = unit.read_text("utf-8")
    commands = re.findall(r"^Exec\w+=/opt/simyard/bin/simyard (.+)$", text, re.MULTILINE)
    assert commands or unit.name == "simyard-proxy.service"
    for command in commands:
        check_command(command.split())
    assert re.findall(r"^User=(.*)$", text, re.MULTILINE) in (["simyard"], ["www-data"])
    assert "NoNewPrivileges=yes" in text


def test_the_commands_of_the_compose_file_exist() -> None:
    text = COMPOSE.read_text("utf-8")
    commands = re.findall(r"^\s*command: \[simyard, (.+)\]$", text, re.MULTILINE)
    commands += re.findall(r"test: \[CMD, simyard, (.+?)\]", text)
    assert len(commands) == 5
    for command in commands:
        check_command(command.split(", "))


def test_each_variable_of_the_compose_file_is_explained() -> None:
    used = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text("utf-8")))
    assert used == set(re.findall(r"^(\w+)=", (DEPLOY / "compose" / ".env.example").read_text("utf-8"), re.MULTILINE))


@pytest.mark.parametrize("where", ["compose", "systemd"])
def test_the_settings_of_a_site_can_be_used(where: str, tmp_path: Path) -> None:
    found = config.from_settings(tmp_path, tomllib.loads((DEPLOY / where / "simyard.toml").read_text("utf-8")), where)
    assert found.default_target == "containers"
    assert found.targets["containers"].kind == "docker"
    assert not found.targets["local"].enabled
    # the proxy's configuration names the same socket
    assert f"server unix:{found.web.socket};" in (DEPLOY / "nginx" / "site.conf").read_text("utf-8")
