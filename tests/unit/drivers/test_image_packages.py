"""What is put into an image may come as source, but may not be compiled for another machine than the image's."""

from __future__ import annotations

import pytest

from simyard.drivers.base import DriverError
from simyard.drivers.docker.image_packages import refuse_compiled

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
