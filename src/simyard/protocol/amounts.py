"""Amounts of bytes in words, as agent, supervisor and web all say them."""

from __future__ import annotations

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def size(number: int) -> str:
    """Bytes as people read them: `512 MiB`, `1.5 GiB`."""
    scale = _scale(number)
    return f"{_figure(number / 1024**scale)} {_UNITS[scale]}"


def share(part: int, whole: int) -> str:
    """`10.2 of 10 GiB`: as many digits as it takes to tell two different amounts apart."""
    scale = _scale(whole)
    unit = 1024**scale
    digits = 3
    while digits < 6 and part != whole and _figure(part / unit, digits) == _figure(whole / unit, digits):
        digits += 1
    return f"{_figure(part / unit, digits)} of {_figure(whole / unit)} {_UNITS[scale]}"


def _scale(number: int) -> int:
    scale = 0
    while abs(number) >= 1024 ** (scale + 1) and scale < len(_UNITS) - 1:
        scale += 1
    return scale


def _figure(amount: float, digits: int = 3) -> str:
    # without an exponent, which %g gives 1000 and more
    return f"{amount:.{digits}g}" if abs(amount) < 999.5 else f"{amount:.0f}"
