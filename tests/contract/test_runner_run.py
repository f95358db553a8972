"""What a job cmd owes under each interpreter: one run, from its first event to its final one."""

from __future__ import annotations

import base64
import itertools
import json
import os
import struct
from pathlib import Path
from typing import Any

import pytest

from simyard.protocol import rundir
from tests.contract.runner_kit import LIMIT, Site, each_interpreter, events, final, left, log, names, progress, until

MEGABYTE = 1 << 20


def reason(site: Site, directory: Path, state: str = "failed") -> str:
    found = site.run(directory)
    assert found["state"] == state
    return str(found["reason"])


@each_interpreter
def test_a_command_runs_to_completion_and_its_events_tell_the_story(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(
            command=["sh", "-c", "echo hello; echo oops >&2; echo $SIMYARD_RUN $SIMYARD_CORES $OMP_NUM_THREADS; pwd"]
        )
        found = site.run(directory)
        assert found["state"] == "completed"
        assert found["reason"] == ""
        assert found["usage"]["exit_code"] == 0
        assert found["usage"]["signal"] is None
        assert found["results"] == {"exit_code": 0, "signal": None, "frames": 0, "beside": "from beside"}
        assert names(directory) == ["begun", "started", "final"]
        begun, started, _ = events(directory)
        assert set(begun["data"]) == {"epoch", "pid", "host", "boot"}
        assert started["data"]["group"] == started["data"]["pid"] != begun["data"]["pid"]
        assert log(directory).splitlines() == ["hello", "oops", f"{directory.name} 2 2", str(directory / "work")]


@each_interpreter
def test_a_callable_runs_and_tells_its_progress_with_no_frame_lost(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(do="frames", count=25, pause=0.01)
        found = site.run(directory)
        assert found["state"] == "completed"
        assert found["results"]["frames"] == 25
        assert progress(directory).items() >= {"fraction": 1.0, "frames": 25, "message": "step 25"}.items()
        told = [event for event in events(directory) if event["event"] == "progress"]
        assert len(told) <= found["usage"]["wall"] / 0.1 + 2
        assert all(later["at"] - earlier["at"] > 0.08 for earlier, later in itertools.pairwise(told[:-1]))


@each_interpreter
def test_a_flood_of_progress_costs_neither_the_last_word_nor_the_run(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(do="frames", count=20000)
        found = site.run(directory)
        assert found["state"] == "completed"
        assert progress(directory)["frames"] == 20000
        assert len(events(directory)) <= found["usage"]["wall"] / 0.1 + 10


@each_interpreter
def test_the_progress_of_a_command_is_asked_for_while_it_runs_and_once_more_at_its_end(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(
            command=["sh", "-c", "echo 3 > frames; while [ ! -e go ]; do sleep 0.05; done; echo 8 > frames"], progress="file"
        )
        process = site.start("run", directory)
        until(lambda: progress(directory).get("frames") == 3)
        (directory / "work" / "go").touch()
        assert process.wait(LIMIT) == 0
        assert progress(directory).items() >= {"frames": 8, "fraction": 0.25}.items()
        found = final(directory)
        assert found is not None
        assert found["results"]["frames"] == 8


@each_interpreter
def test_a_code_whose_progress_raises_completes_all_the_same(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        assert site.run(site.directory(command=["sleep", "0.7"], progress="raise"))["state"] == "completed"


@each_interpreter
def test_paths_inputs_and_logs_may_be_in_any_language(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path / "Žluťoučký kůň 水") as site:
        directory = site.directory(do="words", přání="šťastnou cestu")
        assert site.run(directory, env={"LC_ALL": "C"})["state"] == "completed"
        assert log(directory).splitlines() == ["žluťoučký kůň 水", "→ logged"]
        assert (directory / "work" / "výstup.txt").read_text("utf-8") == "šťastnou cestu"
        assert progress(directory).items() >= {"fraction": 0.5, "message": "půl"}.items()
        command = site.directory(command=["sh", "-c", 'echo "$1"; echo "$1" > "$1"', "sh", "čau.txt"])
        assert site.run(command, env={"LC_ALL": "C"})["state"] == "completed"
        assert log(command) == "čau.txt\n"
        assert (command / "work" / "čau.txt").exists()


@each_interpreter
def test_a_failure_is_told_in_the_codes_own_words(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(do="fail", finish="none")
        found = site.run(directory)
        assert (found["state"], found["reason"]) == ("failed", "the beam was lost at s = 3.2 m — čau")
        assert found["usage"]["exit_code"] == 1
        assert found["results"]["exit_code"] == 1  # finish() is called after a failure, too
        assert "Traceback" in log(directory)


@each_interpreter
@pytest.mark.parametrize(
    "inputs, words, exit_code, signal, cause",
    [
        (
            {"command": ["sh", "-c", "echo no such lattice >&2; exit 3"]},
            "exit status 3. Its last words: no such lattice",
            3,
            None,
            "exit",
        ),
        ({"command": ["sh", "-c", "kill -SEGV $$"]}, "SIGSEGV: it used memory that is not its own", None, "SIGSEGV", "signal"),
        ({"command": ["sh", "-c", "kill -KILL $$"]}, "SIGKILL: ", None, "SIGKILL", "signal"),
        ({"command": ["sh", "-c", "sh -c 'kill -KILL $$'; exit $?"]}, "which a shell says of SIGKILL: ", 137, None, "signal"),
        ({"command": ["/no/such/program"]}, "could not be started: it was not found", 127, None, "start"),
        ({"command": ["/etc/passwd"]}, "could not be started: it may not be executed", 127, None, "start"),
        ({"do": "leave", "status": 4}, "exit status 4", 4, None, "exit"),
        ({"do": "leave", "status": "no beam"}, "no beam", 1, None, "exit"),
        ({"do": "crash"}, "SIGSEGV", None, "SIGSEGV", "signal"),
        ({"do": "killed"}, "SIGKILL: ", None, "SIGKILL", "signal"),
        ({"do": "vanish"}, "exit status 0 before it was done", 0, None, "exit"),
        ({"do": "no_memory"}, "It ran out of memory", 1, None, "memory"),
        ({"do": "fail"}, "the beam was lost", 1, None, "exception"),
        ({"do": "no_disk"}, "The disk is full", 1, None, "disk"),
        (
            {"command": ["sh", "-c", 'echo "  what():  std::bad_alloc"; kill -ABRT $$']},
            "Its last words: what():  std::bad_alloc – by these words, memory ran out",
            None,
            "SIGABRT",
            "memory",
        ),
        (
            {"command": ["sh", "-c", "echo MemoryError; echo bye; exit 1"]},
            "Its last words: MemoryError – by these words, memory ran out",
            1,
            None,
            "memory",
        ),
        (
            {"command": ["sh", "-c", "echo 'write: No space left on device'; exit 1"]},
            "by these words, the disk is full",
            1,
            None,
            "disk",
        ),
    ],
)
def test_each_way_to_die_is_named(
    version: str, tmp_path: Path, inputs: dict[str, Any], words: str, exit_code: int | None, signal: str | None, cause: str
) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(**inputs)
        found = site.run(directory)
        assert found["state"] == "failed"
        assert words in found["reason"]
        assert found["cause"] == cause
        assert (found["usage"]["exit_code"], found["usage"]["signal"]) == (exit_code, signal)
        assert found["results"]["exit_code"] == exit_code
        assert found["results"]["signal"] == signal


@each_interpreter
def test_a_refusal_of_the_input_is_told_from_a_failure_of_the_code(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        found = site.run(site.directory(prepare="raise"))
        assert (found["state"], found["cause"]) == ("failed", "input")
        assert site.run(site.directory(code="broken"))["cause"] == "start"
        assert site.run(site.directory(do="nothing", finish="raise"))["cause"] == "exception"
        assert site.run(site.directory(do="nothing"))["cause"] == ""


@each_interpreter
@pytest.mark.parametrize("code", [{"do": "nothing"}, {"command": ["true"]}], ids=["callable", "command"])
def test_a_cause_that_finish_gives_is_a_failure_whatever_the_exit_status(
    version: str, code: dict[str, Any], tmp_path: Path
) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(finish="refuse", kind="quick", first_report="fail", **code)
        found = site.run(directory)
        assert (found["state"], found["reason"], found["cause"]) == ("failed", "no beam – čára", "input")
        assert (found["results"], found["warnings"], found["usage"]["exit_code"]) == ({"turns": 3}, [], 0)
        assert "what went wrong" not in log(directory), "neither of the failure nor of a report"


@each_interpreter
def test_leaving_with_status_zero_is_completing(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        assert site.run(site.directory(do="leave", status=0))["state"] == "completed"


@each_interpreter
@pytest.mark.parametrize(
    "prepare, words",
    [
        ("raise", "energy must be positive, not −1 GeV"),
        ("crash", "The preparation of the input was ended by SIGSEGV"),
        ("nonsense", "prepare() must return a command line (a list of str) or a callable, not 7"),
    ],
)
def test_a_preparation_that_fails_says_why_and_nothing_has_started(
    version: str, tmp_path: Path, prepare: str, words: str
) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(prepare=prepare)
        assert words in reason(site, directory)
        assert names(directory) == ["begun", "final"]


@each_interpreter
def test_a_code_that_cannot_be_loaded_fails_with_the_words_of_its_import(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        assert "no_such_module_anywhere" in reason(site, site.directory(code="broken"))
        missing = site.directory(code_dir=str(tmp_path / "nowhere"))
        assert "No such file" in reason(site, missing)


@each_interpreter
@pytest.mark.parametrize(
    "finish, words", [("raise", "no table was written"), ("crash", "Reading the results was ended by SIGSEGV")]
)
def test_results_that_cannot_be_read_fail_a_run(version: str, tmp_path: Path, finish: str, words: str) -> None:
    with Site(version, tmp_path) as site:
        found = site.run(site.directory(do="nothing", finish=finish))
        assert found["state"] == "failed"
        assert words in found["reason"]


@each_interpreter
def test_the_code_may_explain_its_failure_better(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        found = site.run(site.directory(command=["false"], finish="explain"))
        assert (found["state"], found["reason"]) == ("failed", "MAD-X: fatal error in line 3 – čára")
        assert found["warnings"] == ["pozor"]


@each_interpreter
def test_results_that_are_too_large_are_cut_with_a_warning(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(do="nothing", finish="huge")
        found = site.run(directory)
        assert found["state"] == "completed"
        assert found["results"] == {}
        assert "The results were not kept" in found["warnings"][0]
        assert max(len(line) for line in (directory / "events.jsonl").read_bytes().split(b"\n")) <= 64 << 10


@each_interpreter
def test_usage_is_what_the_run_used(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        usage = site.run(site.directory(do="burn", bytes=200 * MEGABYTE, seconds=0.5))["usage"]
        assert 200 * MEGABYTE < usage["peak_memory"] < 300 * MEGABYTE
        assert 0.02 < usage["cpu"] <= usage["wall"] + 0.1
        assert 0.45 < usage["wall"] < LIMIT


@each_interpreter
def test_cpu_time_of_a_commands_children_counts(version: str, tmp_path: Path) -> None:
    burn = "import os\nwhile os.times()[0] < 0.3: pass"
    with Site(version, tmp_path) as site:
        usage = site.run(site.directory(command=["sh", "-c", f"'{site.python}' -c '{burn}'; true"]))["usage"]
        assert usage["cpu"] > 0.3


@each_interpreter
def test_a_quick_run_brings_its_first_report_along(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(kind="quick", first_report="line", do="frames", count=2)
        found = site.run(directory)
        assert (found["state"], found["report"], found["warnings"]) == ("completed", "line", [])
        figure = json.loads((directory / rundir.report_name("line", -1)).read_text())
        trace = figure["data"][0]
        assert trace["y"] == {"dtype": "f8", "shape": "2", "bdata": base64.b64encode(struct.pack("<2d", 1.0, 2.5)).decode()}
        assert trace["x"] == [1, None]
        assert trace["name"] == "čára"
        assert figure["layout"]["title"]["text"] == "line of twiss, 2 frames"


@each_interpreter
@pytest.mark.parametrize(
    "report, words", [("fail", "no such column: βx"), ("nonsense", "must return a Plotly figure"), ("crash", "SIGSEGV")]
)
def test_a_first_report_that_fails_is_a_warning(version: str, tmp_path: Path, report: str, words: str) -> None:
    with Site(version, tmp_path) as site:
        found = site.run(site.directory(kind="quick", first_report=report, do="nothing"))
        assert (found["state"], found["report"]) == ("completed", "")
        assert any(words in warning for warning in found["warnings"])


@each_interpreter
def test_a_report_of_50_megabytes_is_written_whole(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(kind="quick", first_report="big", report_bytes=50 * MEGABYTE, do="nothing")
        assert site.run(directory)["report"] == "big"
        path = directory / "reports" / "big.json"
        assert path.stat().st_size > 50 * MEGABYTE * 4 / 3
        assert len(base64.b64decode(json.loads(path.read_bytes())["data"][0]["y"]["bdata"])) == 50 * MEGABYTE
        assert os.listdir(directory / "reports") == ["big.json"]


@each_interpreter
@pytest.mark.parametrize("how", ["callable", "command"])
def test_100_megabytes_of_output_all_reach_the_log(version: str, tmp_path: Path, how: str) -> None:
    with Site(version, tmp_path) as site:
        inputs: dict[str, Any] = {"do": "output", "bytes": 100 * 1000 * 1000}
        if how == "command":
            inputs = {"command": ["head", "-c", "100000000", "/dev/zero"]}
        directory = site.directory(**inputs)
        assert site.run(directory)["state"] == "completed"
        assert (directory / "run.log").stat().st_size == 100_000_000


@each_interpreter
def test_what_a_code_leaves_behind_detached_is_ended_and_named(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(do="detach")
        found = site.run(directory)
        assert found["state"] == "completed"
        assert found["warnings"] == ["It left 1 process running, which was ended."]
        other = site.directory(command=["sh", "-c", "env -i setsid sh -c 'exec sleep 1000 >/dev/null 2>&1' & exit 0"])
        assert site.run(other)["warnings"] == ["It left 1 process running, which was ended."]


@each_interpreter
def test_all_that_is_printed_when_the_log_cannot_be_written_hurts_nobody(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory(do="words", přání="x")
        (directory / "run.log").symlink_to("/dev/full")
        assert site.run(directory)["state"] == "completed"


@each_interpreter
def test_forks_of_one_warm_code_draw_different_numbers(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve()
        drawn = set()
        for number in range(3):
            directory = site.directory(do="draw")
            served.ask(id=number, do="run", dir=str(directory))
            until(lambda directory=directory: final(directory))  # type: ignore[misc]
            drawn.add((directory / "work" / "drawn").read_text())
        assert len(drawn) == 3


@each_interpreter
def test_unreadable_instructions_end_the_run_in_words(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        directory = site.directory()
        (directory / "run.json").write_text("{")
        assert site.start("run", directory).wait(LIMIT) == 0
        found = final(directory)
        assert found is not None
        assert found["state"] == "failed"
        assert "could not be read from run.json" in found["reason"]
        (directory / "run.json").write_text(json.dumps({"run": directory.name}))
        assert left(directory) == []
