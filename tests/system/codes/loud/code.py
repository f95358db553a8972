"""A code that says markup: in its log, its reason, its results, its warnings and its plot."""

from __future__ import annotations

from typing import Any

BAD = "<img src=x onerror=alert('{0}')><script>alert('{0}')</script>"


def prepare(run: Any) -> Any:
    return shout


def shout(run: Any) -> None:
    print(BAD.format("log"))
    if run.inputs["amount"] < 0:
        raise ValueError(BAD.format("reason"))


def finish(run: Any) -> Any:
    if run.exit_code != 0:
        return None
    return {"results": {BAD.format("result"): BAD.format("value")}, "warnings": [BAD.format("warning")]}


def report(run: Any, name: str, frame: int) -> dict[str, Any]:
    link = "<a href=\"javascript:alert('link')\" onclick=\"alert('click')\">link</a>"
    return {
        "data": [{"type": "scatter", "x": [1, 2], "y": [1, 2], "name": BAD.format("trace") + link}],
        "layout": {"title": {"text": BAD.format("title") + link}, "showlegend": True},
    }
