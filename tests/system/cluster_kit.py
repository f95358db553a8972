"""What the tests of clusters share: a Simyard whose runs go to one or two of them, and what they look at there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from simyard import alive
from simyard.client import RemoteRun
from simyard.drivers.site import site_of
from tests.slurm_site import Site
from tests.system.page_kit import Yard, wait_until
from tests.system.targets import Target

CODES = Path(__file__).parent / "codes"
#: For what passes ssh, an agent and Slurm, on a machine that does other work as well (seconds).
LIMIT = 120.0
FINAL = {"completed", "failed", "canceled", "lost"}
NO_LOCAL = "[targets.local]\nenabled = false\n"


class ClusterYard(Yard):
    """A Simyard whose runs go to `site`, where nobody says otherwise."""

    def __init__(self, home: Path, site: Site, settings: str, *, codes: Path = CODES) -> None:
        super().__init__(home, codes, Target(site.name, settings, site.directory, 40.0))
        self.site = site

    def send(self, code: str, model: str, inputs: dict[str, Any] | None = None, **options: Any) -> RemoteRun:
        """Start a run of that code with these inputs; `options` are those of Client.start."""
        simulation = self.client.create_simulation(code, code, inputs=inputs or {})
        return self.client.start(simulation["id"], model, reuse=False, **options)

    def slow(self, seconds: float = 500, **options: Any) -> RemoteRun:
        """A run that counts for so long."""
        return self.send("trouble", "later", {"how": "slow", "seconds": seconds}, **options)

    def there(self, site: Site, run: RemoteRun) -> Path:
        """The directory of a run on a cluster."""
        return site.directory / f"{site_of(self.home)}-me" / "runs" / run.id

    def login(self, target: str = "") -> dict[str, Any]:
        """How the target looks to the user."""
        (found,) = [one for one in self.client.targets() if one["name"] == (target or self.target.name)]
        shown: dict[str, Any] = found
        return shown


@contextmanager
def yard_on(site: Site, settings: str = "", **options: Any) -> Iterator[ClusterYard]:
    """A Simyard that is up, with an agent there."""
    with TemporaryDirectory(prefix="yard-") as folder:
        with ClusterYard(Path(folder) / "home", site, settings or NO_LOCAL + site.section(), **options) as made:
            yield made
        site.clear()


def reaches(run: RemoteRun, *states: str, seconds: float = LIMIT) -> RemoteRun:
    """The run, once it is in one of these states; one that has ended otherwise says why."""

    def there() -> bool:
        now = run.refresh().state
        assert now in states or now not in FINAL, run.data
        return now in states

    wait_until(there, seconds)
    return run


def explained(run: RemoteRun) -> str:
    """What is said to whoever asks why it isn't running."""
    return str(run.explain()["summary"])


def events(yard: ClusterYard, site: Site, run: RemoteRun) -> list[dict[str, Any]]:
    """What the job cmd has written there."""
    try:
        lines = (yard.there(site, run) / "events.jsonl").read_text().splitlines()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines]


def supervisor(yard: Yard) -> int:
    """Its pid; 0 between two."""
    return int(alive.state(str(yard.home)).get("supervisor", ["0"])[0])
