"""Stop 1, web: lists a page at a time: `{"items": […], "cursor": …}`, where an empty cursor is the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


def page(found: Sequence[T], limit: int, shown: Callable[[T], Any], cursor: Callable[[T], Any]) -> dict[str, Any]:
    """The page of at most `limit` items; `found` has one more where there is another page."""
    items = found[:limit]
    return {"items": [shown(one) for one in items], "cursor": cursor(items[-1]) if len(found) > limit else ""}
