"""What of an environment is passed on."""

from __future__ import annotations

from simyard.drivers.environment import allowed, inside


def test_only_what_is_listed_is_passed_on() -> None:
    environ = {
        "PATH": "/bin", "HOME": "/h", "LC_ALL": "C", "OMP_NUM_THREADS": "2", "AWS_SECRET_ACCESS_KEY": "x", "SIMYARD_TOKEN": "x",
        "PYTHONPATH": "/evil", "LD_PRELOAD": "/evil.so", "SSH_AUTH_SOCK": "/s", "MY_PATH": "x", "LANG": "de_DE.UTF-8",
    }  # fmt: skip
    assert set(allowed(environ)) == {"PATH", "HOME", "LC_ALL", "OMP_NUM_THREADS", "LANG"}


def test_an_empty_environment_still_finds_programs_and_speaks_utf_8() -> None:
    assert allowed({}) == {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


def test_a_container_is_not_told_of_this_machines_folders_and_people() -> None:
    environ = {
        "PATH": "/opt/here/bin", "HOME": "/root", "USER": "root", "LD_LIBRARY_PATH": "/opt/here/lib", "TMPDIR": "/scratch", "LANG": "C.UTF-8",
        "XDG_CACHE_HOME": "/root/.cache", "OMP_NUM_THREADS": "2",
    }  # fmt: skip
    wanted = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "OMP_NUM_THREADS": "2"}
    assert inside(environ) == wanted | {"MPIR_CVAR_CH4_CMA_ENABLE": "0"}
