"""What every test lives by: no test passes by finding nothing, and no process outlives the tests."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

#: Fixtures that several folders of tests use.
pytest_plugins = [
    "tests.ssh_server",  # before those that import it
    "tests.docker_engine",
    "tests.madx_environment",  # the same
    "tests.lammps_environment",
    "tests.mpi_environment",
    "tests.postgresql",
    "tests.second_try",
    "tests.slurm_cluster",
    "tests.slurm_site",
    "tests.srw_environment",
    "tests.xsuite_environment",
]

#: Carried by every process that a test starts (unless it cleans its environment), so that what is left over can be named.
SESSION = "SIMYARD_TEST_SESSION"
IN_CI = os.environ.get("CI") == "true"
#: Versions that the job cmd must run under.
INTERPRETERS = ("2.7", "3.6", "3.9", "3.11", "3.13")
#: A test that starts processes is taken to hang after so long (seconds), its fixtures included, unless it says otherwise: twenty processes on
#: two cores are slow. Others have what pyproject.toml says.
PROCESSES_LIMIT = 300
#: What is ending when the tests are over has so long (seconds).
GONE_WITHIN = 20.0


# a busy machine is no fault of what is tested
settings.register_profile("simyard", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("simyard")


def pytest_configure(config: pytest.Config) -> None:
    # who is started in the background has it ignored, and with it all that tests start and interrupt
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not hasattr(config, "workerinput"):
        os.environ[SESSION] = uuid.uuid4().hex
        # nothing of the developer's own Simyard may be touched
        for name in ("SIMYARD_HOME", "SIMYARD_CONFIG", "SIMYARD_URL", "SIMYARD_TOKEN"):
            os.environ.pop(name, None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """System tests measure time and kill processes: they run one after the other, on one worker. Those of the page wait for
    a browser most of the time, each file with a Simyard of its own: a file is a group, so that workers share them."""
    unit, system = (Path(__file__).parent / name for name in ("unit", "system"))
    for item in items:
        if unit not in item.path.parents and not any(item.iter_markers("timeout")):
            item.add_marker(pytest.mark.timeout(PROCESSES_LIMIT))
        if system in item.path.parents and not any(item.iter_markers("xdist_group")):
            of_page = item.path.stem.startswith("test_page")
            item.add_marker(pytest.mark.xdist_group(item.path.stem if of_page else "system"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"Nothing may be skipped in CI: {call.excinfo.value if call.excinfo else item.nodeid}"
    return report


def left_over() -> dict[int, str]:
    """The processes of this test session that are still there, by pid, each with its command line."""
    mark = f"{SESSION}={os.environ.get(SESSION)}".encode()
    found = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) in {os.getpid(), os.getppid()}:
            continue
        try:
            environment = Path(entry.path, "environ").read_bytes()
            command = Path(entry.path, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has just ended, or is another user's
        if mark in environment.split(b"\0") and command and "-c from multiprocessing" not in command:
            found[int(entry.name)] = command.strip()
    return found


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput"):
        return
    deadline = time.monotonic() + GONE_WITHIN
    while found := {pid: command for pid, command in left_over().items() if "execnet" not in command}:
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)
    if found:
        lines = "\n".join(f"  {pid}: {command}" for pid, command in sorted(found.items()))
        print(f"\nProcesses that the tests left behind:\n{lines}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def find_interpreter(version: str) -> Path | None:
    """The Python of that `major.minor`: pyenv's newest of it, else the one on PATH."""
    roots = [os.environ.get("PYENV_ROOT", ""), os.path.expanduser("~/.pyenv"), "/root/.pyenv", "/opt/pyenv", "/usr/local/pyenv"]
    for root in filter(None, roots):
        made = sorted(Path(root, "versions").glob(f"{version}.*/bin/python"), key=lambda path: int(path.parts[-3].split(".")[2]))
        if made:
            return made[-1]
    named = shutil.which(f"python{version}")
    # a pyenv shim exists for versions that are not there
    if named and subprocess.run([named, "-c", ""], capture_output=True, check=False).returncode == 0:
        return Path(named)
    return None


@pytest.fixture(params=INTERPRETERS, scope="session")
def interpreter(request: pytest.FixtureRequest) -> Path:
    """Each Python that a job cmd must run under, in turn; one that is missing is a named skip, and a failure in CI."""
    found = find_interpreter(request.param)
    if found is None:
        pytest.skip(f"Python {request.param} is not on this machine (pyenv install {request.param}).")
    return found
