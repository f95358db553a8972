"""The OpenAPI document holds: whatever it allows, and what it does not, is answered as it says, and nothing breaks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, checks
from schemathesis.specs.openapi import checks as openapi_checks

from simyard.web.app import PARTS
from tests.contract.api_kit import LIMIT, WebProcess, web_process

pytestmark = [pytest.mark.api, pytest.mark.xdist_group("api")]

#: All but the event stream, which does not end by itself.
OPERATIONS = sorted({one.handler.__name__ for part in PARTS for one in part.operations} - {"events"})
CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_schema_conformance,
    openapi_checks.unsupported_method,
]


@pytest.fixture(scope="module")
def web() -> Iterator[WebProcess]:
    with web_process("[web]\nupload_limit = 100000\ninstall_codes = false\n") as found:
        found.supervisor.ends_at_once = True
        yield found


@pytest.fixture(scope="module")
def document(web: WebProcess) -> Any:
    return schemathesis.openapi.from_url(f"{web.url}/api/openapi.json")


@pytest.fixture(scope="module")
def known(web: WebProcess) -> dict[str, str]:
    """Things that are there, so that not every answer is 404."""
    web.ask("PUT", "/files/known.txt", b"text")
    simulation = web.ask("POST", "/simulations", {"code": "grayscott"}).json["id"]
    web.ask("PUT", f"/simulations/{simulation}/files/known.txt", b"text")
    run = web.ask("POST", f"/simulations/{simulation}/runs", {"model": "evolve"}).json["id"]
    web.supervisor.logs[run] = bytearray(b"0123456789")
    web.supervisor.files[run] = {"known.txt": b"text"}
    web.supervisor.reports[run, "known", -1] = b'{"data": [], "layout": {}}'
    return {
        "run": run,
        "simulation": simulation,
        "name": "known.txt",
        "path": "known.txt",
        "report": "known",
        "code": "grayscott",
        "target": "local",
    }


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_does_what_the_document_says(name: str, web: WebProcess, document: Any, known: dict[str, str]) -> None:
    operation = document.find_operation_by_id(name)
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode))

    @settings(max_examples=25, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    @given(case=cases, is_known=st.booleans())
    def holds(case: Any, is_known: bool) -> None:
        if is_known and case.path_parameters and case.method != "DELETE":
            case.path_parameters.update({key: known[key] for key in case.path_parameters if key in known})
        case.call_and_validate(base_url=web.url, headers={"Authorization": f"Bearer {web.token}"}, timeout=LIMIT, checks=CHECKS)

    holds()


def test_good_and_bad_requests_were_made_of_every_operation(web: WebProcess) -> None:
    with web.open("GET", "/metrics") as response:
        counted = response.read().decode()
    # what was made depends a little on the modules that are loaded: Hypothesis tries the constants in them, too
    for status in ("200", "201", "400", "401", "404", "422"):
        assert f'status="{status}"' in counted, counted
    for name in OPERATIONS:
        assert f'.{name}",' in counted, f"{name} was never asked"
