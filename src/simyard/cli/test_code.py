"""`simyard code test`: holds a code to the contract. Each check has a name and a limit, and tells the place and what to do."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from simyard.cli.bench import Bench, Late, Limits, in_words
from simyard.cli.test_here import Here
from simyard.cli.test_model import hold_model
from simyard.cli.test_ready import NONSENSE, extremes
from simyard.codes import install as installing
from simyard.codes import registry
from simyard.codes.declaration import Declaration, Input, Model, WrongValue
from simyard.config import Config
from simyard.errors import InvalidRequest, SimyardError

Tell = Callable[[str, str], None]


def hold(
    settings: Config,
    name: str,
    tell: Tell | None,
    limits: Limits | None = None,
    *,
    targets: Sequence[str] = ("local",),
    first: bool = False,
) -> list[tuple[str, str]]:
    """What was checked, each with what is wrong ("" where it holds); `tell` is told each at once. `targets` are those to run on:
    `local` here and now, others by the Simyard that is up. With `first` only the first example is run."""
    results: list[tuple[str, str]] = []

    def note(what: str, words: str) -> bool:
        results.append((what, words))
        if tell is not None:
            tell(what, words)
        return not words

    try:
        code = registry.named(settings, name)
    except SimyardError as error:
        note("the declaration can be read", error.detail)
        return results
    note("the declaration can be read", "")
    for what, words in declared(code):
        note(what, words)
    for target in targets:
        if target == "local":
            checks = _here(settings, code, limits or Limits(), first=first)
        else:
            from simyard.cli.test_there import there

            checks = there(settings, code, target, limits or Limits(), first=first)
        for what, words in checks:
            note(what if targets == ("local",) else f"{target}: {what}", words)
    return results


def declared(code: Declaration) -> Iterator[tuple[str, str]]:
    """What can be said without running anything: what is wrong is refused, and every example accepted."""
    for one in code.inputs.values():
        for bound, beyond in ((one.minimum, -1.0), (one.maximum, 1.0)):
            if bound is not None:
                what = f"{one.name} {'below its minimum' if beyond < 0 else 'above its maximum'} is refused"
                yield what, _refuses(one, bound + beyond * max(1.0, abs(bound)))  # by itself: it may be hidden by another
    # a text may mean something to texts and expressions
    texts = {one.name for one in code.inputs.values() if one.expression or one.type in {"string", "text", "file"}}
    taken = [one.name for one in code.inputs.values() if _refuses(one, {"of": "no type"})]
    taken += [one.name for one in code.inputs.values() if one.name not in texts and _refuses(one, NONSENSE)]
    yield "values of a wrong type are refused in words", f"one is accepted by {', '.join(taken)}" if taken else ""
    for example in code.examples.values():
        try:
            code.check_inputs(example.inputs)
            yield f"example {example.name} is valid", ""
        except InvalidRequest as error:
            yield f"example {example.name} is valid", error.detail
    drawn = {report for model in code.models.values() for report in model.reports}
    if lost := [name for name in code.reports if name not in drawn]:
        words = f'[reports.{lost[0]}] is in no model\'s reports; add it to the reports of one: reports = ["{lost[0]}"]'
        yield "each report belongs to a model", words


def _refuses(one: Input, value: Any) -> str:
    try:
        one.check(value, ())
    except WrongValue as error:
        return "" if str(error).strip() else "it is refused without a word"
    return "it is accepted"


def _here(settings: Config, code: Declaration, limits: Limits, *, first: bool) -> Iterator[tuple[str, str]]:
    status = installing.status(settings, code)
    ready = status.installed and status.python
    yield "it is installed", "" if ready else status.detail
    if not ready:
        return
    with tempfile.TemporaryDirectory(prefix="simyard-code-test-") as folder:
        bench = Bench(code, str(status.python), Path(folder), limits)
        words = _loads(bench)
        yield "its code can be loaded", words
        if words:
            return
        for model in code.models.values():
            yield f"{model.name}: prepare bears any input that is allowed", _bears(bench, model)
            for what, words in hold_model(Here(bench), model, first=first):
                yield f"{model.name}: {what}", words


def _loads(bench: Bench) -> str:
    with bench.serving() as warm:
        try:
            said = warm.ready(bench.limits.load)
        except Late as late:
            return f"{late}: let it do nothing when it is imported but define its functions"
        except OSError:
            said = {"error": "It has ended its interpreter."}
        if said.get("ready"):
            return ""
        error = str(said.get("error")).removeprefix("The code could not be loaded. ").rstrip(".")
        package = "add its package to `requires` in code.toml, with a `python` of its own"
        return f"{bench.place(warm.said())}{error}; {package if 'No module named' in error else 'mend it there'}"


def _bears(bench: Bench, model: Model) -> str:
    """Have its input prepared with each input at its limits: it may refuse, but in words."""
    example = next(iter(bench.code.examples.values()), None)
    base = dict(example.inputs) if example else {}
    wrong = []
    with bench.serving() as warm:
        try:
            warm.ready(bench.limits.load)
            for name, value in extremes(bench.code):
                try:
                    directory = bench.prepare(model, {**base, name: value})
                except InvalidRequest:
                    continue  # with the example's other inputs it is not allowed
                answer = warm.ask({"do": "input", "dir": str(directory)}, bench.limits.report)
                if words := _no_words(bench, answer, bench.log(directory)):
                    wrong.append(f"{name} = {value!r:.40}: {words}")
        except (Late, OSError) as error:
            return f"{error}; let prepare(run) only write its input, and be quick"
    more = f" (and {len(wrong) - 3} more)" if len(wrong) > 3 else ""
    return "; ".join(wrong[:3]) + more


def _no_words(bench: Bench, answer: dict[str, Any], log: str) -> str:
    if answer.get("ok"):
        return ""
    said = str(answer.get("error", ""))
    if "took longer than" in said:
        return f"prepare did not end: {said}"
    if in_words(said):
        return ""
    return f"{bench.place(log)}{said}; raise ValueError with a sentence that says what to change, or narrow minimum and maximum"
