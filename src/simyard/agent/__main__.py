"""`python -m simyard.agent`, started by a driver, which writes one JSON line (protocol/launch.py) to its standard input. With
arguments it is what a driver runs where it can only run commands: see `detached`.

Exit status: 0 it left (told to, by SIGTERM, or with nobody to work for), 2 standard input was not understood, 3 an older agent is
in the way and cannot be ended, 1 anything else. What runs goes on in every case. It logs to stderr.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import sys
from typing import Optional

from simyard.agent import detached, fence, hiding, masking
from simyard.agent.agent import Agent
from simyard.agent.lease import Lease
from simyard.agent.place import Place
from simyard.agent.session import stay_connected
from simyard.errors import ProtocolError
from simyard.protocol import launch
from simyard.protocol.launch import AgentSpec

log = logging.getLogger("simyard.agent")
NOT_UNDERSTOOD, IN_THE_WAY = 2, 3


def main() -> int:
    """Run an agent to its end, or what a driver asks for; answers the exit status."""
    # before there is anything to be seen. On this machine, where the agent is a package, codes could as well look into the supervisor
    hidden = not sys.argv[0].endswith(".pyz") or hiding.hide()
    if len(sys.argv) > 1:
        return detached.main(sys.argv[1:])
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(process)d %(levelname)s %(message)s")
    logging.getLogger("tornado").setLevel(logging.WARNING)
    try:
        spec = launch.from_line(sys.stdin.readline(launch.MAX_LINE + 1))
        place = Place(spec.root, spec.target)
    except (ProtocolError, ValueError) as error:
        log.error("Standard input is not understood: %s", error)  # noqa: TRY400 - no traceback: it might quote the line
        return NOT_UNDERSTOOD
    if not hidden:
        log.warning("This Python cannot hide its memory from other programs of the same user.")
    os.umask(0o077)
    place.make()
    lease = Lease(place.home, spec.agent) if spec.cluster is not None else None
    try:
        if lease is None:
            fence.take(place.lock)
        else:
            lease.take()
    except fence.Fenced as error:
        log.error("%s", error.detail)  # noqa: TRY400 - the sentence says it all
        return IN_THE_WAY
    masking.install()
    asyncio.run(run(spec, place, lease))
    if lease is not None:
        lease.release()
    return 0


async def run(spec: AgentSpec, place: Place, lease: Optional[Lease] = None) -> None:
    """The agent, until it is told to leave, or has nobody to work for, or its lease is another's."""
    from simyard.job_cmd.runner import conclude

    agent = Agent(spec, place, conclude)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, agent.leaving.set)
    if lease is not None:

        def lost(_why: str) -> None:
            loop.call_soon_threadsafe(agent.leaving.set)

        lease.keep(lost)
    session = asyncio.ensure_future(_session(spec, agent))
    leaving = asyncio.ensure_future(agent.leaving.wait())
    await asyncio.wait([session, leaving], return_when=asyncio.FIRST_COMPLETED)
    log.info("Leaving; what runs goes on.")
    for task in (session, leaving):
        task.cancel()
    results = await asyncio.gather(session, leaving, return_exceptions=True)
    await agent.close()
    for result in results:
        if isinstance(result, Exception):
            raise result


async def _session(spec: AgentSpec, agent: Agent) -> None:
    await agent.start()
    await stay_connected(spec, agent, random.random)


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    # without waiting for threads that may hang on a file system that is gone
    os._exit(status)
