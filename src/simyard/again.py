"""A service begins again with new settings: the same process, the same command, and nobody has to start it anew."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from typing import NoReturn


def begin_again(arguments: Sequence[str] | None = None) -> NoReturn:
    """Become the program that this process was started as, or `python ARGUMENTS …`; everything that it holds is to be closed before."""
    # until it listens for it again, another reload must not end it
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    os.execv(sys.executable, [sys.executable, *(sys.orig_argv[1:] if arguments is None else arguments)])
