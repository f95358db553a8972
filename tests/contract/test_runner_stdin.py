"""What a code finds on its standard input while it is imported: nothing, warm and cold, so that it behaves alike in both."""

from __future__ import annotations

from pathlib import Path

from tests.contract.runner_kit import LIMIT, Site, each_interpreter, final


@each_interpreter
def test_a_code_reads_nothing_where_it_is_imported_for_one_run(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        assert site.run(site.directory(code="listening"))["results"] == {"found": [True, True]}


@each_interpreter
def test_a_warm_code_reads_nothing_of_the_questions(version: str, tmp_path: Path) -> None:
    with Site(version, tmp_path) as site:
        served = site.serve("listening")
        directory = site.directory(code="listening")
        served.ask(id=1, do="run", dir=str(directory))
        assert "pid" in served.answer_to(1)
        assert served.answer_to(1)["exit_code"] == 0
        found = final(directory)
        assert found is not None
        assert found["results"] == {"found": [True, True]}
        served.close()
        assert served.process.wait(LIMIT) == 0
