"""Stop 1, web: how much a user may still upload, by what is known of their disk and what has come since that was found out."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from simyard.config import Config
from simyard.errors import OutOfSpace, SimyardError
from simyard.protocol.amounts import share, size
from simyard.protocol.targets import Disk, TargetList
from simyard.web.port import Port

#: So many uploads of one user are remembered: their sizes are known to whoever weighs the disk within a minute or so.
_MAX_REMEMBERED = 1000
#: No upload is larger (bytes).
_ANYTHING = 2**63


@dataclass(frozen=True, kw_only=True)
class Room:
    """`left` bytes may come; `words` say why no more."""

    left: int = _ANYTHING
    words: str = ""

    def refusal(self) -> OutOfSpace:
        return OutOfSpace("disk-quota", f"Nothing of this was kept: {self.words}", {"left": max(0, self.left)})


class Rooms:
    """Asks the supervisor, where the site has a limit at all; where nobody knows, there is room."""

    def __init__(self, config: Config, door: Port, clock: Callable[[], float]) -> None:
        self._is_limited = any(target.disk or target.disk_free for target in config.targets.values())
        self._door, self._clock = door, clock
        self._came: dict[str, deque[tuple[float, int]]] = {}

    def of(self, user: str) -> Room:
        """What this user may still upload."""
        if not self._is_limited:
            return Room()
        try:
            targets = self._door.ask(TargetList(user=user)).targets
        except SimyardError:
            return Room()  # files are web's own: the supervisor may be away
        rooms = [room for one in targets if one.disk is not None for room in self._rooms(user, one.name, one.disk)]
        return min(rooms, key=lambda room: room.left, default=Room())

    def took(self, user: str, size: int) -> None:
        """An upload has come, which nobody has weighed yet."""
        if self._is_limited:
            self._came.setdefault(user, deque(maxlen=_MAX_REMEMBERED)).append((self._clock(), size))

    def _rooms(self, user: str, target: str, disk: Disk) -> list[Room]:
        since = sum(size for at, size in self._came.get(user, ()) if at >= disk.measured)
        rooms = []
        if disk.quota and disk.used is not None:
            used = disk.used + since
            words = f"your files and runs on {target} take {share(used, disk.quota)}. Delete some that you do not need, or ask the site for more room."
            rooms.append(Room(left=disk.quota - used, words=words))
        if disk.keep and disk.free is not None:
            free = disk.free - since
            words = f"only {size(max(0, free))} of the server's disk are free, and {size(disk.keep)} must stay so. Delete what you do not need, or ask the site."
            rooms.append(Room(left=free - disk.keep, words=words))
        return rooms
