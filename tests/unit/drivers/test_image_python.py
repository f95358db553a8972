"""An interpreter of this machine in an image: which can be copied, and which cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from simyard.drivers.base import DriverError
from simyard.drivers.docker import image_python


def asked(folder: Path, prefix: str, own: str = "") -> Path:
    """A program that answers as a Python 2.7 in `prefix` would."""
    python = folder / "asked"
    python.write_text(f"#!/bin/sh\nprintf '%s\\n%s\\n2.7\\n' '{prefix}' '{own or prefix}'\n")
    python.chmod(0o755)
    return python


def test_a_copy_has_packages_and_programs_and_finds_itself(tmp_path: Path) -> None:
    prefix = tmp_path / "versions" / "2.7.18"
    for name in ("bin/python2.7", "bin/tool", "lib/python2.7/os.py", "lib/python2.7/os.pyc", "lib/python2.7/test/test_os.py",
                 "lib/python2.7/site-packages/some/test/part.py", "lib/libpython2.7.a", "share/man/x.1"):  # fmt: skip
        (prefix / name).parent.mkdir(parents=True, exist_ok=True)
        (prefix / name).touch()
    (prefix / "bin" / "python").symlink_to("python2.7")
    (prefix / "bin" / "python2.7").write_text('#!/bin/sh\necho "$PYTHONHOME" "$LD_LIBRARY_PATH" "$@"\n')
    (prefix / "bin" / "python2.7").chmod(0o755)
    (prefix / "bin" / "tool").write_text(f"#!{prefix}/bin/python2.7\n")
    copied = tmp_path / "copied"
    script = image_python.copy(asked(tmp_path, str(prefix)), copied, "/opt/there/bin/python")
    kept = sorted(str(path.relative_to(copied)) for path in copied.rglob("*") if path.is_file())
    assert kept == [
        "bin/python", "bin/python2.7", "bin/tool", "lib/python2.7/os.py", "lib/python2.7/site-packages/some/test/part.py",
    ]  # fmt: skip
    assert (copied / "bin" / "tool").read_text() == "#!/opt/there/bin/python\n"
    moved = copied.rename(tmp_path / "moved")
    said = subprocess.run([moved / "bin" / script.name, "-c", "x y"], env={}, capture_output=True, text=True, check=True)
    assert said.stdout == f"{moved} {moved}/lib -c x y\n"


def test_an_environment_the_machines_own_python_and_what_is_none_are_refused_in_words(tmp_path: Path) -> None:
    for python, words in (
        (asked(tmp_path, "/usr"), "this machine's own, in /usr"),
        (Path(sys.executable), "is a virtual environment of"),
        (tmp_path / "nothing", "is no Python"),
        (Path("/bin/false"), "is no Python"),
    ):
        with pytest.raises(DriverError, match=words):
            image_python.copy(python, tmp_path / "copied")
    assert not (tmp_path / "copied").exists()
