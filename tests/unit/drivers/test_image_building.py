"""What is said while an image is built, from lines as Docker 28 wrote them."""

from __future__ import annotations

import pytest

from simyard.drivers.docker import image
from simyard.drivers.docker.building import said


@pytest.mark.parametrize(
    "line, words",
    [
        ("Step 2/21 : ADD base.tar /", "Step 2/21: the base …"),
        ("Step 9/21 : COPY envs/xsuite /", "Step 9/21: the files of xsuite …"),
        ("Step 12/21 : RUN { PYTHONHASHSEED=0 /usr/bin/python3 -m compileall", "Step 12/21: making bytecode …"),
        ("Step 14/21 : COPY codes /image/opt/simyard/codes", "Step 14/21: the codes …"),
        ("Step 19/21 : COPY --from=made /image /", "Step 19/21: codes and agent …"),
        ("Step 3/21 : FROM base AS plain", ""),
        (" ---> 6ee54b178c91\n", ""),
        (" ---> Running in 532a03b8b3ee\n", ""),
        ("Removing intermediate container 532a03b8b3ee\n", ""),
        ("Successfully built baa51c4d758e\n", "Successfully built baa51c4d758e"),
        ("/bin/sh: 1: not found\n", "/bin/sh: 1: not found"),
    ],
)
def test_steps_are_told_in_words(line: str, words: str) -> None:
    assert said(line) == words


def test_an_interpreter_of_this_machine_must_start_there_and_makes_its_own_bytecode() -> None:
    lines = image.dockerfile("", ["python2.7", "simyard"], [], ["python2.7"]).splitlines()
    own = next(line for line in lines if "python2.7/bin/python" in line)
    assert own.startswith("RUN /opt/simyard/envs/python2.7/bin/python -c 'import json' && ")
    theirs = next(line for line in lines if "compileall" in line and line != own)
    assert "envs/simyard" in theirs
    assert "envs/python2.7" not in theirs
