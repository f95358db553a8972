"""Stop 1, web: the bin: where deleted simulations lie for a while, the way back, and the way out."""

from __future__ import annotations

from flask import Response

from simyard.errors import Conflict, Unavailable
from simyard.protocol.asking import RunList
from simyard.protocol.jobs import FINAL
from simyard.store.simulations import Simulation
from simyard.web import bodies
from simyard.web.api_simulations import IF_MATCH, check_match, find, shown
from simyard.web.context import services, user
from simyard.web.routes import PREFIX, Routes
from simyard.web.uploads import sweep

routes = Routes("simulations")


@routes.delete("/simulations/<simulation>", answers={204: ""}, problems=(404, 409, 412, 503), headers=IF_MATCH)
def simulation_delete(simulation: str, query: bodies.SimulationDeletion) -> Response:
    """Put a simulation into the bin, where it is kept for 30 days; its runs stay, and none of them may be active.

    `POST /simulations/{id}/restore` takes it back. With `forever=true` it is gone at once, with all its revisions.
    """
    found = find(simulation)
    check_match(found)
    if query.forever:
        _check_idle(found)
        for sha256 in services().simulations.delete(user(), found.id, found.version):
            sweep(services(), user(), sha256)
        services().tell.simulation(user(), found.id)
        return Response(status=204)
    try:
        _check_idle(found)
    except Unavailable:
        pass  # nobody knows whether a run of it is active: it can be taken back, and its runs stay in any case
    services().simulations.put_in_bin(user(), found.id, services().clock(), found.version)
    services().tell.simulation(user(), found.id)
    return Response(status=204)


@routes.post("/simulations/<simulation>/restore", answers={200: "Simulation"}, problems=(404,))
def simulation_restore(simulation: str) -> Response:
    """Take a simulation back from the bin, as it was."""
    restored = services().simulations.take_from_bin(user(), find(simulation).id)
    services().tell.simulation(user(), restored.id)
    return shown(restored)


def _check_idle(found: Simulation) -> None:
    """Raises Conflict where a run of it is active, Unavailable where that cannot be known."""
    newest = services().door.ask(RunList(user=user(), limit=100, simulation=found.id)).runs
    active = next((run for run in newest if run.state not in FINAL), None)
    if active is not None:
        more = {"run": active.id, "location": f"{PREFIX}/runs/{active.id}"}
        raise Conflict("simulation-active", f"A run of it is {active.state.value}: wait for it, or cancel it first.", more)
