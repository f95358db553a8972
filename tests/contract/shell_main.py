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
from simyard.drivers.base import AgentSpec, Driver, Handle, Life, Login, LoginStep
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
            file.write(json.dumps(dataclasses.asdict(spec)) + "\n")
        return {"agent": spec.agent}

    async def poll(self, handle: Handle) -> Life:
        return Life.ALIVE if handle else Life.UNKNOWN

    async def outdated(self, handle: Handle, version: str) -> bool:
        old = self._path.with_name("old-version")
        return old.exists() and old.read_text() == version

    async def stop(self, handle: Handle) -> None: ...

    async def cleanup(self) -> None: ...


class Behind(Written):
    """A cluster whose login wants the password that it is made with; nothing is started without one. Whoever is called `key-…` needs none."""

    PASSWORD = "open sesame"

    def __init__(self, home: Path) -> None:
        super().__init__(home)
        self._states: dict[str, Login] = {}

    def login(self, user: str) -> Login:
        return self._states.get(user, Login(state="untried" if user.startswith("key-") else "needs-login"))

    async def log_in(self, user: str, step: LoginStep) -> Login:
        if step.name == "silent":
            await asyncio.sleep(3600.0)
        if step.end:
            self._states[user] = Login(state="needs-login", words="You have logged out.")
        elif step.begin:
            self._states[user] = Login(state="asking", host="pool", prompts=(("Password:", False),))
        elif step.answers == (self.PASSWORD,):
            self._states[user] = Login(state="ready")
        elif step.answers:
            self._states[user] = Login(state="refused", words="A wrong password.", again=True)
        return self.login(user)

    async def start(self, spec: AgentSpec) -> Handle:
        assert self.login(spec.user).may_start
        return await super().start(spec)


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
    drivers: dict[str, Driver] = {"local": Written(home)}
    drivers.update({config.driver(name): Behind(home) for name in config.clusters})
    async with running(config, drivers, os.environ, store=Failing(engine, home / "commits-fail")):
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
