"""Where an image has its parts: the agent, the codes, and an interpreter for each of them."""

from __future__ import annotations

PYTHON = "/usr/bin/python3"
#: All that an image has beside its base.
FOLDER = "/opt/simyard"
AGENT = f"{FOLDER}/agent.pyz"
#: The same interpreter as a file that may be executed but not read. The kernel shows nobody the memory, the descriptors and the
#: environment of a process that is made of such a file, not even to the same user: that is what a code is in a container.
HIDDEN_PYTHON = "/opt/simyard/python"
#: How the agent is run: with nothing on its path that a code could have put there.
RUN_AGENT = (HIDDEN_PYTHON, "-I", AGENT)
#: The interpreter of codes that have none of their own.
OWN = "simyard"


def code_dir(code: str) -> str:
    """The folder of a code."""
    return f"/opt/simyard/codes/{code}"


def env(name: str) -> str:
    """The folder of an interpreter of that name in a `code.toml`; "" is Simyard's own."""
    return f"/opt/simyard/envs/{name or OWN}"


def interpreter(name: str) -> str:
    """Its Python."""
    return f"{env(name)}/bin/python"
