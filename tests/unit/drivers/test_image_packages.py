"""What is put into an image may come as source, but may not be compiled for another machine than the image's; and it is laid out as it is
in use there."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from simyard.drivers.base import DriverError
from simyard.drivers.docker import image_packages, rootfs
from simyard.drivers.docker.image_packages import refuse_compiled, script_for

HEAD = "Wheel-Version: 1.0\nGenerator: setuptools (84.2.1)\n"


@pytest.mark.parametrize(
    "tags",
    [
        ["py3-none-any"],
        ["cp311-cp311-manylinux_2_17_x86_64", "cp311-cp311-manylinux2014_x86_64"],
        ["cp311-abi3-musllinux_1_2_x86_64"],
    ],
)
def test_what_runs_anywhere_or_was_made_for_many_is_taken(tags: list[str]) -> None:
    refuse_compiled("some-1.0", HEAD + "".join(f"Tag: {tag}\n" for tag in tags))


def test_what_was_compiled_here_is_refused_with_what_to_do() -> None:
    with pytest.raises(DriverError, match=r"some-1\.0 has no wheel for Python 3\.11.*Pin a version that has one"):
        refuse_compiled("some-1.0", HEAD + "Tag: cp313-cp313-linux_x86_64\n")


@pytest.mark.parametrize(
    "script, changed",
    [
        (b"#!/build/envs/x/bin/python3\nimport sys\n", b"#!/opt/there/bin/python\nimport sys\n"),
        (b"#!/build/bin/python3.11 -E\nimport sys\n", b"#!/opt/there/bin/python\nimport sys\n"),
        (b"#!/usr/bin/env python\nimport sys\n", b"#!/opt/there/bin/python\nimport sys\n"),
        (
            b"#!/bin/sh\n'''exec' '/a long/path/python' \"$0\" \"$@\"\n' '''\nimport sys\n",
            b"#!/opt/there/bin/python\nimport sys\n",
        ),
        (b"#!/bin/sh\nexec python $@\n", None),
        (b"#! /bin/bash\n", None),
        (b"\x7fELF\n#!/build/bin/python\n", None),
        (b"", None),
    ],
)
def test_a_script_of_pythons_is_run_by_the_interpreter_of_the_image(script: bytes, changed: bytes | None) -> None:
    assert script_for(script, "/opt/there/bin/python") == (script if changed is None else changed)


def test_programs_and_libraries_of_packages_are_beside_their_interpreter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file that an installer's cache shares, nothing is changed, not even its times."""
    cached = tmp_path / "cached"
    cached.write_bytes(b"#!/build/bin/python\n")
    cached.chmod(0o755)

    def installed(command: list[str]) -> None:
        site = Path(command[command.index("--target") + 1])
        for name in ("bin/mpirun", "lib/libmpi.so.12", "share/man/tool.1", "tool/__init__.py", "include/__init__.py"):
            (site / name).parent.mkdir(parents=True, exist_ok=True)
            (site / name).touch()
        (site / "bin" / "tool").hardlink_to(cached)

    monkeypatch.setattr(image_packages, "uv_there", lambda: "uv")
    monkeypatch.setattr(rootfs, "run", installed)
    env = tmp_path / "env"
    before = cached.stat()
    image_packages.put(env, "some", [["tool==1.0"]])
    site = env / "lib" / "python3.11" / "site-packages"
    assert sorted(path.name for path in site.iterdir()) == ["include", "tool"], "a package may be called include"
    assert sorted(path.name for path in (env / "bin").iterdir()) == ["mpirun", "python", "python3", "python3.11", "tool"]
    assert (env / "lib" / "libmpi.so.12").exists()
    assert (env / "share" / "man" / "tool.1").exists()
    assert (env / "bin" / "tool").read_bytes() == b"#!/opt/simyard/envs/some/bin/python\n"
    assert (env / "bin" / "tool").stat().st_mode & 0o777 == 0o755
    assert (cached.read_bytes(), cached.stat().st_mtime_ns) == (b"#!/build/bin/python\n", before.st_mtime_ns)


def test_pip_leaves_no_libraries_in_a_folder_so_they_are_taken_from_the_wheel(tmp_path: Path) -> None:
    wheel = tmp_path / "some-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("some-1.0.data/data/lib/libsome.so", b"library")
        packed.writestr("some-1.0.data/data/lib/../../../out.so", b"out")
        packed.writestr("some-1.0.data/data/bin/tool", b"tool")
        packed.writestr("some/lib/part.so", b"a module's")
    site = tmp_path / "site"
    site.mkdir()
    image_packages._add_libraries(wheel, site)
    assert [str(path.relative_to(site)) for path in site.rglob("*.so")] == ["lib/libsome.so"]
    assert not (tmp_path / "out.so").exists()


def test_pip_of_another_python_is_refused_with_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_packages, "uv_there", lambda: None)
    monkeypatch.setattr(image_packages, "PYTHON", "3.1")
    with pytest.raises(DriverError, match="put uv on PATH"):
        image_packages.put(tmp_path / "env", "some", [["tool==1.0"]])
