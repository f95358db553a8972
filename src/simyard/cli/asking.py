"""What a host asks, asked in the terminal: as the host words it, and not echoed where the host says so. Answers are never arguments."""

from __future__ import annotations

import getpass
import sys
import warnings
from collections.abc import Sequence

import click

from simyard.cli.common import note
from simyard.errors import InvalidRequest


def answers(host: str, words: str, prompts: Sequence[tuple[str, bool]]) -> list[str]:
    """The answers to prompts of (text, whether it may be seen): from the terminal, or, where standard input is none, a line of that for
    each. Raises InvalidRequest where there is nobody to ask."""
    if words:
        note(words)
    elif not any(host in text for text, _ in prompts):
        note(f"{host} asks:")
    return [_answer(text, echo=echo) for text, echo in prompts]


def trusts(host: str, key_type: str, fingerprint: str, accepted: str) -> bool:
    """Whether an unknown host is the right one: its fingerprint is the one that was `accepted` beforehand, or somebody says so now."""
    note(f"The host {host} is not known yet. Its {key_type} key has the fingerprint", f"    {fingerprint}")
    if accepted:
        if accepted != fingerprint:
            note(f"That is not {accepted}, which was to be accepted: it is not trusted.")
        return accepted == fingerprint
    if not sys.stdin.isatty():
        note("Compare it with what the site tells, and give it with --accept.")
        return False
    return click.confirm("Compare it with what the site tells. Is it the same?", default=False, err=True)


def may_ask() -> bool:
    """Whether there is a person who can be asked again."""
    return sys.stdin.isatty()


def _answer(text: str, *, echo: bool) -> str:
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        if not line:
            raise InvalidRequest(
                "no-terminal",
                f"The host asks {text.strip()!r}, and there is no terminal to ask in, and no line left on standard input.",
            )
        return line.rstrip("\r\n")
    shown = text if text.endswith((" ", "\n")) else f"{text} "
    if not echo:
        with warnings.catch_warnings():
            # rather no answer than one that can be read on the screen
            warnings.simplefilter("error", getpass.GetPassWarning)
            try:
                return getpass.getpass(shown, sys.stderr)
            except getpass.GetPassWarning:
                raise InvalidRequest("no-terminal", "This terminal cannot hide what is typed; use another one.") from None
            except EOFError:
                raise click.Abort from None
    click.echo(shown, nl=False, err=True)
    line = sys.stdin.readline()
    if not line:
        raise click.Abort
    return line.rstrip("\r\n")
