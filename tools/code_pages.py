"""Writes docs/reference/codes/declared/NAME.md from the declaration of each code that comes along, as `simyard code docs` does, so that
the two cannot differ (tests/unit/test_docs.py holds it)."""

from __future__ import annotations

import sys
from pathlib import Path

from simyard.cli.describe_code import page
from simyard.codes import registry
from simyard.config import Config

FOLDER = Path(__file__).parent.parent / "docs" / "reference" / "codes" / "declared"


def pages() -> dict[Path, str]:
    """The text of each page by its path."""
    made = {}
    own = registry.parents(Config(home=Path("/nowhere")))[0]
    for code in registry.load(Config(home=Path("/nowhere"))).values():
        if code.folder.parent == own:
            head, _, rest = page(code).partition("\n")
            more = (
                f" What it computes, and how: [{code.name}](../{code.name}.md)."
                if (FOLDER.parent / f"{code.name}.md").exists()
                else ""
            )
            words = f"(Made from its `code.toml` by `make format`, as `simyard code docs {code.name}` writes it.{more})"
            made[FOLDER / f"{code.name}.md"] = f"{head}\n\n{words}\n{rest}"
    return made


def wrong() -> list[str]:
    """What does not say what the declarations say."""
    made = pages()
    odd = [path for path, text in made.items() if not path.exists() or path.read_text("utf-8") != text]
    return sorted(str(path) for path in {*odd, *(set(FOLDER.glob("*.md")) - set(made))})


if __name__ == "__main__":
    if sys.argv[1:] == ["--check"]:
        sys.exit(f"{', '.join(wrong())} is not what the code declares: run make format" if wrong() else 0)
    FOLDER.mkdir(exist_ok=True)
    for gone in set(FOLDER.glob("*.md")) - set(pages()):
        gone.unlink()
    for path, text in pages().items():
        path.write_text(text, "utf-8")
