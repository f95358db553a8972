"""A Simyard whose runs are in containers, asked by its web door as any user: for the tests of what a run may reach."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from simyard.agent import locks
from simyard.client import Client
from simyard.config import Config
from simyard.protocol.asking import ANSWER, Problem, RunAnswer, RunCancel, RunDelete, RunGone, RunSimulation, RunStatus
from simyard.protocol.jobs import FINAL, Resources, Run
from tests.contract.shell_kit import Web
from tests.docker_engine import HOSTILE_CODES, IMAGE, Engine
from tests.system.page_kit import wait_until

SIMYARD = Path(sys.executable).parent / "simyard"
#: No attempt takes longer (seconds) unless something is broken.
LIMIT = 300.0
ME, OTHER = "me", "other"


class Site:
    """`home` is that of a Simyard with a target `box` of kind docker, on `engine`."""

    def __init__(self, home: Path, engine: Engine) -> None:
        self.home, self.engine = home, engine
        self.config = Config(home=home)
        home.mkdir(mode=0o700)
        (home / "simyard.toml").write_text(
            f'codes_path = ["{HOSTILE_CODES}"]\n[targets.box]\nkind = "docker"\ncores = 8\nmemory = "2 GiB"\n'
            f'[docker]\nhosts = ["{engine.url}"]\nimage = "{IMAGE}"\ncores = 1\nprocesses = 200\nmemory = "768 MiB"\ntmp = "64 MiB"\nopen_files = 1024\n'
        )
        self.client: Client

    def simyard(self, *words: str) -> str:
        done = subprocess.run([SIMYARD, "--home", self.home, *words], capture_output=True, text=True, check=False, timeout=240)
        assert done.returncode == 0, f"simyard {words}: {done.stdout}{done.stderr}"
        return done.stdout

    @property
    def secret(self) -> str:
        """What web shows to the supervisor."""
        return self.config.door_secret.read_text().strip()

    def ask(self, question: Any) -> Any:
        with Web(self) as web:  # type: ignore[arg-type]  # it wants its config and its secret
            return web.ask(question)

    def start(self, attempt: str, user: str = ME, *, memory: int = 256 << 20, **given: Any) -> str:
        """A run that makes an attempt, with so much memory (bytes); its id."""
        question = RunSimulation(
            user=user, simulation=uuid.uuid4().hex, simulation_revision="1", code="prober", model="try", files={}, target="box", reuse=False,
            inputs={"attempt": attempt, "given": json.dumps(given)}, resources=Resources(memory=memory),
        )  # fmt: skip
        answer = self.ask(question)
        assert isinstance(answer, RunAnswer), answer
        return answer.run.id

    def run(self, run: str, user: str = ME, wait: float = 0.0) -> Run:
        answer = self.ask(RunStatus(user=user, run=run, wait=wait))
        assert isinstance(answer, RunAnswer), answer
        found: Run = answer.run
        return found

    def ended(self, run: str, user: str = ME) -> Run:
        found: list[Run] = []

        def is_over() -> bool:
            found[:] = [self.run(run, user, 5.0)]
            return found[0].state in FINAL

        wait_until(is_over, LIMIT)
        return found[0]

    def tried(self, attempt: str, user: str = ME, **given: Any) -> dict[str, Any]:
        """What an attempt says, whose run goes well."""
        run = self.ended(self.start(attempt, user, **given), user)
        assert run.state.value == "completed", f"{run.reason}\n{self.log(run.id, user)}"
        return dict(run.results)

    def cancel(self, run: str, user: str = ME) -> None:
        self.ask(RunCancel(user=user, run=run))

    def delete(self, run: str, user: str = ME) -> None:
        answer = self.ask(RunDelete(user=user, run=run))
        assert isinstance(answer, RunGone), answer

    def stream(self, question: Any) -> tuple[int, bytes]:
        """What a question that is answered with bytes is answered with: status, and bytes or the words of the problem."""
        from simyard.protocol.asking import ASK, path_of

        with Web(self) as web:  # type: ignore[arg-type]
            status, data = web.raw("POST", path_of(type(question)), ASK.encode(question))
        if status >= 400:
            problem = ANSWER.decode(data)
            assert isinstance(problem, Problem)
            return status, problem.detail.encode()
        return status, data

    def enough(self, run: str, user: str = ME) -> None:
        """What goes on until it is told so ends now."""
        (self.directory(run, user) / "work" / "enough").touch()

    def directory(self, run: str, user: str = ME) -> Path:
        return self.config.user_dir(user) / "runs" / run

    def log(self, run: str, user: str = ME) -> str:
        path = self.directory(run, user) / "run.log"
        return path.read_text(errors="replace")[-2000:] if path.is_file() else "(no log)"

    def agent(self, user: str = ME) -> int:
        """The pid of a user's agent, as this machine numbers it; 0 while there is none."""
        return locks.holder(str(self.config.user_dir(user) / "agents" / "box" / "lock"))

    def container(self, user: str = ME) -> str:
        return self.engine.docker("ps", "-q", "--filter", f"label=simyard.user={user}")


@contextmanager
def a_site(engine: Engine) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="iso-") as folder:
        made = Site(Path(folder) / "h", engine)
        made.simyard("up", "--detach", "--port", "0")
        made.client = Client(home=made.home)
        try:
            yield made
        finally:
            made.client.http.close()
            try:
                made.simyard("down", "--stop-runs")
            finally:
                # should a run not end: nothing of a test stays for that
                engine.remove_everything()
                made.simyard("down")


@contextmanager
def listening(name: str) -> Iterator[tuple[int, str]]:
    """Something of this machine's that a run must not reach: a port on all its addresses, and an abstract socket of that name."""
    with socket.create_server(("0.0.0.0", 0)) as port, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind("\0" + name)
        abstract.listen()
        yield port.getsockname()[1], name
