"""The way to a cluster, step by step: its name, its port, its key, the login."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from simyard.cli.check_trip import Stuck, Trip
from simyard.drivers.ssh.hostkeys import HostKeys
from simyard.drivers.ssh.login import Asked, Login, Ready, Refused, Turn, UnknownHost

#: A name is looked up, and a port answers, within this time (seconds).
LIMIT = 15.0
_MOST_BANNER = 8192


@dataclass(frozen=True)
class Hop:
    """The first host on the way, as ssh's configuration has it; `proxy`: a program leads there, and no port is opened from here."""

    host: str
    port: int
    proxy: str = ""


def _config_of(trip: Trip) -> Path | None:
    """The file of ssh's settings that the cluster's section names."""
    named = trip.cluster.ssh_config
    return Path(named).expanduser() if named else None


def _settings(trip: Trip) -> tuple[Path, bool]:
    """The file of ssh's settings, and whether there is one."""
    chosen = _config_of(trip) or Path("~/.ssh/config").expanduser()
    return chosen, chosen.exists()


async def _first_hop(trip: Trip) -> Hop:
    cluster = trip.cluster
    chosen, is_there = _settings(trip)
    if cluster.ssh_config and not is_there:
        raise Stuck(f"There is no file {chosen}.", "Mend `ssh_config` in the cluster's section of simyard.toml.")
    config = [str(chosen)] if is_there else []
    host, port = cluster.host, cluster.port
    try:
        said = await asyncssh.SSHClientConnectionOptions.construct(host=host, config=config, client_keys=None)
        if isinstance(said.tunnel, str) and said.tunnel:
            place = said.tunnel.split(",")[0].rpartition("@")[2]
            host, colon, number = place.rpartition(":")
            host, port = (host, int(number)) if colon and number.isdigit() else (place, 0)
            said = await asyncssh.SSHClientConnectionOptions.construct(host=host, config=config, client_keys=None)
    except (asyncssh.Error, OSError, ValueError) as error:
        raise Stuck(f"{chosen} cannot be read: {error}.", f"`ssh -G {cluster.host}` says what ssh makes of it.") from None
    proxy = said.proxy_command
    return Hop(said.host or host, port or said.port, " ".join(str(word) for word in proxy) if proxy else "")


async def look_up(trip: Trip) -> str:
    """The name leads to an address."""
    hop = await _first_hop(trip)
    if hop.proxy:
        return f"by a program of ssh's configuration: {hop.proxy}"
    try:
        async with asyncio.timeout(LIMIT):
            found = await asyncio.get_running_loop().getaddrinfo(hop.host, hop.port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise Stuck(f"No name server has answered for {hop.host} within {LIMIT:.0f} s.", "Is this machine online?") from None
    except OSError as error:
        raise Stuck(
            f"Nobody knows the name {hop.host} ({error.strerror or error}).",
            "Is it spelt right in simyard.toml or ~/.ssh/config, and does it need a VPN?",
        ) from None
    addresses = ", ".join(dict.fromkeys(str(one[4][0]) for one in found))
    return addresses if addresses == hop.host else f"{hop.host} is {addresses}"


async def connect(trip: Trip) -> str:
    """Something that speaks ssh listens there."""
    hop = await _first_hop(trip)
    if hop.proxy:
        return "that program makes it"
    try:
        async with asyncio.timeout(LIMIT):
            reader, writer = await asyncio.open_connection(hop.host, hop.port)
    except TimeoutError:
        raise Stuck(
            f"Port {hop.port} of {hop.host} has not answered within {LIMIT:.0f} s.",
            "A firewall is in between, or it is down: does it need a VPN, or a ProxyJump in ~/.ssh/config?",
        ) from None
    except ConnectionRefusedError:
        raise Stuck(
            f"Nobody listens on port {hop.port} of {hop.host}.", "Its ssh server is down, or on another port: see `port`."
        ) from None
    except OSError as error:
        raise Stuck(
            f"{hop.host} cannot be reached: {error.strerror or error}.", "Is this machine online, and does it need a VPN?"
        ) from None
    try:
        return f"port {hop.port}: {await _banner(reader)}"
    finally:
        writer.close()


async def _banner(reader: asyncio.StreamReader) -> str:
    """What an ssh server says first; a site's own lines may stand before it."""
    said = b""
    try:
        async with asyncio.timeout(LIMIT):
            while len(said) < _MOST_BANNER and (line := await reader.readline()):
                said += line
                if line.startswith(b"SSH-"):
                    return "".join(c for c in line.decode("ascii", "replace").strip()[:200] if c.isprintable())
    except (TimeoutError, ValueError, OSError):
        pass
    advice = "Too many failed logins can have it shut you out for a while; otherwise it is another port: see `port`."
    raise Stuck("Something listens there, and it is no ssh server, or one that hangs up at once.", advice)


async def know(trip: Trip) -> str:
    """The host is the one that it was, or somebody has compared its fingerprint now."""
    cluster = trip.cluster
    trip.talk = Login(
        cluster.host, HostKeys(trip.settings.known_hosts), user=trip.account or cluster.user, port=cluster.port,
        own_keys=cluster.own_keys, config=_config_of(trip),
    )  # fmt: skip
    trip.turn = await trip.talk.next()
    accepted = []
    while isinstance(trip.turn, UnknownHost):
        one = trip.turn
        if not trip.trust(one.host, one.kind, one.fingerprint):
            raise Stuck(
                f"{one.host} is not known yet, and its key ({one.kind} {one.fingerprint}) was not accepted.",
                f"Compare it with what the site tells; then `simyard target check {trip.name} --accept {one.fingerprint}`.",
            )
        trip.talk.accept(one.fingerprint)
        accepted.append(f"{one.host} {one.fingerprint}")
        trip.turn = await trip.talk.next()
    if isinstance(trip.turn, Refused) and trip.turn.words.startswith("The key of"):
        raise Stuck(trip.turn.words)
    return f"accepted, and known from now on: {', '.join(accepted)}" if accepted else "known, and the same as before"


async def log_in(trip: Trip) -> str:
    """It lets us in."""
    assert trip.talk is not None
    turn: Turn | None = trip.turn
    assert turn is not None
    asked = 0
    while isinstance(turn, Asked):
        asked += 1
        trip.talk.answer(trip.ask(turn.host, turn.words, turn.prompts))
        turn = await trip.talk.next()
    if isinstance(turn, Ready):
        trip.connection = trip.talk.take()
        who = trip.connection.get_extra_info("username")
        return f"as {who}, {'by what was answered' if asked else 'without a question'}"
    words = turn.words if isinstance(turn, Refused) else "It wants another host to be accepted."
    raise Stuck(
        words,
        f"`ssh {trip.cluster.host}` in a terminal says more: what works there works here. Wrong answers can be given anew; ask the site "
        "whether the account is locked, has expired, or wants something to be done first.",
    )
