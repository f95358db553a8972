"""Amounts of bytes in words."""

from __future__ import annotations

import pytest

from simyard.protocol.amounts import share, size

GIB = 1 << 30


@pytest.mark.parametrize(
    "number, words", [(0, "0 B"), (512 << 20, "512 MiB"), (1536, "1.5 KiB"), (1000, "1000 B"), (5 << 50, "5120 TiB")]
)
def test_sizes(number: int, words: str) -> None:
    assert size(number) == words


@pytest.mark.parametrize(
    "part, whole, words",
    [
        (0, 10 * GIB, "0 of 10 GiB"),
        (int(10.2 * GIB), 10 * GIB, "10.2 of 10 GiB"),
        (10 * GIB, 10 * GIB, "10 of 10 GiB"),
        (10 * GIB + (8 << 20), 10 * GIB, "10.01 of 10 GiB"),
        (40 << 10, 20 << 20, "0.0391 of 20 MiB"),
    ],
)
def test_parts_are_told_apart_from_the_whole(part: int, whole: int, words: str) -> None:
    assert share(part, whole) == words
