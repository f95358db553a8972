"""What tools/code_pictures.py draws of the reports that it has had made: numbers to SVG, or to pixels. Pure."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
Figure = Mapping[str, Any]
WIDTH, HEIGHT = 720, 300
#: From dark to light: good on a light page and on a dark one, and for the colour-blind. After "mako", and after "inferno".
COLOURS = ((11, 4, 5), (43, 28, 53), (62, 53, 107), (59, 86, 152), (53, 123, 162), (52, 158, 169), (73, 193, 173), (148, 221, 181), (222, 245, 229))  # fmt: skip
GLOWING = ((18, 8, 46), (52, 16, 84), (107, 29, 111), (178, 54, 95), (229, 101, 58), (249, 169, 58), (255, 243, 196))
#: Of particles that start near the orbit, and far from it.
BEAM = ("#4fd8e8", "#6fe3c4", "#a8e6a1", "#f2dc8d", "#ffb27a", "#ff8a7a")
#: Of atoms that are bound well, and badly.
ATOMS = ("#2c6f8f", "#35a2a6", "#7fd3a0", "#f2c46b", "#ff8f5a")
#: Between these percentiles of the energy atoms have these colours.
BOUND = (40, 72, 90, 97)
#: So many atoms are drawn, the nearest.
NEAREST = 1100


def array(value: Any) -> Array:
    """Numbers of a figure: a list, or a typed array in base64."""
    if isinstance(value, Mapping):
        found = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
        return found.reshape([int(n) for n in str(value["shape"]).split(",")]) if "shape" in value else found
    return np.array(value)


def heat_of(figure: Figure) -> Mapping[str, Any]:
    """The only heat map of a figure."""
    (found,) = [one for one in figure["data"] if "z" in one]
    heat: Mapping[str, Any] = found
    return heat


def optics(figure: Figure) -> str:
    """Both beta functions of a part of the storage ring, over its magnets."""
    curves = [one for one in figure["data"] if one.get("name", "").startswith("β")][:2]
    assert len(curves) == 2, [one.get("name") for one in figure["data"]]
    s = array(curves[0]["x"])
    part = s < s[-1] / 24 * 5
    top = max(float(array(one["y"])[part].max()) for one in curves) * 1.12
    paths = []
    for one, colour in zip(curves, ("#6ff0dc", "#ffb27a"), strict=True):
        x = array(one["x"])[part] / s[part][-1] * WIDTH
        y = HEIGHT - 52 - array(one["y"])[part] / top * (HEIGHT - 70)
        d = smooth(list(zip(*(each.tolist() for each in closer(x, y)), strict=True)))
        paths.append(
            f'<path d="{d}L{WIDTH} {HEIGHT - 40}L0 {HEIGHT - 40}Z" fill="{colour}" opacity=".10"/>'
            f'<path d="{d}" fill="none" stroke="{colour}" stroke-width="3.2" stroke-linejoin="round"/>'
        )
    cell = WIDTH / 5
    magnets = "".join(
        f'<rect x="{at * cell + start * cell:.1f}" y="{y}" width="{width * cell:.1f}" height="{height}" rx="2" fill="{colour}"/>'
        for at in range(-1, 6)
        for start, width, y, height, colour in (
            (-0.035, 0.07, HEIGHT - 42, 20, "#6ff0dc"),
            (0.465, 0.07, HEIGHT - 30, 20, "#ffb27a"),
            (0.12, 0.26, HEIGHT - 36, 14, "#3d8f97"),
            (0.62, 0.26, HEIGHT - 36, 14, "#3d8f97"),
        )
    )
    lines = "".join(f'<path d="M0 {y}H{WIDTH}" stroke="#fff" opacity=".07"/>' for y in range(38, HEIGHT - 50, 42))
    axis = f'<path d="M0 {HEIGHT - 29}H{WIDTH}" stroke="#fff" opacity=".35"/>'
    return svg(slope("#0a2a3a", "#0d4a4c"), lines + "".join(paths) + axis + magnets)


def closer(x: Array, y: Array) -> tuple[Array, Array]:
    """A curve with four times as many points, by cubics that go through those that are there."""
    x, which = np.unique(x, return_index=True)
    y, slope_there = y[which], np.gradient(y[which], x)
    fine = np.interp(np.arange(4 * len(x) - 3) / 4, np.arange(len(x)), x)
    at = np.clip(np.searchsorted(x, fine, "right") - 1, 0, len(x) - 2)
    wide = x[at + 1] - x[at]
    t = (fine - x[at]) / wide
    start, end = (1 + 2 * t) * (1 - t) ** 2 * y[at], t * t * (3 - 2 * t) * y[at + 1]
    return fine, start + end + wide * t * (1 - t) * ((1 - t) * slope_there[at] - t * slope_there[at + 1])


def smooth(points: Sequence[tuple[float, float]]) -> str:
    """The points as a path, without those that a straight line goes through anyway."""
    kept = [points[0]]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        (x0, y0), (x1, y1), (x2, y2) = before, here, after
        if x1 - kept[-1][0] > 0.4 and (abs((y1 - y0) * (x2 - x1) - (y2 - y1) * (x1 - x0)) > 0.01 or x1 - kept[-1][0] > 6):
            kept.append(here)
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in [*kept, points[-1]])


def beam(figure: Figure) -> str:
    """Where particles pass, in x and its momentum; the colour is how far from the orbit they have started."""
    plane = figure["data"][0]
    x, y, which = (array(one).astype(float) for one in (plane["x"], plane["y"], plane["marker"]["color"]))
    # upright, as in normalised coordinates: what the momentum has in common with the position is the beam's own divergence
    near = which < which.max() / 4
    y = y - x * (x[near] @ y[near]) / (x[near] @ x[near])
    at_x = (WIDTH / 2 + x / np.abs(x).max() * (WIDTH / 2 - 24)).round().astype(int)
    at_y = (HEIGHT / 2 - y / np.abs(y).max() * (HEIGHT / 2 - 12)).round().astype(int)
    group = np.minimum((which / (which.max() + 1) * len(BEAM)).astype(int), len(BEAM) - 1)
    paths = []
    for number, colour in enumerate(BEAM):
        last = None
        steps = []
        # a dot is a line of no length with round ends; each is told by its way from the one before
        for one in sorted({*zip(at_x[group == number].tolist(), at_y[group == number].tolist(), strict=True)}):
            steps.append(f"M{one[0]} {one[1]}h0" if last is None else f"m{one[0] - last[0]} {one[1] - last[1]}h0")
            last = one
        paths.append(f'<path d="{"".join(steps)}" stroke="{colour}"/>')
    cross = f'<path d="M0 {HEIGHT // 2}H{WIDTH}M{WIDTH // 2} 0V{HEIGHT}" stroke="#fff" opacity=".08"/>'
    dots = f'<g fill="none" stroke-width="2.4" stroke-linecap="round" opacity=".85">{"".join(paths)}</g>'
    glow = '<radialGradient id="g" r=".8"><stop stop-color="#17405a"/><stop offset="1" stop-color="#0a1a2f"/></radialGradient>'
    return svg(glow, cross + dots)


def atoms(figure: Figure) -> str:
    """A crystal from the side, its nearest atoms last; the colour is how badly they are bound: where planes have slipped, and outside."""
    cloud = figure["data"][0]
    x, depth, height, energy = (
        array(one).astype(float) for one in (cloud["x"], cloud["y"], cloud["z"], cloud["marker"]["color"])
    )
    scale = 1.06 * WIDTH / (x.max() - x.min())
    radius = 0.5 * scale  # half of the distance at which two atoms neither attract nor repel each other
    at_x = WIDTH / 2 + (x - (x.max() + x.min()) / 2) * scale
    at_y = HEIGHT / 2 - (height - (height.max() + height.min()) / 2) * scale
    colour = np.searchsorted(np.percentile(energy, BOUND), energy)
    # those behind others are not seen
    near = np.argsort(-depth)[-NEAREST:]
    light = np.clip(1.3 - (depth[near] - depth[near].min()) / (depth[near].max() - depth[near].min()), 0.3, 1)
    shown = "".join(
        f'<use href="#a{colour[one]}" x="{at_x[one]:.0f}" y="{at_y[one]:.0f}"{f" opacity={chr(34)}{much:.1f}{chr(34)}" if much < 0.95 else ""}/>'
        for one, much in zip(near.tolist(), light.tolist(), strict=True)
        if -radius < at_x[one] < WIDTH + radius and -radius < at_y[one] < HEIGHT + radius
    )
    balls = "".join(
        f'<radialGradient id="c{number}" cx=".36" cy=".32"><stop stop-color="#fff" stop-opacity=".85"/><stop offset=".35" stop-color="{one}"/>'
        f'<stop offset="1" stop-color="#071421"/></radialGradient><circle id="a{number}" r="{radius:.1f}" fill="url(#c{number})"/>'
        for number, one in enumerate(ATOMS)
    )
    return svg(slope("#0a1c33", "#0d3a4c") + balls, shown)


def slope(first: str, last: str) -> str:
    return f'<linearGradient id="g" x2=".6" y2="1"><stop stop-color="{first}"/><stop offset="1" stop-color="{last}"/></linearGradient>'


def svg(defined: str, drawn: str) -> str:
    """A picture on the ground that is defined as `g`."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"><defs>{defined}</defs>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="url(#g)"/>{drawn}</svg>\n'
    )


def pattern(figure: Figure) -> bytes:
    """A pattern that is periodic: a piece of it as wide as it needs to be."""
    field = array(heat_of(figure)["z"]).astype(float)
    rows = int(field.shape[1] * 1.5 * HEIGHT / WIDTH)
    wide = np.concatenate([field, field], axis=1)[:, : int(field.shape[1] * 1.5)]
    low, high = np.percentile(field, [0.5, 99.7])
    return png((np.concatenate([wide, wide], axis=0)[60 : 60 + rows] - low) / (high - low), COLOURS)


def radiation(figure: Figure) -> bytes:
    """Light on a screen, with what is faint made brighter, as an eye does."""
    field = array(heat_of(figure)["z"]).astype(float)[::-1]
    return png((field / field.max()) ** 0.5, GLOWING)


def png(part: Array, colours: Sequence[Sequence[int]]) -> bytes:
    """Numbers from 0 to 1 in colours."""
    at = np.clip(part, 0, 1) * (len(colours) - 1)
    table = np.array(colours, float)
    below = np.minimum(at.astype(int), len(colours) - 2)
    beyond = (at - below)[..., None]
    pixels = (table[below] * (1 - beyond) + table[below + 1] * beyond).astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">2I5B", pixels.shape[1], pixels.shape[0], 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
