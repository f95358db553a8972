"""What a job cmd holds a run to: its memory, its cores, the size of its files, and no core dumps."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.contract.runner_kit import LIMIT, Site, each_interpreter, events, log, runner, until

MEGABYTE = 1 << 20
#: Takes 4 MB after 4 MB for ever, and touches each page; slow enough for a machine with much else to do.
GREEDY = "import time\nheld = []\nwhile True:\n    held.append(bytearray(b'x' * (4 << 20)))\n    time.sleep(0.002)"
#: The same, by two children of which each stays below the limit.
TWO = (
    "import os, time\nif os.fork(): os.fork()\n"
    "held = []\nwhile True:\n    held.append(bytearray(b'x' * (4 << 20))) if len(held) < 20 else None\n    time.sleep(0.002)"
)
#: Twelve forks of a process that has 100 MB, which they share.
SHARING = (
    "import os, time\nheld = bytearray(100 << 20)\nheld[::4096] = b'x' * len(held[::4096])\n"
    "for _ in range(12):\n    if os.fork() == 0: break\n"
    "time.sleep(1.5)"
)
#: 200 MB of a file in memory, all of it read.
MAPPED = (
    "import mmap, time\nfile = open('data', 'w+b')\nfile.truncate(200 << 20)\n"
    "view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)\n"
    "sum(len(view[at:at + 1]) for at in range(0, 200 << 20, 4096))\ntime.sleep(1.5)"
)
CPUS = sorted(os.sched_getaffinity(0))


def figures(reason: str) -> tuple[float, float]:
    """Limit and peak (MiB) that a reason speaks of."""
    found = re.match(r"It ran out of memory: limit ([\d.]+) MiB, peak ([\d.]+) MiB\.", reason)
    assert found is not None, reason
    return float(found[1]), float(found[2])


@each_interpreter
@pytest.mark.parametrize("code", [GREEDY, TWO], ids=["one", "two"])
def test_a_run_that_takes_more_memory_than_it_may_is_ended_and_told_in_figures(version: str, code: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        found = site.run(site.directory(command=["PYTHON", "-c", code], memory=120 * MEGABYTE))
        assert (found["state"], found["cause"], found["usage"]["signal"]) == ("failed", "memory", "SIGKILL")
        limit, peak = figures(found["reason"])
        assert limit == 120
        assert 120 <= peak < 1000
        assert found["usage"]["peak_memory"] >= 120 * MEGABYTE


@each_interpreter
def test_a_callable_is_held_to_its_memory_as_a_command_is(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve()
        directory = site.directory(do="burn", bytes=300 * MEGABYTE, seconds=60, memory=100 * MEGABYTE)
        served.ask(id=1, do="run", dir=str(directory))
        until(lambda: any(event["event"] == "final" for event in events(directory)))
        found = events(directory)[-1]["data"]
        assert (found["state"], found["cause"]) == ("failed", "memory")
        assert figures(found["reason"])[0] == 100
        # what is warm has lost nothing by it
        again = site.directory(do="nothing")
        served.ask(id=2, do="run", dir=str(again))
        until(lambda: any(event["event"] == "final" for event in events(again)))
        assert events(again)[-1]["data"]["state"] == "completed"
        served.close()


@each_interpreter
def test_a_code_that_takes_too_much_while_it_prepares_its_input_is_ended_too(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        found = site.run(site.directory(prepare="hoard", do="nothing", memory=100 * MEGABYTE))
        assert (found["state"], found["cause"]) == ("failed", "memory")


@pytest.mark.parametrize("code", [SHARING, MAPPED], ids=["pages that forks share", "a file that is mapped"])
@each_interpreter
def test_what_is_nobodys_own_ends_no_run(version: str, code: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        found = site.run(site.directory(command=["PYTHON", "-c", code], memory=190 * MEGABYTE))
        assert found["reason"] == ""
        assert found["state"] == "completed"


def test_reading_the_results_has_a_limit_of_memory_too(tmp_path: Path) -> None:
    with Site("venv", tmp_path) as site:
        found = site.run(site.directory(do="nothing", finish="hoard", memory=100 * MEGABYTE))
        assert (found["state"], found["cause"]) == ("failed", "memory")
        assert re.match(r"Reading the results ran out of memory: limit 1 GiB, peak 1\.\d+ GiB\.", found["reason"])


def test_a_run_that_is_being_canceled_and_takes_too_much_is_ended_at_once_and_stays_canceled(tmp_path: Path) -> None:
    then = "import signal, time\ntold = []\nsignal.signal(signal.SIGTERM, lambda *_: told.append(1))\nopen('deaf', 'w').close()\n"
    then += "while not told: time.sleep(0.01)\n" + GREEDY
    with Site("venv", tmp_path) as site:
        directory = site.directory(command=["PYTHON", "-c", then], memory=200 * MEGABYTE, grace=3600)
        process = site.start("run", directory)
        until((directory / "work" / "deaf").exists)
        process.terminate()
        assert process.wait(LIMIT) == 0
        assert events(directory)[-1]["data"]["state"] == "canceled"


SHOW = (
    "import os, resource\n"
    "print('cores', [line.split()[1] for line in open('/proc/self/status') if line.startswith('Cpus_allowed_list')][0])\n"
    "print('core', *resource.getrlimit(resource.RLIMIT_CORE))\nprint('file', resource.getrlimit(resource.RLIMIT_FSIZE)[0])\n"
    "print('threads', os.environ['OMP_NUM_THREADS'], os.environ['OPENBLAS_NUM_THREADS'])\n"
)


@each_interpreter
@pytest.mark.skipif(len(CPUS) < 2, reason="There is only one core.")
def test_a_long_run_has_its_cores_and_no_others_from_its_first_moment(version: str, tmp_path: Path) -> None:
    show = "from __future__ import print_function\n" + SHOW
    with Site(version, tmp_path) as site:
        directory = site.directory(command=["PYTHON", "-c", show], cpus=[CPUS[1]], cores=1, disk=5 * MEGABYTE)
        assert site.run(directory)["state"] == "completed"
        assert log(directory).splitlines() == [f"cores {CPUS[1]}", "core 0 0", f"file {5 * MEGABYTE}", "threads 1 1"]


@pytest.mark.skipif(len(CPUS) < 2, reason="There is only one core.")
def test_a_quick_run_is_held_to_its_cores_only_once_it_lasts(tmp_path: Path) -> None:
    wait = SHOW + "import time\nwhile len(os.sched_getaffinity(0)) > 1: time.sleep(0.01)\nprint(os.sched_getaffinity(0))"
    with Site("venv", tmp_path) as site:
        directory = site.directory(command=["PYTHON", "-c", wait], cpus=[CPUS[1]], cores=1, kind="quick")
        assert site.run(directory)["state"] == "completed"
        said = log(directory).splitlines()
        assert said[-1] == f"{{{CPUS[1]}}}"
        job = {int(core) for core in os.sched_getaffinity(0)}
        assert job == set(CPUS)


@each_interpreter
@pytest.mark.parametrize("how", ["callable", "command"])
def test_a_file_that_becomes_too_large_ends_the_run_with_the_disk_as_its_cause(version: str, how: str, tmp_path: Path) -> None:
    write = "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL); open('large', 'wb').write(b'x' * (9 << 20))"
    asked = {"do": "fill"} if how == "callable" else {"command": ["PYTHON", "-c", write]}
    with Site(version, tmp_path) as site:
        directory = site.directory(disk=3 * MEGABYTE, **asked)
        found = site.run(directory)
        assert (found["state"], found["cause"]) == ("failed", "disk")
        assert "ecame larger than it may be" in found["reason"]
        assert max(path.stat().st_size for path in (directory / "work").iterdir()) <= 3 * MEGABYTE


def test_a_kernels_kill_in_a_control_group_is_told_with_the_groups_figures(tmp_path: Path) -> None:
    for first, second in [("memory.oom_control", b"4:memory:/box\n0::/\n"), ("memory.events", b"0::/box\n")]:
        folder = tmp_path / first / "box"
        folder.mkdir(parents=True)
        names = next(files for files in runner.Account.FILES.values() if files[1] == first)[1:]
        for name, text in zip(names, ("oom_kill_disable 0\nlow 0\noom_kill 3\n", "600000000\n", "599990000\n"), strict=True):
            (folder / name).write_text(text)
        account = runner.Account(
            second, {key: (str(tmp_path / first), *files[1:]) for key, files in runner.Account.FILES.items()}
        )
        assert (account.killed, account.limit, account.peak) == (3, 600000000, 599990000)
        assert not account.look()
        (folder / names[0]).write_text("oom_kill 4\n")
        assert account.look()
        assert not account.look()
        # the farther above its limit, the sooner the kernel's choice
        assert account.score(0) == 1000
        assert account.score(300000000) == 500
        assert account.score(1 << 40) == 150


def test_a_control_group_without_figures_leaves_those_of_the_machine() -> None:
    account = runner.Account(b"", runner.Account.FILES)
    assert account.limit is None
    assert account.peak is None
    assert account.killed is None or account.killed >= 0


def test_the_words_of_a_kernels_kill_name_what_ran_beside_it(tmp_path: Path) -> None:
    job = runner.Job.__new__(runner.Job)
    job.spec, job.peak, job.memory_peak, job.stopping = {"memory": 1 << 30}, 300 * MEGABYTE, 200 * MEGABYTE, None
    job.account = runner.Account(b"", runner.Account.FILES)
    assert "ran out on the machine" in job._out_of_memory()
    job.account.limit = 1536 * MEGABYTE
    assert "together it may have 1.5 GiB" in job._out_of_memory()
    assert "it had 300 MiB of its 1 GiB itself" in job._out_of_memory()
    job.peak = 1100 * MEGABYTE
    assert job._out_of_memory().startswith("It ran out of memory: limit 1 GiB, peak 1.074 GiB.")
