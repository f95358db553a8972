"""Makes the pictures of the package's codes (picture.svg, picture.webp in their folders) from results of their own.

python -m tools.code_pictures            # from the root of the checkout; needs Chromium (tools/debian)
"""

from __future__ import annotations

import base64
import struct
import tempfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np

from simyard.client import Client
from tests.system.page_kit import ROOT, Yard, chromium, install_madx

CODES = ROOT / "src" / "simyard" / "codes"
WIDTH, HEIGHT = 720, 300
LIMIT = 60_000
#: From dark to light: good on a light page and on a dark one (after "mako", which colour-blind people can read).
COLOURS = ((11, 4, 5), (43, 28, 53), (62, 53, 107), (59, 86, 152), (53, 123, 162), (52, 158, 169), (73, 193, 173), (148, 221, 181), (222, 245, 229))  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="yard-") as folder:
        yard = Yard(Path(folder) / "home", Path(folder))
        install_madx(yard.home)
        with yard:
            save("madx/picture.svg", optics(yard.client).encode())
            field = pattern(yard.client)
    with chromium() as browser:
        page = browser.new_page()
        uri = "data:image/png;base64," + base64.b64encode(png(field)).decode()
        said: str = page.evaluate(
            """async ([uri, width, height]) => {
              const image = new Image(); image.src = uri; await image.decode();
              const canvas = Object.assign(document.createElement('canvas'), { width, height });
              const to = canvas.getContext('2d'); to.imageSmoothingQuality = 'high';
              to.drawImage(image, 0, 0, width, height);
              return canvas.toDataURL('image/webp', 0.82);
            }""",
            [uri, WIDTH, HEIGHT],
        )
    save("grayscott/picture.webp", base64.b64decode(said.partition(",")[2]))


def save(name: str, data: bytes) -> None:
    assert len(data) <= LIMIT, f"{name} has {len(data)} bytes"
    (CODES / name).write_bytes(data)
    print(f"src/simyard/codes/{name}: {len(data)} bytes")


def array(value: Any) -> np.ndarray[Any, np.dtype[Any]]:
    """Numbers of a figure: a list, or a typed array in base64."""
    if isinstance(value, dict):
        found = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
        return found.reshape([int(n) for n in str(value["shape"]).split(",")]) if "shape" in value else found
    return np.array(value)


def optics(client: Client) -> str:
    """Both beta functions of a part of the storage ring, over its magnets."""
    run = client.run("madx", "twiss", example="storage_ring", wait=60).wait(60)
    assert run.state == "completed", run.reason
    curves = [one for one in run.report("beta")["data"] if one.get("name", "").startswith("β")][:2]
    assert len(curves) == 2, [one.get("name") for one in run.report("beta")["data"]]
    s = array(curves[0]["x"])
    part = s < s[-1] / 24 * 5
    top = max(float(array(one["y"])[part].max()) for one in curves) * 1.12
    paths = []
    for one, colour in zip(curves, ("#6ff0dc", "#ffb27a"), strict=True):
        x = array(one["x"])[part] / s[part][-1] * WIDTH
        y = HEIGHT - 52 - array(one["y"])[part] / top * (HEIGHT - 70)
        d = smooth(list(zip(x.tolist(), y.tolist(), strict=True)))
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
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">'
        '<defs><linearGradient id="g" x2=".6" y2="1"><stop stop-color="#0a2a3a"/><stop offset="1" stop-color="#0d4a4c"/></linearGradient></defs>'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="url(#g)"/>{lines}{"".join(paths)}'
        f'<path d="M0 {HEIGHT - 29}H{WIDTH}" stroke="#fff" opacity=".35"/>{magnets}</svg>\n'
    )


def smooth(points: list[tuple[float, float]]) -> str:
    """The points as a path, without those that a straight line goes through anyway."""
    kept = [points[0]]
    for before, here, after in zip(points, points[1:], points[2:], strict=False):
        (x0, y0), (x1, y1), (x2, y2) = before, here, after
        if x1 - kept[-1][0] > 0.4 and (abs((y1 - y0) * (x2 - x1) - (y2 - y1) * (x1 - x0)) > 0.01 or x1 - kept[-1][0] > 6):
            kept.append(here)
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in [*kept, points[-1]])


def pattern(client: Client) -> np.ndarray[Any, np.dtype[Any]]:
    """A coral, which is periodic: a piece of it as wide as it needs to be."""
    run = client.run("grayscott", "evolve", example="coral", inputs={"size": 256, "steps": 14000, "frames": 2}).wait(240)
    assert run.state == "completed", run.reason
    (heat,) = [one for one in run.report("field", frame=run.data["progress"]["frames"] - 1)["data"] if "z" in one]
    field = array(heat["z"]).astype(float)
    rows = int(field.shape[1] * 1.5 * HEIGHT / WIDTH)
    wide = np.concatenate([field, field], axis=1)[:, : int(field.shape[1] * 1.5)]
    return np.concatenate([wide, wide], axis=0)[60 : 60 + rows]


def png(field: np.ndarray[Any, np.dtype[Any]]) -> bytes:
    """The field in colours."""
    low, high = np.percentile(field, [0.5, 99.7])
    at = np.clip((field - low) / (high - low), 0, 1) * (len(COLOURS) - 1)
    table = np.array(COLOURS, float)
    below = np.minimum(at.astype(int), len(COLOURS) - 2)
    part = (at - below)[..., None]
    pixels = (table[below] * (1 - part) + table[below + 1] * part).astype(np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">2I5B", pixels.shape[1], pixels.shape[0], 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


if __name__ == "__main__":
    main()
