"""The documentation says what is so: links lead somewhere, settings and commands are all there, code can be read."""

from __future__ import annotations

import ast
import dataclasses
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from simyard import config
from simyard.errors import SimyardError

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def blocks(page: Path, language: str) -> Iterator[tuple[int, str]]:
    """The code blocks of a page, each with its line."""
    text = page.read_text("utf-8")
    for match in re.finditer(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        yield text.count("\n", 0, match.start()) + 1, match[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)):
        if not target.startswith(("http://", "https://", "#")):
            assert (page.parent / target.partition("#")[0]).exists(), f"{page}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_python_and_toml_can_be_read(page: Path) -> None:
    for line, code in blocks(page, "python"):
        try:
            ast.parse(code)
        except SyntaxError as error:
            pytest.fail(f"{page}:{line}: {error}")
    for line, text in blocks(page, "toml"):
        try:
            tomllib.loads(text.replace("…", "0"))
        except tomllib.TOMLDecodeError as error:
            pytest.fail(f"{page}:{line}: {error}")


def test_each_picture_is_one_that_the_script_makes_and_all_of_those_are_shown() -> None:
    from tools import screenshots

    named = {
        ((page.parent / target).resolve(), page.name)
        for page in PAGES
        for target in re.findall(r"!\[[^\]]+\]\(([^)\s]+\.png)\)", page.read_text("utf-8"))
    }
    made = {screenshots.IMAGES / f"{name}.png" for name in screenshots.PICTURES}
    assert {path for path, _ in named} == made
    assert {path for path, page in named if page == "tutorial.md"} == made, "each step of the tutorial has its picture"
    assert set(screenshots.IMAGES.iterdir()) == made
    for path in made:
        assert path.stat().st_size <= screenshots.LIMIT, path


def test_the_commands_are_described_as_they_are() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "cli_reference.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_codes_that_come_along_are_described_as_they_are_declared() -> None:
    from tools import code_pages

    assert len(code_pages.pages()) >= 5
    assert code_pages.wrong() == [], "run make format"


def test_every_setting_is_described() -> None:
    page = (ROOT / "docs" / "reference" / "configuration.md").read_text("utf-8")
    sections = (
        config.WebConfig,
        config.DatabaseConfig,
        config.DockerConfig,
        config.TargetConfig,
        config.ClusterConfig,
        config.ClusterCode,
    )
    for cls in (config.Config, *sections):
        for field in dataclasses.fields(cls):
            assert f"`{field.name}`" in page or f"`[{field.name}" in page or field.name in {"home", "codes"}, field.name


def test_the_settings_in_the_examples_are_valid(tmp_path: Path) -> None:
    for page in PAGES:
        for line, text in blocks(page, "toml"):
            settings = tomllib.loads(text.replace("…", "0"))
            if set(settings) & {"web", "targets", "codes_path", "interpreters", "database", "docker", "clusters"}:
                try:
                    config.from_settings(tmp_path, settings, f"{page}:{line}")
                except SimyardError as error:
                    pytest.fail(error.detail)


def test_shell_commands_exist() -> None:
    """Each `simyard …` in a page names a command and options that there are."""
    import click

    from simyard.cli import cli

    for page in PAGES:
        if page.name == "cli.md":
            continue
        for line, text in blocks(page, "sh"):
            for command in re.findall(
                r"^(?:source .*&& )?simyard (?:--(?:home|codes) \S+ )*(.+?)(?:\s+#.*)?$", text, re.MULTILINE
            ):
                words = command.split()
                group: click.Command = cli
                context = click.Context(cli, info_name="simyard")
                while isinstance(group, click.Group):
                    name, found, words = group.resolve_command(context, words)
                    assert found is not None, f"{page}:{line}: {command}"
                    group = found
                    context = click.Context(group, info_name=name, parent=context)
                known = {option for one in group.params for option in one.opts}
                for word in words:
                    if word.startswith("-"):
                        assert word.partition("=")[0] in known, f"{page}:{line}: {command}: {word}"
