"""Contents that an agent wants, from a real supervisor: whole, from where it was broken off, and never another user's."""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from simyard.drivers.local import LocalDriver
from simyard.protocol import agents as talk
from simyard.protocol import launch
from simyard.protocol.asking import Arrive, Ping, ShowInput
from simyard.supervisor.handing_out import AT_ONCE
from tests.contract.shell_kit import CODE, QUICK, Agent, Supervisor, a_hello, a_supervisor, wait_for


@pytest.fixture(scope="module")
def supervisor() -> Iterator[Supervisor]:
    with a_supervisor() as made:
        yield made


class Scene:
    """A user with an agent that has no files of its own."""

    def __init__(self, supervisor: Supervisor) -> None:
        self.supervisor, self.user = supervisor, f"u{uuid.uuid4().hex}"
        with supervisor.web() as web:
            web.ask(Arrive(user=self.user))
        spec = wait_for(lambda: next((s for s in supervisor.started_agents() if s["user"] == self.user), None), "an agent")
        self.authorization = f"{spec['agent']} {spec['secret']}"
        self.connect()

    def connect(self) -> None:
        self.agent = Agent(self.supervisor.config.agent_door, self.authorization)
        self.agent.say(a_hello())
        self.agent.hear(talk.Welcome)

    def store(self, data: bytes) -> str:
        sha = hashlib.sha256(data).hexdigest()
        path = self.supervisor.config.user_dir(self.user) / "files" / sha[:2] / sha
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return sha

    def want(self, sha: str, offset: int = 0, op: int = 1) -> tuple[bytes, talk.FileClosed]:
        """All that comes, granted as it comes, and how it ends."""
        self.agent.say(talk.WantFile(op=op, sha=sha, offset=offset))
        data, size = b"", None
        while True:
            said = self.agent.next()
            if isinstance(said, talk.FileOpened):
                assert said.op == op
                size = said.size
            elif isinstance(said, tuple):
                assert said[0] == op
                data += said[1]
                self.agent.say(talk.FileCredit(op=op, size=len(said[1])))
            elif isinstance(said, talk.FileClosed):
                assert said.op == op
                assert said.code or size == len(data)
                return data, said
            else:
                assert said is not None, self.agent.closed


@pytest.fixture
def scene(supervisor: Supervisor) -> Iterator[Scene]:
    made = Scene(supervisor)
    yield made
    made.agent.sock.close()


def test_a_content_arrives_whole_or_from_where_it_is_wanted(scene: Scene) -> None:
    for size in (0, 1, talk.FIRST_CREDIT, 3_000_000):
        content = os.urandom(size)
        data, closed = scene.want(scene.store(content))
        assert (data, closed.code) == (content, "")
    data, closed = scene.want(scene.store(content), offset=1_000_000)
    assert (data, closed.code) == (content[1_000_000:], "")
    assert scene.want(scene.store(content), offset=3_000_001)[1].code == "bad-offset"


def test_no_more_is_sent_than_was_granted(scene: Scene) -> None:
    scene.agent.say(talk.WantFile(op=5, sha=scene.store(bytes(2_000_000))))
    got = 0
    while got < talk.FIRST_CREDIT:
        said = scene.agent.next()
        got += len(said[1]) if isinstance(said, tuple) else 0
    assert got == talk.FIRST_CREDIT
    assert scene.agent.is_quiet(0.3)
    scene.agent.say(talk.FileCredit(op=5, size=1000))
    said = scene.agent.next()
    assert (said[0], len(said[1])) == (5, 1000)


def test_the_archive_of_a_code_is_anybody_s(scene: Scene) -> None:
    data = os.urandom(10_000)
    sha = hashlib.sha256(data).hexdigest()
    folder = scene.supervisor.config.archives
    folder.mkdir(exist_ok=True)
    (folder / f"{sha}.tar.gz").write_bytes(data)
    assert scene.want(sha)[0] == data


def test_another_user_s_content_is_no_content(scene: Scene) -> None:
    other = Scene(scene.supervisor)
    try:
        assert scene.want(other.store(b"secret"))[1].code == "no-such-file"
    finally:
        other.agent.sock.close()


@pytest.mark.parametrize("sha", ["", "0" * 64, "../../../../etc/passwd", "A" * 64, "0" * 63 + "\n"])
def test_what_is_not_there_is_said_so(scene: Scene, sha: str) -> None:
    data, closed = scene.want(sha)
    assert (data, closed.code) == (b"", "no-such-file")


def test_an_agent_that_wants_too_much_at_once_is_told_to_wait(scene: Scene) -> None:
    sha = scene.store(bytes(talk.FIRST_CREDIT + 1))
    for op in range(AT_ONCE):
        scene.agent.say(talk.WantFile(op=op, sha=sha))
    got = 0
    while got < AT_ONCE * talk.FIRST_CREDIT:
        said = scene.agent.next()
        got += len(said[1]) if isinstance(said, tuple) else 0
    # each of these waits for more credit
    scene.agent.say(talk.WantFile(op=99, sha=sha))
    assert scene.agent.hear(talk.FileClosed) == talk.FileClosed(
        op=99, code="busy", detail=f"{AT_ONCE} files are on their way already."
    )
    scene.agent.say(talk.FileCredit(op=3, size=1000))
    assert scene.agent.hear(talk.FileClosed) == talk.FileClosed(op=3)
    assert scene.want(scene.store(b"x"), op=100)[0] == b"x"


def test_a_broken_connection_leaves_nothing_and_the_next_one_goes_on(scene: Scene) -> None:
    content = os.urandom(2_000_000)
    sha = scene.store(content)
    for _ in range(20):
        scene.agent.say(talk.WantFile(op=1, sha=sha))
        scene.agent.hear(talk.FileOpened)
        scene.agent.sock.close()
        scene.connect()
    assert scene.want(sha, offset=1_500_000)[0] == content[1_500_000:]
    process = scene.supervisor.process
    assert process is not None
    # what was broken off is let go of
    held = f"/proc/{process.pid}/fd"
    wait_for(lambda: not any(sha in _target(f"{held}/{one}") for one in os.listdir(held)), "no descriptor is left")


def test_a_real_agent_gets_a_large_file_and_neither_end_holds_much_of_it(supervisor: Supervisor, tmp_path: Path) -> None:
    user = f"u{uuid.uuid4().hex}"
    with supervisor.web() as web:
        web.ask(Arrive(user=user))
        plain = wait_for(lambda: next((s for s in supervisor.started_agents() if s["user"] == user), None), "an agent")
        spec = dataclasses.replace(launch.from_line(json.dumps(plain)), root=str(tmp_path / "u"), cluster=launch.Cluster())
        driver = LocalDriver(tmp_path / "log")
        handle = asyncio.run(driver.start(spec))
        try:
            wait_for(lambda: web.ask(Ping()).agents == 1, "it is connected")
            content = os.urandom(1 << 20) * 64
            sha = hashlib.sha256(content).hexdigest()
            path = supervisor.config.user_dir(user) / "files" / sha[:2] / sha
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            before = supervisor.memory()
            web.send_question(ShowInput(user=user, code=CODE, model=QUICK, inputs={"size": 64}, files={"large.bin": sha}))
            response = web.getresponse()
            said = response.read()
            assert response.status == 200, said
            assert supervisor.memory() - before < 32 << 20
        finally:
            asyncio.run(driver.stop(handle))
            wait_for(lambda: web.ask(Ping()).agents == 0, "it is gone")
    blob = tmp_path / "u" / "files" / sha[:2] / sha
    assert hashlib.sha256(blob.read_bytes()).hexdigest() == sha


def _target(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
