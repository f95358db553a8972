"""What fails beside others is tried once more, and told: a test of real processes shares two cores with three workers.

Tests that need nothing but Python (`tests/unit`) get no second try. The first failure is never hidden: pytest's own summary
counts it as `rerun`, and its whole text is printed above that. Each one is a fault to be found, of the test or of the product.
"""

from __future__ import annotations

from pathlib import Path

import pytest

STRICT = Path(__file__).parent / "unit"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if STRICT not in item.path.parents:
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.stats.get("rerun", []):
        terminalreporter.write_sep("_", f"first try of {report.nodeid}")
        terminalreporter.line(report.longreprtext)
