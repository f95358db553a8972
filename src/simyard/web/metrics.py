"""Stop 1, web: counts of what this worker has done, in Prometheus' text format, made without its client library."""

from __future__ import annotations

import os
from collections import Counter

_BOUNDS = (0.005, 0.02, 0.1, 0.5, 2.0, 10.0)


class Metrics:
    """Counters of one worker: they begin at 0 when it starts."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.seconds = 0.0
        self.buckets: Counter[float] = Counter()
        self.streams = 0

    def seen(self, method: str, endpoint: str, status: int, seconds: float) -> None:
        self.requests[method, endpoint, status] += 1
        self.seconds += seconds
        for bound in _BOUNDS:
            if seconds <= bound:
                self.buckets[bound] += 1
                break

    def text(self) -> str:
        """All of it. Times are those from a request's arrival to the beginning of its answer."""
        worker = f'worker="{os.getpid()}"'
        lines = ["# TYPE simyard_web_requests_total counter"]
        lines += [
            f'simyard_web_requests_total{{{worker},method="{method}",endpoint="{endpoint}",status="{status}"}} {count}'
            for (method, endpoint, status), count in sorted(self.requests.items())
        ]
        lines.append("# TYPE simyard_web_request_seconds histogram")
        below = 0
        for bound in _BOUNDS:
            below += self.buckets[bound]
            lines.append(f'simyard_web_request_seconds_bucket{{{worker},le="{bound}"}} {below}')
        total = self.requests.total()
        lines.append(f'simyard_web_request_seconds_bucket{{{worker},le="+Inf"}} {total}')
        lines.append(f"simyard_web_request_seconds_sum{{{worker}}} {self.seconds:.6f}")
        lines.append(f"simyard_web_request_seconds_count{{{worker}}} {total}")
        lines += ["# TYPE simyard_web_event_streams gauge", f"simyard_web_event_streams{{{worker}}} {self.streams}", ""]
        return "\n".join(lines)
