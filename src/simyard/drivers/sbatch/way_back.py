"""The way back: a socket on the login node that leads through the ssh connection to the supervisor's door here."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from simyard.drivers.base import DriverError
from simyard.drivers.sbatch.node import Node, Unfit, ask_far


@dataclass(frozen=True)
class WayBack:
    """`path` is what agents dial: the same for every connection of this Simyard to this node, whichever socket it leads to."""

    path: str
    listener: asyncssh.SSHListener

    def close(self) -> None:
        self.listener.close()


async def lead_back(connection: asyncssh.SSHClientConnection, node: Node, site: str, door: Path, whose: str = "") -> WayBack:
    """Agents on this node reach the socket `door` here for as long as the connection stands. `whose` tells the logins of this Simyard apart that
    may end up in the same account: the stable name is another one for each. Raises DriverError.

    Each connection has a socket of its own, and the stable name leads to the newest: a server that finds only later that an older
    connection is gone removes that one's socket, and not this one's.
    """
    folder = str((await ask_far(connection, node, "doors", site))["folder"])
    stable = f"door-{hashlib.sha256(whose.encode()).hexdigest()[:8]}"
    name = f"{stable}-{os.urandom(6).hex()}"
    try:
        listener = await connection.forward_remote_path(f"{folder}/{name}", str(door))
    except asyncssh.ChannelListenError as error:
        raise Unfit(
            f"{node.name} does not let a socket be forwarded ({error}): its ssh server has AllowStreamLocalForwarding or AllowTcpForwarding "
            "switched off. Ask your site for it, or set `door` in [clusters] to an address by which its login nodes reach Simyard."
        ) from None
    except (asyncssh.Error, OSError) as error:
        raise DriverError(f"The connection to {node.name} broke ({error}).") from None
    try:
        said = await ask_far(connection, node, "point", folder, stable, name)
    except DriverError:
        listener.close()
        raise
    return WayBack(str(said["path"]), listener)
