"""Makes the pictures of the package's codes (picture.svg, picture.webp in their folders) from results of their own.

python -m tools.code_pictures [CODE …]   # from the root of the checkout; needs Chromium (tools/debian), and some minutes
"""

from __future__ import annotations

import base64
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from simyard.client import Client
from simyard.codes import install, registry
from simyard.config import Config
from tests.madx_environment import CODES, HOME
from tests.system.page_kit import Yard, chromium
from tools import code_drawings as drawings

#: The page of codes is to be there at once: no picture is larger (bytes).
LIMIT = 60_000
#: Which report of which run a picture is made of, by its code, and how. Of a report with frames it is the last one.
PICTURES: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "madx": ("twiss", "storage_ring", {}, "beta"),
    "grayscott": ("evolve", "coral", {"size": 256, "steps": 14000, "frames": 2}, "field"),
    # somewhat below the second harmonic, which has no light on the axis, and the next one's in the corners
    "srw": (
        "intensity", "undulator",
        {"photon_energy": "1.94*9496.3*energy^2/(period*(1+k^2/2))", "window_x": 7.2, "window_y": 3.0, "points": 201}, "intensity",
    ),
    "xsuite": ("track", "dynamic_aperture", {"particles": 60, "frames": 10}, "phase_space"),
    "lammps": ("dynamics", "warm_tension", {"length": 16, "width": 7, "equilibration": 500, "strain": 0.14, "frames": 20}, "particles"),
}  # fmt: skip
DRAWN = {"madx": drawings.optics, "xsuite": drawings.beam, "lammps": drawings.atoms}
PAINTED = {"grayscott": drawings.pattern, "srw": drawings.radiation}


def main() -> None:
    wanted = sys.argv[1:] or list(PICTURES)
    with tempfile.TemporaryDirectory(prefix="yard-") as folder:
        yard = Yard(Path(folder) / "home", Path(folder))
        install_codes(yard.home, wanted)
        with yard:
            figures = {code: figure(yard.client, code) for code in wanted}
    for code in DRAWN.keys() & figures:
        save(f"{code}/picture.svg", DRAWN[code](figures[code]).encode())
    with chromium() as browser:
        page = browser.new_page()
        for code in PAINTED.keys() & figures:
            save(f"{code}/picture.webp", webp(page, PAINTED[code](figures[code])))


def install_codes(home: Path, names: list[str]) -> None:
    """Have these codes in that home folder: installed once, with those of the tests, and linked."""
    kept = Config(home=HOME)
    for code in map(registry.load(kept).code, names):
        if code.python:
            install.install(kept, code, print)
    (home / "envs").symlink_to(HOME / "envs")


def figure(client: Client, code: str) -> drawings.Figure:
    """The report that a picture is made of."""
    model, example, inputs, report = PICTURES[code]
    run = client.run(code, model, example=example, inputs=inputs).wait(600)
    assert run.state == "completed", f"{code}: {run.reason}"
    many = next(one for one in client.code(code)["reports"] if one["name"] == report)["frames"]
    return run.report(report, run.data["progress"]["frames"] - 1 if many else None)


def webp(page: Page, png: bytes) -> bytes:
    """A picture at the size of all of them, painted by a browser."""
    uri = "data:image/png;base64," + base64.b64encode(png).decode()
    said: str = page.evaluate(
        """async ([uri, width, height]) => {
          const image = new Image(); image.src = uri; await image.decode();
          const canvas = Object.assign(document.createElement('canvas'), { width, height });
          const to = canvas.getContext('2d'); to.imageSmoothingQuality = 'high';
          to.drawImage(image, 0, 0, width, height);
          return canvas.toDataURL('image/webp', 0.82);
        }""",
        [uri, drawings.WIDTH, drawings.HEIGHT],
    )
    return base64.b64decode(said.partition(",")[2])


def save(name: str, data: bytes) -> None:
    assert len(data) <= LIMIT, f"{name} has {len(data)} bytes"
    (CODES / name).write_bytes(data)
    print(f"src/simyard/codes/{name}: {len(data)} bytes")


if __name__ == "__main__":
    main()
