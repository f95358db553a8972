"""What of an environment is passed on."""

from __future__ import annotations

from simyard.drivers.environment import allowed


def test_only_what_is_listed_is_passed_on() -> None:
    environ = {
        "PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "OMP_NUM_THREADS": "2", "AWS_SECRET_ACCESS_KEY": "x", "SIMYARD_TOKEN": "x",
        "PYTHONPATH": "/evil", "LD_PRELOAD": "/evil.so", "SSH_AUTH_SOCK": "/s", "MY_PATH": "x", "LANG": "de_DE.UTF-8",
    }  # fmt: skip
    assert set(allowed(environ)) == {"PATH", "HOME", "LC_ALL", "OMP_NUM_THREADS", "LANG"}


def test_an_empty_environment_still_finds_programs_and_speaks_utf_8() -> None:
    assert allowed({}) == {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
