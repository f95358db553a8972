"""docs/how-to/add-a-program.md, followed to the letter: its files written, its commands given, in an empty home."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs/how-to/add-a-program.md"
#: What is written, or given: the language of the block, the sentence before it.
STEP = re.compile(r"((?:^(?!```).*\n)*)^```(\w+)\n((?:.*\n)*?)```", re.MULTILINE)


def test_a_newcomer_who_follows_the_page_has_a_code(tmp_path: Path) -> None:
    environment = {"HOME": str(tmp_path), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "LANG": "C.UTF-8"}
    home = tmp_path / ".local/share/simyard"
    home.mkdir(parents=True)
    folder = tmp_path / "codes/rod"
    said = ""
    written = []
    for before, language, block in STEP.findall(PAGE.read_text("utf-8")):
        if language != "sh":
            name = re.findall(r"Write this (?:line )?into `([a-z.]+)`", before)[-1]
            (home if name == "simyard.toml" else folder).joinpath(name).write_text(block, "utf-8")
            written.append(name)
        elif not block.startswith("simyard run"):  # which needs a Simyard that is up
            where = folder if folder.exists() else tmp_path
            done = subprocess.run(
                ["bash", "-e"], input=block, cwd=where, env=environment, capture_output=True, text=True, check=False, timeout=100
            )
            assert done.returncode == 0, (block, done.stdout, done.stderr)
            said += done.stdout
    assert written == ["rod.c", "rod.in", "code.toml", "simyard.toml"]
    for words in ("✓ cool: completes with example short", "✓ cool: report curve", "✓ cool: report map", "✓ cool: cancel leaves"):
        assert words in said
    assert "✗" not in said
    assert re.search(r"^rod +Heat in a rod", said, re.MULTILINE), said
