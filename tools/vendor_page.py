"""Brings the page's libraries into src/simyard/web/static/vendor: named versions, checked by hash, imports made relative.

    python tools/vendor_page.py            # needs npm; commits nothing

The page has no build step and no import map (an import map is an inline script, which the Content-Security-Policy
forbids), so that `from "preact"` has to become `from "./preact.js"`. Nothing else in the files is changed.
"""

from __future__ import annotations

import base64
import hashlib
import io
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

VENDOR = Path(__file__).parents[1] / "src" / "simyard" / "web" / "static" / "vendor"

#: package@version → (SHA-512 of the package, {file in the package: file here})
PACKAGES = {
    "preact@11.2.0": (
        "/HfHI/7N84e6GrWBJ3J280z3mLaRJiDcSvj/A+y/4AbLnND/1UlGHe1sR6oYuTGwId0nP7dqDU9OnLxMPZ7xBg==",
        {"dist/preact.mjs": "preact.js", "hooks/dist/hooks.mjs": "preact-hooks.js"},
    ),
    "@preact/signals-core@1.14.5": (
        "vcRv7Ityz5JVmeiVqIluLFzT/PDS/AlhHUpw3/aUWqcVUs6bDGIPXE/6RSC4evBNWYvnniozg5Syfj33al3gkg==",
        {"dist/signals-core.module.js": "signals-core.js"},
    ),
    "@preact/signals@2.11.4": (
        "Rb+5RPo9gWSaHtzJeauhHxiC8KP/IF2DEPkHPEOGOnuy2wnJzRqyeLRankUCYd6ADqtxS6GnWGv6Ie343d8aYw==",
        {"dist/signals.module.js": "signals.js"},
    ),
    "htm@3.1.1": (
        "983Vyg8NwUE7JkZ6NmOqpCZ+sh1bKv2iYTlUkzlWmA5JD2acKoxd4KVxbMmxX/85mtfdnDmTFoNKcg5DGAvxNQ==",
        {"dist/htm.module.js": "htm.js"},
    ),
    "plotly.js-cartesian-dist-min@4.1.1": (
        "o8GrFeusncwBIxbBynRJpY4pkgVB6caM+JLpwrLYbbsO7dZ8FJ+SVN2Fr+L7kiG/Z6w4P5O0Jus/Qr5EefHVeg==",
        {"plotly-cartesian.min.js": "plotly-cartesian.min.js"},
    ),
    # everything else that Plotly draws; the strict one makes no code from text, which the Content-Security-Policy forbids
    "plotly.js-strict-dist-min@4.1.1": (
        "/M2gRAF8LeqafKIO/bUU+DQk7RlonVbwpPb2G/jZsfqCl/DttBfvF+wQfZ6vT9y9EKy47eDI/zfIWC/uA1L6TQ==",
        {"plotly-strict.min.js": "plotly-strict.min.js"},
    ),
    # the HDF5 library itself, compiled to WebAssembly; it makes no code from text, and runs in a worker of its own
    "h5wasm@0.10.3": (
        "W4Jy5ExtX/VNbyD8GdOBckDuj6AL16TemppVNxZsV3rJZEWCv2sxlCzOttZLer3zkMttbDYsWHl0qt1z3Bln+Q==",
        {"dist/esm/hdf5_hl.js": "h5wasm/hdf5_hl.js", "dist/esm/hdf5_util.js": "h5wasm/hdf5_util.js"},
    ),
}

#: Longest first: "preact" is the beginning of "preact/hooks".
IMPORTS = {'"@preact/signals-core"': '"./signals-core.js"', '"preact/hooks"': '"./preact-hooks.js"', '"preact"': '"./preact.js"'}


def fetch(package: str) -> bytes:
    """The package's archive, as npm gives it."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True)
        return (Path(folder) / done.stdout.split()[-1]).read_bytes()


def main() -> None:
    for package, (wanted, files) in PACKAGES.items():
        archive = fetch(package)
        digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
        if digest != wanted:
            raise SystemExit(f"{package}: its hash is {digest}, expected {wanted}")
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            for inside, here in files.items():
                member = tar.extractfile(f"package/{inside}")
                assert member is not None
                text = member.read().decode()
                if not here.startswith("plotly"):
                    for name, path in IMPORTS.items():
                        text = text.replace(f"from{name}", f"from{path}")
                    text = "".join(line for line in text.splitlines(True) if not line.startswith("//# sourceMappingURL"))
                (VENDOR / here).parent.mkdir(exist_ok=True)
                (VENDOR / here).write_text(text, "utf-8")
            licence = tar.extractfile(next(name for name in tar.getnames() if re.fullmatch(r"package/LICENSE(\.txt)?", name)))
            assert licence is not None
            name = package.rsplit("@", 1)[0].replace("@", "").replace("/", "-")
            (VENDOR / f"LICENSE.{name}").write_bytes(licence.read())
        print(package)


if __name__ == "__main__":
    main()
