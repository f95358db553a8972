"""Stop 1, web: tells the supervisor who has arrived and what they look at, so that an agent and a code are ready in time."""

from __future__ import annotations

import time

import gevent

from simyard.errors import SimyardError
from simyard.protocol.asking import Arrive
from simyard.web.context import Services

#: An arrival is not told again for so long (seconds).
_AGAIN = 60.0
_MANY = 10_000


def arrive(services: Services, user: str, code: str = "") -> None:
    """Tell the supervisor, without waiting for it."""
    now, who = time.monotonic(), (user, code)
    if services.arrived.get(who, -_AGAIN) + _AGAIN > now:
        return
    if len(services.arrived) >= _MANY:
        services.arrived.clear()
    services.arrived[who] = now
    gevent.spawn(_tell, services, who)


def _tell(services: Services, who: tuple[str, str]) -> None:
    user, code = who
    try:
        services.door.ask(Arrive(user=user, target=services.config.default_target, code=code))
    except SimyardError:
        services.arrived.pop(who, None)  # a kindness that failed: the run itself will have everything started
