"""What users' files and runs take of the disks, as their agents say, and what follows from it. Pure, like the reactor."""

from __future__ import annotations

from dataclasses import dataclass

from simyard.config import TargetConfig
from simyard.protocol import agents as talk
from simyard.protocol import targets
from simyard.protocol.amounts import share
from simyard.supervisor.core import AgentState, Core, Place, Seat

#: No disk is larger (bytes).
_MOST = 2**63


@dataclass(frozen=True, kw_only=True)
class Disk:
    """What a user's folder took, and what was free around it, in bytes; `measured` is when all of it was last weighed."""

    used: int
    free: int
    measured: float


def on_disk_used(core: Core, agent_id: str, message: talk.DiskUsed, now: float) -> bool:
    """An agent says what its user's folder takes. Whether that lets waiting runs go on."""
    agent = core.by_id.get(agent_id)
    place = core.places.get(agent.seat[1]) if agent is not None else None
    if agent is None or place is None or agent.state is not AgentState.CONNECTED or not is_limited(place.limits):
        return False
    if not (0 <= message.used < _MOST and 0 <= message.free < _MOST):
        return False
    was_over = why_full(core, agent.seat) is not None
    core.disks[agent.seat] = Disk(used=message.used, free=message.free, measured=now - max(0.0, message.age))
    return was_over and why_full(core, agent.seat) is None


def is_limited(limits: TargetConfig) -> bool:
    """Whether anybody counts at all."""
    return limits.disk > 0 or limits.disk_free > 0


def why_full(core: Core, seat: Seat) -> str | None:
    """Why no run of this user can start there, and what would help; None where there is room, or nobody knows."""
    place, disk = core.places.get(seat[1]), core.disks.get(seat)
    if place is None or disk is None:
        return None
    quota, keep = place.limits.disk, place.limits.disk_free
    if quota and disk.used >= quota:
        return (
            f"Your files and runs on {place.name} take {share(disk.used, quota)}. Delete runs or files that you do not need, or ask the "
            "site for more room."
        )
    if keep and disk.free < keep:
        return (
            f"The disk of {place.name} is nearly full: {share(disk.free, keep)} that must stay free are left. Delete runs or files that "
            "you do not need, or ask the site."
        )
    return None


def shown(core: Core, user: str, place: Place) -> targets.Disk | None:
    """The disk of a target as this user sees it; None where nobody counts."""
    limits, disk = place.limits, core.disks.get((user, place.name))
    if not is_limited(limits):
        return None
    if disk is None:
        return targets.Disk(quota=limits.disk, keep=limits.disk_free)
    return targets.Disk(quota=limits.disk, keep=limits.disk_free, used=disk.used, free=disk.free, measured=disk.measured)
