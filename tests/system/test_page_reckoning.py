"""What the page reckons by itself about runs: the time left, resources in words, remedies, logs, commands; module by module."""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.system.page_kit import Screen, Yard

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def page(yard: Yard, browser: Browser) -> Iterator[Any]:
    screen = Screen(browser, yard, name="reckoning")
    yield screen.page
    screen.close()


def call(page: Any, module: str, function: str, *arguments: Any) -> Any:
    """What a function of a module of the page answers."""
    return page.evaluate(
        "async ([module, name, given]) => { const found = await import(`/static/js/${module}.js`); return found[name](...given); }",
        [module, function, list(arguments)],
    )


def left(page: Any, **known: Any) -> Any:
    return call(page, "eta", "timeLeft", known)


def steady(until: float, total: float) -> list[dict[str, float]]:
    return [{"at": at * until / 10, "fraction": at * until / 10 / total} for at in range(1, 11)]


def test_where_nothing_is_known_no_time_is_told(page: Any) -> None:
    assert left(page, elapsed=5) is None
    assert left(page, elapsed=0.3, samples=[{"at": 0.3, "fraction": 0.5}]) is None
    # longer than all that were like it
    assert left(page, elapsed=90, earlier=[60, 70, 80]) is None


def test_earlier_runs_say_how_long_it_takes_before_it_has_said_anything(page: Any) -> None:
    told = left(page, elapsed=0, earlier=[60, 61, 59, 62, 58, 60])
    assert 45 < told["low"] < 60 < told["high"] < 80
    alone = left(page, elapsed=0, earlier=[60])
    assert alone["low"] < told["low"] < told["high"] < alone["high"], "one run says less than six"
    outlier = left(page, elapsed=0, earlier=[60, 61, 59, 62, 58, 60, 61, 60, 59, 60, 100_000])
    assert outlier["high"] < 100


def test_where_the_little_that_was_done_contradicts_earlier_runs_no_time_is_told(page: Any) -> None:
    begun = [{"at": 12, "fraction": 105 / 2_000_000}]
    assert left(page, elapsed=12, samples=begun, earlier=[14, 15]) is None
    # a start takes its time, and a run that has not begun says nothing
    assert left(page, elapsed=8, samples=[{"at": 8, "fraction": 0}], earlier=[14, 15])
    assert left(page, elapsed=1, samples=[{"at": 1, "fraction": 0.009}], earlier=[14, 15])


def test_its_own_pace_narrows_the_range_and_beats_the_others(page: Any) -> None:
    early, late = left(page, elapsed=10, samples=steady(10, 100)), left(page, elapsed=90, samples=steady(90, 100))
    for told, truth in ((early, 90), (late, 10)):
        assert told["low"] < truth < told["high"]
    assert late["high"] / late["low"] < early["high"] / early["low"]
    # the others took ten times as long: they had other inputs
    odd = left(page, elapsed=50, samples=steady(50, 100), earlier=[1000, 1001, 999, 1000])
    assert odd["high"] < 80


def test_a_run_that_slows_down_is_told_as_uncertain(page: Any) -> None:
    slowing = [{"at": 10.0, "fraction": 0.5}, {"at": 20.0, "fraction": 0.6}, {"at": 40.0, "fraction": 0.7}]
    told = left(page, elapsed=40, samples=slowing)
    assert told["high"] > 2 * told["low"]
    assert told["high"] > 35


def test_sizes_and_times_are_read_as_people_write_them(page: Any) -> None:
    sizes = {"2 GiB": 2 << 30, "512 MB": 512_000_000, "1.5g": 3 << 29, "4": 4 << 30, "512": 512 << 20, "300 MiB": 300 << 20}
    for text, size in sizes.items():
        assert call(page, "resources", "parseSize", text) == size, text
    for text, seconds in {"90 s": 90, "20": 1200, "1 h 30 min": 5400, "1:30:00": 5400, "2 d": 172_800}.items():
        assert call(page, "resources", "parseTime", text) == seconds, text
    for seconds in (1, 59, 3600, 5400, 90_061):
        assert call(page, "resources", "parseTime", call(page, "resources", "timeText", seconds)) == seconds
    for size in (1 << 20, 3 << 29, 123_456_789, 1000, 5):
        assert call(page, "resources", "parseSize", call(page, "resources", "sizeText", size)) == size
    assert page.evaluate(
        "import('/static/js/resources.js').then((r) => [r.parseSize('much'), r.parseTime('soon')].every(Number.isNaN))"
    )


def test_what_helps_is_known_by_cause(page: Any) -> None:
    inputs = [{"name": "cell_length", "title": "Cell length"}, {"name": "cell", "title": "Cell"}]
    code, place = {"inputs": inputs}, {"memory": 3 << 30}

    def first(run: dict[str, Any]) -> dict[str, Any]:
        return dict(call(page, "remedy", "remedies", {"state": "failed", "reason": "", **run}, code, place)[0])

    assert first({"cause": "memory", "resources": {"memory": 1 << 30}}) == {"kind": "memory", "amount": 2 << 30}
    assert first({"cause": "memory", "resources": {"memory": 2 << 30}}) == {"kind": "memory", "amount": 3 << 30}
    assert first({"cause": "memory", "resources": {"memory": 3 << 30}}) == {"kind": "again"}
    assert first({"cause": "time-limit", "resources": {"time_limit": 60}}) == {"kind": "time", "amount": 120}
    assert first({"cause": "disk"}) == {"kind": "free"}
    assert first({"cause": "input", "reason": "The cell length must be more."}) == {"kind": "input", "input": "cell_length"}
    assert first({"cause": "exit", "reason": "cannot open file 'magnets.seq'"}) == {"kind": "files", "file": "magnets.seq"}
    assert first({"cause": "exception", "reason": "[Errno 2] No such file or directory: 'a/b.str'"})["file"] == "b.str"
    assert first({"state": "lost", "cause": "lost"}) == {"kind": "again"}


def test_what_helps_on_a_cluster_is_within_its_partition(page: Any) -> None:
    there = {"name": "debug", "default": True, "memory": 3 << 30, "time_limit": 90.0}
    place = {"memory": 0, "partitions": [{**there, "name": "other", "default": False, "memory": None}, there]}

    def first(cause: str, **resources: Any) -> dict[str, Any]:
        run = {"state": "failed", "reason": "", "cause": cause, "resources": {"batch": {"partition": ""}, **resources}}
        return dict(call(page, "remedy", "remedies", run, {"inputs": []}, place)[0])

    assert first("memory", memory=1 << 30) == {"kind": "memory", "amount": 2 << 30}
    assert first("memory", memory=2 << 30) == {"kind": "memory", "amount": 3 << 30}
    assert first("memory", memory=2 << 30, batch={"partition": "other"}) == {"kind": "memory", "amount": 4 << 30}
    assert first("time-limit", time_limit=60) == {"kind": "time", "amount": 90}
    assert first("time-limit", time_limit=90) == {"kind": "again"}


def test_a_start_on_a_cluster_is_shown_with_all_that_is_chosen(page: Any) -> None:
    batch = {"partition": "big", "nodes": 2, "cpus_per_task": 4, "extra": ["--exclusive", "--mail-user=a b"]}
    told = call(
        page,
        "showas",
        "start",
        {
            "origin": "http://here",
            "code": {"name": "heat", "inputs": []},
            "model": "solve",
            "simulation": {"id": "S", "inputs": {}},
            "target": "pool",
            "resources": {"time_limit": 60, "batch": batch},
        },
    )
    words = shlex.split(told["cli"].replace("\\\n", " "))
    assert words[words.index("--on") :] == [
        *("--on", "pool", "--time-limit", "60", "--wait", "--partition", "big", "--nodes", "2", "--cpus-per-task", "4"),
        *("--sbatch=--exclusive", "--sbatch=--mail-user=a b"),
    ]
    assert f"resources={{'time_limit': 60, 'batch': {batch}}}".replace("'", '"') in told["python"]
    assert json.dumps(batch, separators=(",", ":")) in told["curl"]


def test_a_fingerprint_is_compared_however_it_is_pasted(page: Any) -> None:
    print_ = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"

    def same(given: str) -> Any:
        return call(page, "parts/login/dialog", "sameAs", given, print_)

    assert same("  ") is None
    assert same(print_) is same(print_.removeprefix("SHA256:") + "=") is same(f"256 {print_} pool (ED25519)\n") is True
    assert same(print_[:-1]) is same(print_.lower()) is same("256 pool (ED25519)") is False


def test_what_a_program_prints_becomes_text_and_nothing_else(page: Any) -> None:
    assert call(page, "ansi", "plain", "10 %\r50 %\r100 %\r") == "100 %"
    assert call(page, "ansi", "plain", "ab\b\bxy") == "xy"
    assert call(page, "ansi", "plain", "\x1b]0;title\x07a\x1b[2Kb\x00\u202e") == "ab\u2400\ufffd"
    assert len(call(page, "ansi", "plain", "x" * 1_000_000)) < 5000
    made = call(page, "ansi", "spans", "a\x1b[1;31mred\x1b[0m<b>")
    assert [(one["text"], one["style"]) for one in made["spans"]] == [("a", ""), ("red", "ansi-1 ansi-bold"), ("<b>", "")]
    for line, speaks in {"ERROR: no": True, "0 errors, fine": False, "residual error 1e-9": True, "all well": False}.items():
        assert call(page, "ansi", "speaksOfError", line) is speaks, line


def test_whatever_a_text_holds_it_is_one_word_of_the_shell_and_one_string_of_python(page: Any) -> None:
    texts = ["", "plain", "it's", '"$(rm -rf ~)"', "a b\nc\\d`e`", "µ €\u2028 🙂", "-x", "!!", "*", "\\'", "\t"]
    for text in texts:
        assert shlex.split(call(page, "showas", "shell", text)) == [text]
        done = subprocess.run(["sh", "-c", f"printf %s {call(page, 'showas', 'shell', text)}"], capture_output=True, check=True)
        assert done.stdout.decode() == text
        assert eval(call(page, "showas", "python", text)) == text
    value = {"a": [1, 2.5, True, None], "b": {"c": "é"}}
    assert eval(call(page, "showas", "python", value)) == value


def test_numbers_have_the_digits_that_their_code_declares(page: Any) -> None:
    declared = {"chroma": {"name": "chroma", "title": "Chromaticity", "unit": "", "digits": 4}}
    told = call(
        page,
        "parts/results",
        "rows",
        {"chroma": -2.8e-11, "x": -2.8e-11, "own": {"value": 3, "unit": "m", "title": "T"}},
        declared,
    )
    assert [(one["title"], one["text"], one["unit"]) for one in told] == [
        ("Chromaticity", "0", ""),
        ("X", "\u22122.8e\u221211", ""),
        ("T", "3", "m"),
    ]
    nested = call(page, "parts/results", "rows", json.loads('{"a": {"b": 1, "c": [1, 2]}, "d": true, "e": null}'), {})
    assert [one["text"] for one in nested] == ["1", "1, 2", "yes", "–"]


def test_quick_runs_that_follow_each_other_are_one_row(page: Any) -> None:
    def run(number: int, kind: str = "quick", jid: str = "a", **more: Any) -> dict[str, Any]:
        return {"id": f"{number:03}", "kind": kind, "jid": jid, "created": "2026-01-01T00:00:00Z", **more}

    runs = [run(9), run(8), run(7, jid="b"), run(6), run(5, kind="long"), run(4), run(3, name="kept"), run(2), run(1)]
    rows = page.evaluate(
        """async ([runs, open]) => (await import('/static/js/runlist.js')).folded(runs, new Set(open))
            .map((item) => [item.kind, item.runs.map((run) => run.id)])""",
        [runs, ["fold-001"]],
    )
    assert rows == [
        ["fold", ["009", "008"]], ["run", ["007"]], ["run", ["006"]], ["run", ["005"]], ["run", ["004"]], ["run", ["003"]],
        ["fold", ["002", "001"]], ["part", ["002"]], ["part", ["001"]],
    ]  # fmt: skip


#: Puts values into a field of a draft, all in one moment; answers with what was asked to be saved by then, and in the end.
_TYPED = """async (values) => {
    const base = '/static/js', {api} = await import(`${base}/api.js`), {Draft} = await import(`${base}/draft.js`);
    const {inputs, asked, change} = {inputs: [{name: 'n', type: 'integer', default: 1, minimum: 0}], asked: [], change: api.changeSimulation};
    const draft = new Draft({id: 'S', version: 1, revision: 'r1', etag: 'e1', inputs: {}, files: {}}, {name: 'c', inputs, groups: []});
    api.changeSimulation = async (id, etag, what) => {
        asked.push(what.inputs.n);
        const {version} = draft.simulation.value;
        return {...draft.simulation.value, version: version + 1, revision: `r${version + 1}`, inputs: what.inputs};
    };
    try {
        for (const value of values) draft.set('n', value, true);
        const atOnce = [...asked];
        while (draft.state.value !== 'saved') await new Promise((resolve) => setTimeout(resolve, 5));
        return {atOnce, asked};
    } finally {
        api.changeSimulation = change;
    }
}"""


def test_the_first_key_is_saved_at_once_and_of_those_that_follow_fast_only_the_last(page: Any) -> None:
    assert page.evaluate(_TYPED, ["5"]) == {"atOnce": [5], "asked": [5]}
    many = [str(number) for number in range(10, 40)]
    assert page.evaluate(_TYPED, many) == {"atOnce": [10], "asked": [10, 39]}
    assert page.evaluate(_TYPED, ["x", "7"]) == {"atOnce": [], "asked": [7]}, "what is wrong is not saved"
