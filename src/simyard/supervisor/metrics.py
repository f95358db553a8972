"""The supervisor's numbers: plain counters, put into Prometheus' words only when somebody asks (the client is imported then)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Counts:
    """What has happened since the start; times in seconds."""

    commits: int = 0
    commit_seconds: float = 0.0
    commit_failures: int = 0
    committed_runs: int = 0
    stalls: int = 0
    longest_stall: float = 0.0
    agent_messages: int = 0
    agents_refused: int = 0
    #: by (question, HTTP status)
    requests: Counter[tuple[str, int]] = field(default_factory=Counter)


_COUNTERS = {
    "commits": "Transactions committed",
    "commit_seconds": "Seconds spent in transactions",
    "commit_failures": "Transactions that failed and were tried again",
    "committed_runs": "States of runs committed",
    "stalls": "Times that the event loop was late by more than 50 ms",
    "agent_messages": "Messages from agents",
    "agents_refused": "Connections of agents refused or broken off for what they said",
}


def render(counts: Counts, gauges: Mapping[str, tuple[str, float]]) -> bytes:
    """Prometheus' text format. `gauges`: name → (help, value now)."""
    from prometheus_client import CollectorRegistry, generate_latest
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    class Collector:
        def collect(self) -> Iterable[Any]:
            for name, words in _COUNTERS.items():
                yield CounterMetricFamily(f"simyard_{name}", words, value=getattr(counts, name))
            requests = CounterMetricFamily("simyard_requests", "Requests at the web door", labels=["question", "status"])
            for (question, status), number in sorted(counts.requests.items()):
                requests.add_metric([question, str(status)], number)
            yield requests
            yield GaugeMetricFamily(
                "simyard_longest_stall_seconds", "Longest stall of the event loop", value=counts.longest_stall
            )
            for name, (words, value) in gauges.items():
                yield GaugeMetricFamily(f"simyard_{name}", words, value=value)

    registry = CollectorRegistry()
    registry.register(Collector())
    return generate_latest(registry)
