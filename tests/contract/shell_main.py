"""The supervisor's process as the tests of its doors run it: agents are written down instead of started, and commits can be made to fail."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from simyard import config as configs
from simyard.drivers.base import AgentSpec, Driver, Handle, Life
from simyard.errors import SimyardError
from simyard.store.engine import StoreError, make_engine, migrate
from simyard.store.records import Batch
from simyard.store.runs import RunStore
from simyard.supervisor.app import running
from simyard.supervisor.home import locked, private_folder
from simyard.supervisor.journal import configure


class Written(Driver):
    """Starts nobody: the test plays the agent."""

    def __init__(self, home: Path) -> None:
        self._path = home / "agents.jsonl"

    async def start(self, spec: AgentSpec) -> Handle:
        with self._path.open("a") as file:
            file.write(json.dumps({name: getattr(spec, name) for name in (f.name for f in dataclasses.fields(spec))}) + "\n")
        return {"agent": spec.agent}

    async def poll(self, handle: Handle) -> Life:
        return Life.ALIVE if handle else Life.UNKNOWN

    async def stop(self, handle: Handle) -> None: ...

    async def cleanup(self) -> None: ...


class Failing(RunStore):
    """Cannot commit as long as a file is there."""

    def __init__(self, engine: Any, flag: Path) -> None:
        super().__init__(engine)
        self._flag = flag

    def commit(self, batch: Batch) -> None:
        if self._flag.exists():
            raise StoreError("database-full", "The disk of the database is full.", retry=True)
        super().commit(batch)


async def main(home: Path) -> None:
    config = configs.load({}, home)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    engine = make_engine(config.jobs_url)
    migrate(engine, "jobs")
    async with running(config, {"local": Written(home)}, os.environ, store=Failing(engine, home / "commits-fail")):
        await stop.wait()


if __name__ == "__main__":
    configure()
    folder = Path(sys.argv[1])
    try:
        private_folder(folder)
        with locked(folder / "supervisor.lock"):
            asyncio.run(main(folder))
    except SimyardError as error:
        sys.exit(error.detail)
