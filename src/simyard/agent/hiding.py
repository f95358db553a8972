"""Keeps what is in the agent's memory from the codes that it runs, which are the same user's processes and may ask the kernel for it."""

from __future__ import annotations

_SET_DUMPABLE = 4  # of prctl(2)


def hide() -> bool:
    """Close this process's memory, environment and descriptors in /proc, and itself to debuggers, for all but root. Whether that was done.

    It does not help against who has looked before: where that matters the interpreter is a file that may be executed and not be read,
    which makes the kernel do the same from the first instruction on (drivers/docker/layout.py).
    """
    try:
        import ctypes

        libc = ctypes.CDLL(None, use_errno=True)
        return bool(libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False
