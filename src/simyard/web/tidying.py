"""Stop 1, web: what goes away by itself: simulations that have lain in the bin for long. Nobody waits for it."""

from __future__ import annotations

import logging

import gevent

from simyard.errors import NotFound, PreconditionFailed, SimyardError
from simyard.web.context import Services
from simyard.web.uploads import sweep

log = logging.getLogger("simyard.web")

#: How long the bin keeps (seconds).
KEPT = 30 * 86400.0
#: Not in the first moments, in which everybody comes back, and then every hour (seconds).
_FIRST, _EVERY = 90.0, 3600.0
#: So many in a row; whoever else wants the database comes in between.
_BATCH, _PAUSE = 20, 1.0


def tidy(services: Services) -> int:
    """Remove what has lain in the bin for longer than it keeps; answers with how many, a batch at most."""
    old = services.simulations.binned_before(services.clock() - KEPT, _BATCH)
    for user, simulation in old:
        try:
            contents = services.simulations.delete(user, simulation, binned=True)
        except (NotFound, PreconditionFailed):
            continue  # another worker was faster, or somebody has taken it back in this moment
        for sha256 in contents:
            sweep(services, user, sha256)
        services.tell.simulation(user, simulation)
    return len(old)


def start(services: Services) -> gevent.Greenlet:
    """Have it done from time to time, as long as this process lives."""
    return gevent.spawn(_go_on, services)


def _go_on(services: Services) -> None:
    gevent.sleep(_FIRST)
    while True:
        try:
            more = tidy(services) == _BATCH
        except SimyardError as error:
            log.warning("the bin could not be swept: %s", error.detail)
            more = False
        except Exception:  # the wall of this greenlet: what was not foreseen must not end it for good
            log.exception("the bin could not be swept")
            more = False
        gevent.sleep(_PAUSE if more else _EVERY)
