"""Time, passed in: everything that needs to know the time is given a `Clock`."""

import time
from datetime import datetime, timezone
from typing import Callable

#: Answers with the time in seconds since the epoch (UTC).
Clock = Callable[[], float]

system: Clock = time.time


def to_iso(seconds: float) -> str:
    """The time as ISO 8601 in UTC with milliseconds, such as ``2026-01-31T12:00:00.250Z``."""
    moment = datetime.fromtimestamp(seconds, tz=timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (moment.microsecond // 1000)
