"""The agent and real runs: a real agent process, the real job cmd, a supervisor's door that remembers what it was told."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from simyard.protocol import agents as talk
from simyard.protocol.jobs import Kind
from tests.contract.agent_kit import CODES, Bench, bench, children, runner


def test_a_run_is_started_followed_to_its_end_and_forgotten_when_all_is_stored(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        run = at.start(do="frames", count=3, files={"in/a.txt": b"hello"})
        final = await at.supervisor.finished(run)
        assert final["state"] == "completed"
        assert at.supervisor.names(run) == ["begun", "started", "final"]
        assert (at.directory(run) / "work/in/a.txt").read_bytes() == b"hello"
        await at.settled()
        assert at.supervisor.repeated == 0
        assert at.supervisor.told(talk.StartFailed) == []

    play(tmp_path, story)


def test_a_warm_code_runs_again_without_its_start(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        begun = time.monotonic()
        first = at.start(do="nothing")
        await at.supervisor.finished(first)
        cold = at.supervisor.arrived[f"{first} final"] - begun
        taken = []
        for _ in range(20):
            begun = time.monotonic()
            run = at.start(do="nothing")
            await at.supervisor.finished(run)
            taken.append(at.supervisor.arrived[f"{run} final"] - begun)
        print(f"StartRun to final: median {sorted(taken)[10] * 1000:.1f} ms, worst {max(taken) * 1000:.1f} ms")
        assert sorted(taken)[10] < cold

    play(tmp_path, story)


def test_a_killed_agent_is_replaced_and_every_event_arrives_exactly_once(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        run = at.start(do="ticks")
        for _ in range(3):
            already = len(at.supervisor.events.get(run, []))
            await at.supervisor.until(lambda: len(at.supervisor.events.get(run, [])) > already + 5)  # noqa: B023 - used at once
            at.kill_agent()
            await at.supervisor.until(lambda: at.supervisor.door is None)
            await at.agent()
            assert [seen.run for seen in at.supervisor.hellos[-1].runs] == [run]
        (at.directory(run) / "work/go").touch()
        final = await at.supervisor.finished(run)
        assert final["state"] == "completed"
        frames = [event.data["frames"] for event in at.supervisor.events[run] if event.data.get("frames")]
        assert frames == sorted(frames)
        assert frames[-1] == final["results"]["frames"]
        assert at.supervisor.repeated == 0
        await at.settled()

    play(tmp_path, story)


def test_a_newer_agent_ends_the_older_one_and_goes_on_with_its_runs(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        first = await at.agent()
        run = at.start(do="frames", count=20, pause=0.05)
        await at.supervisor.until(lambda: at.supervisor.events.get(run))
        await at.agent()
        assert (await at.driver.poll(first)).value == "gone"
        assert (await at.supervisor.finished(run))["state"] == "completed"

    play(tmp_path, story)


@pytest.mark.parametrize("adopted", [False, True])
def test_a_killed_job_cmd_is_a_failed_run_and_leaves_nothing(tmp_path: Path, adopted: bool) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        run = at.start(do="detach", then="wait")
        await at.supervisor.until((at.directory(run) / "work/waiting").exists)
        if adopted:
            at.kill_agent()
            await at.supervisor.until(lambda: at.supervisor.door is None)
            await at.agent()
        os.kill(at.begun(run)["pid"], signal.SIGKILL)
        final = await at.supervisor.finished(run)
        assert final["state"] == "failed"
        assert ("killed" if adopted else "SIGKILL") in final["reason"]
        await at.gone(run)

    play(tmp_path, story)


def test_a_run_whose_supervisor_is_away_ends_all_the_same_and_is_told_afterwards(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        run = at.start(do="frames", count=10, pause=0.05)
        await at.supervisor.until(lambda: at.supervisor.events.get(run))
        await at.supervisor.leave()
        events = at.directory(run) / "events.jsonl"
        await at.supervisor.until(lambda: '"final"' in events.read_text())
        ended = json.loads(events.read_text().splitlines()[-1])["at"]
        at.supervisor.listen()
        await at.supervisor.finished(run)
        assert at.supervisor.events[run][-1].at == ended
        assert at.supervisor.repeated == 0
        await at.settled()

    play(tmp_path, story)


@pytest.mark.parametrize("do", ["wait", "orderly", "detach", "deaf"])
def test_a_stop_ends_in_canceled_when_nothing_is_left(tmp_path: Path, do: str) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        run = at.start(do=do, then="wait", grace=0.5)
        await at.supervisor.until((at.directory(run) / "work/waiting").exists)
        at.supervisor.say(talk.StopRun(run=run, epoch=1))
        at.supervisor.say(talk.StopRun(run=run, epoch=1))
        final = await at.supervisor.finished(run)
        assert final["state"] == ("completed" if do == "orderly" and final["usage"]["exit_code"] == 0 else "canceled")
        await at.gone(run)  # the job cmd itself ends a moment after its last word
        again = at.start(do="nothing")
        assert (await at.supervisor.finished(again))["state"] == "completed"

    play(tmp_path, story)


def test_a_job_cmd_that_does_not_hear_is_said_so_killed_and_the_run_canceled(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        run = at.start(do="wait", grace=0.0)
        await at.supervisor.until((at.directory(run) / "work/waiting").exists)
        os.kill(at.begun(run)["pid"], signal.SIGSTOP)
        at.supervisor.say(talk.StopRun(run=run, epoch=1))
        final = await at.supervisor.finished(run)
        assert final["state"] == "canceled"
        assert len(at.supervisor.told(talk.StopFailed)) == 1
        await at.gone(run)

    play(tmp_path, story)


def test_a_run_that_is_stopped_before_it_starts_is_canceled_and_never_starts(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        run = at.new_run()
        at.supervisor.say(talk.StopRun(run=run, epoch=1))
        final = await at.supervisor.finished(run)
        assert final["state"] == "canceled"
        await at.settled()
        at.start(run=run, do="wait")
        at.start(run=run, do="wait", epoch=2)
        await at.supervisor.until(lambda: at.supervisor.repeated)
        await at.settled()
        assert at.supervisor.names(run) == ["final"]
        await at.gone(run)

    play(tmp_path, story)


def test_what_was_said_in_an_epoch_that_ends_meanwhile_is_said_again_in_the_next(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        run = at.start(do="nothing")
        await at.supervisor.finished(run)
        await at.settled()
        at.supervisor.acknowledge = False
        at.start(run=run, do="nothing")
        await at.supervisor.until(lambda: at.supervisor.repeated)
        at.supervisor.acknowledge = True
        at.start(run=run, do="nothing", epoch=2)
        await at.settled()
        assert at.supervisor.names(run).count("final") == 1

    play(tmp_path, story)


def test_start_and_stop_at_once_end_in_one_final_state(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        runs = []
        for wait in (0, 0, 0.002, 0.005, 0.01, 0.02, 0.03):
            run = at.start(do="wait", grace=0.5)
            await asyncio.sleep(wait)
            at.supervisor.say(talk.StopRun(run=run, epoch=1))
            runs.append(run)
        for run in runs:
            assert (await at.supervisor.finished(run))["state"] == "canceled"
            await at.gone(run)
        await at.settled()

    play(tmp_path, story)


def test_what_is_said_of_an_older_epoch_is_dropped(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        run = at.start(do="wait", epoch=3)
        await at.supervisor.until((at.directory(run) / "work/waiting").exists)
        at.supervisor.say(talk.StopRun(run=run, epoch=2))
        at.start(run=run, do="nothing", epoch=2)
        other = at.start(do="nothing")
        await at.supervisor.finished(other)
        assert at.supervisor.final(run) is None
        at.supervisor.say(talk.StopRun(run=run, epoch=4))
        assert (await at.supervisor.finished(run))["state"] == "canceled"
        assert at.supervisor.told(talk.RunEvents)[-1].epoch == 4

    play(tmp_path, story)


def test_a_code_that_cannot_be_imported_fails_its_run_in_its_own_words(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        final = await at.supervisor.finished(at.start(code="broken"))
        assert final["state"] == "failed"
        assert "Error" in final["reason"] or "module" in final["reason"]
        final = await at.supervisor.finished(at.start(do="nothing", python="/no/such/python"))
        assert "/no/such/python" in final["reason"]
        final = await at.supervisor.finished(at.start(do="nothing", code_dir="/no/such/code"))
        assert "/no/such/code" in final["reason"]
        await at.settled()

    play(tmp_path, story)


@pytest.mark.parametrize("name", ["../out", "/etc/out", "a/../../b", "a\nb", "", "a//b", "."])
def test_an_input_file_that_would_leave_the_run_directory_is_refused(tmp_path: Path, name: str) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        run = at.start(do="nothing", files={name: b"x"})
        failed = await at.supervisor.until(lambda: at.supervisor.told(talk.StartFailed))
        assert failed[0].run == run
        assert "relative path" in failed[0].reason
        assert os.listdir(at.root / "runs") == []
        await at.settled()

    play(tmp_path, story)


def test_a_missing_or_damaged_input_file_fails_the_start_in_words(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        spec = at.run_spec(at.new_run(), do="nothing", files={"a.madx": b"x"})
        blob = at.root / "files" / spec.files["a.madx"][:2] / spec.files["a.madx"]
        blob.write_bytes(b"y")
        at.supervisor.say(talk.StartRun(epoch=1, spec=spec))
        await at.supervisor.until(lambda: len(at.supervisor.told(talk.StartFailed)) == 1)
        blob.unlink()
        at.supervisor.say(talk.StartRun(epoch=1, spec=spec))
        failed = await at.supervisor.until(lambda: at.supervisor.told(talk.StartFailed)[1:])
        assert "no longer stored" in failed[0].reason
        assert "damaged" in at.supervisor.told(talk.StartFailed)[0].reason

    play(tmp_path, story)


@pytest.mark.parametrize("junk", [b"rubbish\n", b'{"n":1,"at":0,"event":"begun","data":{}}\n', b"[" * 300_000, b"\xff\xfe\n"])
def test_a_record_that_is_damaged_stops_the_run_and_fails_it_in_words(tmp_path: Path, junk: bytes) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        run = at.start(do="wait", grace=0.5)
        await at.supervisor.until((at.directory(run) / "work/waiting").exists)
        with (at.directory(run) / "events.jsonl").open("ab") as file:
            file.write(junk)
        final = await at.supervisor.finished(run)
        assert final["state"] == "failed"
        assert "damaged" in final["reason"]
        await at.gone(run)
        await at.settled()

    play(tmp_path, story)


def test_a_damaged_record_reads_the_same_to_the_next_agent(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        run = at.start(do="wait", grace=0.5)
        await at.supervisor.until((at.directory(run) / "work/waiting").exists)
        # what nobody has read yet is not missed
        await at.supervisor.until(lambda: len(at.supervisor.events.get(run, ())) >= 2)
        at.supervisor.acknowledge = False
        (at.directory(run) / "events.jsonl").write_bytes(b"")
        await at.supervisor.finished(run)
        first = at.supervisor.events[run][-1]
        at.supervisor.events[run].pop()
        at.supervisor.acknowledge = True
        at.kill_agent()
        await at.supervisor.until(lambda: at.supervisor.door is None)
        await at.agent()
        again = await at.supervisor.finished(run)
        assert (first.n, first.data["state"]) == (at.supervisor.events[run][-1].n, again["state"])
        await at.settled()

    play(tmp_path, story)


def test_a_run_that_was_running_before_the_machine_was_restarted_is_lost(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        handle = await at.agent()
        run = at.start(do="wait")
        await at.supervisor.until((at.directory(run) / "work/waiting").exists)
        await at.driver.stop(handle)
        os.kill(at.begun(run)["pid"], signal.SIGKILL)
        await at.supervisor.until(lambda: runner.conclude is not None and not _alive(at.begun(run)["pid"]))
        events = at.directory(run) / "events.jsonl"
        events.write_text(events.read_text().replace(at.begun(run)["boot"], "0" * 36))
        await at.agent()
        final = await at.supervisor.finished(run)
        assert final["state"] == "lost"
        assert "restarted" in final["reason"]
        await at.gone(run)

    play(tmp_path, story)


def test_a_run_whose_agent_died_before_it_began_is_begun_by_the_next(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        handle = await at.agent()
        run = at.start(do="nothing")
        await at.supervisor.finished(run)
        await at.settled()
        await at.driver.stop(handle)
        # as it is between making the directory and starting the job cmd
        (at.directory(run) / "events.jsonl").unlink()
        marker = {"run": run, "epoch": 1, "code": "probe", "code_dir": str(CODES / "probe"), "python": spec_python(at, run)}
        (at.root / "agents/local/active" / run).write_text(json.dumps(marker))
        gone = at.new_run()
        (at.root / "agents/local/active" / gone).write_text(json.dumps({"run": gone, "epoch": 1}))
        at.supervisor.events.clear()
        await at.agent()
        assert [seen.run for seen in at.supervisor.hellos[-1].runs] == [run]
        assert (await at.supervisor.finished(run))["state"] == "completed"
        await at.settled()

    play(tmp_path, story)


def test_the_report_of_a_quick_run_comes_before_its_end(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        run = at.start(do="nothing", kind=Kind.QUICK, first_report="small")
        final = await at.supervisor.finished(run)
        assert final["report"] == "small"
        (pushed,) = at.supervisor.told(talk.ReportPushed)
        assert (pushed.run, pushed.report) == (run, "small")
        figure = json.loads(at.supervisor.bytes[pushed.op])
        assert figure["data"][0]["name"] == "čára"
        assert len(at.supervisor.bytes[pushed.op]) == pushed.size
        said = [type(what) for what in at.supervisor.said]
        last = max(i for i, what in enumerate(at.supervisor.said) if isinstance(what, talk.RunEvents))
        assert said.index(talk.ReportPushed) < last

    play(tmp_path, story)


def test_a_report_that_is_too_large_is_not_pushed(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        run = at.start(do="nothing", kind=Kind.QUICK, first_report="big", report_bytes=2 << 20)
        assert (await at.supervisor.finished(run))["report"] == "big"
        assert at.supervisor.told(talk.ReportPushed) == []

    play(tmp_path, story)


def test_a_run_that_the_supervisor_does_not_know_is_ended_and_forgotten(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        run = at.start(do="wait", grace=0.5)
        await at.supervisor.until((at.directory(run) / "work/waiting").exists)
        at.supervisor.forget.add(run)
        await at.supervisor.leave()
        at.supervisor.listen()
        await at.supervisor.until(lambda: not at.markers())
        await at.gone(run)
        assert at.supervisor.final(run) is None

    play(tmp_path, story)


def test_a_run_directory_that_was_replaced_is_said_to_be_gone(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        handle = await at.agent()
        run = at.start(do="wait")
        await at.supervisor.until((at.directory(run) / "work/waiting").exists)
        await at.supervisor.until(lambda: len(at.supervisor.events.get(run, ())) >= 2)
        await at.driver.stop(handle)
        os.kill(at.begun(run)["pid"], signal.SIGKILL)
        shutil.rmtree(at.directory(run))
        await at.agent()
        assert at.supervisor.hellos[-1].runs == ()
        at.supervisor.accept_anything = True
        at.supervisor.say(talk.StopRun(run=run, epoch=1))
        failed = await at.supervisor.until(lambda: at.supervisor.told(talk.StartFailed))
        assert "gone" in failed[0].reason
        await at.settled()

    play(tmp_path, story)


def test_a_code_that_was_changed_is_loaded_anew(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        await at.agent()
        code = tmp_path / "code"
        code.mkdir()
        for word in ("one", "two"):
            (code / "code.py").write_text(f"def prepare(run):\n    return ['sh', '-c', 'echo {word}']\n")
            run = at.start(code_dir=str(code))
            await at.supervisor.finished(run)
            assert (at.directory(run) / "run.log").read_text().strip() == word
            await asyncio.sleep(0.6)  # its files are looked at twice a second

    play(tmp_path, story)


def test_a_killed_serve_is_replaced_and_its_runs_go_on(tmp_path: Path) -> None:
    async def story(at: Bench) -> None:
        handle = await at.agent()
        run = at.start(do="frames", count=20, pause=0.05)
        await at.supervisor.until(lambda: at.supervisor.events.get(run))
        (serve,) = children(handle["pid"])
        os.kill(serve, signal.SIGKILL)
        other = at.start(do="nothing")
        assert (await at.supervisor.finished(other))["state"] == "completed"
        assert (await at.supervisor.finished(run))["state"] == "completed"

    play(tmp_path, story)


def spec_python(at: Bench, run: str) -> str:
    return str(json.loads((at.directory(run) / "run.json").read_text())["python"])


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def play(folder: Path, story: object) -> None:
    async def scene() -> None:
        async with bench(folder) as at:
            await story(at)  # type: ignore[operator]

    asyncio.run(scene())
