"""A package that comes as source only, as some of Xsuite's do: three small files, which any Python can make a wheel of."""

from __future__ import annotations

import hashlib
import io
import tarfile

NAME = "made_there-1.0.tar.gz"
#: What makes a wheel of it, of the form that any backend's has.
_BACKEND = """\
import zipfile
{imports}

def build_wheel(folder, config_settings=None, metadata_directory=None):
    info, name = "made_there-1.0.dist-info", "made_there-1.0-py3-none-any.whl"
    files = {{
        "made_there.py": "ANSWER = 43\\n",
        info + "/METADATA": "Metadata-Version: 2.1\\nName: made-there\\nVersion: 1.0\\n",
        info + "/WHEEL": "Wheel-Version: 1.0\\nGenerator: a test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    }}
    files[info + "/RECORD"] = "".join(path + ",,\\n" for path in [*files, info + "/RECORD"])
    with zipfile.ZipFile(folder + "/" + name, "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name
"""


def made(*built_with: str) -> bytes:
    """Its file; those packages are what it is built with, and must be there for it."""
    files = {
        "pyproject.toml": f'[build-system]\nrequires = {list(built_with)}\nbuild-backend = "making"\nbackend-path = ["."]\n',
        "making.py": _BACKEND.format(imports="\n".join(f"import {name}" for name in built_with)),
        "PKG-INFO": "Metadata-Version: 2.1\nName: made-there\nVersion: 1.0\n",
    }
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(f"made_there-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return buffer.getvalue()


def pinned(source: bytes) -> str:
    """A lock's line for it."""
    return f"made-there==1.0 --hash=sha256:{hashlib.sha256(source).hexdigest()}\n"
