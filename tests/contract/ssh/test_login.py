"""Logins as people have them: to a real sshd by password, by PAM's questions, by key, over a jump host; and to one that asks more."""

from __future__ import annotations

import asyncio
import logging
import socket
import subprocess
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import asyncssh
import pytest

from simyard.drivers.ssh import login
from simyard.drivers.ssh.hostkeys import HostKeys
from simyard.drivers.ssh.login import Asked, Login, Ready, Refused, Turn, UnknownHost
from tests.ssh_server import Account, Sshd

pytestmark = [pytest.mark.timeout(120)]
PASSWORD = ("UsePAM no", "PasswordAuthentication yes", "KbdInteractiveAuthentication no")
PAM = ("UsePAM yes", "PasswordAuthentication no", "KbdInteractiveAuthentication yes")


def keys(folder: Path, *known: Sshd) -> HostKeys:
    """Those of the tests alone, with the keys of these servers in it."""
    made = HostKeys(folder / "known_hosts", ())
    for one in known:
        made.accept("127.0.0.1", one.port, asyncssh.import_public_key(one.key))
    return made


async def reply(one: Login, *answers: Sequence[str]) -> tuple[Turn, list[Asked]]:
    """Answers each question in turn; the last turn, and what was asked."""
    asked = []
    left = list(answers)
    while isinstance(turn := await one.next(), Asked):
        asked.append(turn)
        one.answer(left.pop(0) if left else [""] * len(turn.prompts))
    return turn, asked


async def who(one: Login) -> str:
    connection = one.take()
    try:
        done = await connection.run("id -un", check=True)
        return str(done.stdout).strip()
    finally:
        connection.close()
        await connection.wait_closed()


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(100):
            await story()

    asyncio.run(limited())


def test_an_unknown_host_is_shown_with_its_fingerprint_and_known_from_then_on(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path
) -> None:
    server = sshd(*PASSWORD)

    async def story() -> None:
        one = Login("127.0.0.1", keys(tmp_path), user=someone.name, port=server.port, config=tmp_path / "none")
        seen = await one.next()
        assert isinstance(seen, UnknownHost)
        assert seen.fingerprint == asyncssh.import_public_key(server.key).get_fingerprint()
        assert str(server.port) in seen.host
        assert not one.accept("SHA256:another")
        assert one.accept(seen.fingerprint)
        turn, asked = await reply(one, [someone.password])
        assert isinstance(turn, Ready)
        assert asked == [Asked("127.0.0.1", "", ((f"{someone.name}@127.0.0.1's password:", False),))]
        assert await who(one) == someone.name
        again = Login("127.0.0.1", keys(tmp_path), user=someone.name, port=server.port, config=tmp_path / "none")
        assert isinstance(await again.next(), Asked)
        await again.close()

    play(story)


def test_hosts_are_known_from_the_files_that_the_ssh_configuration_names(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path
) -> None:
    server = sshd(*PASSWORD)
    config, named = tmp_path / "config", tmp_path / "named"
    named.write_text(f"[127.0.0.1]:{server.port} {server.key}\n")
    config.write_text(f"Host pool\n HostName 127.0.0.1\n Port {server.port}\n UserKnownHostsFile {tmp_path}/none {named}\n")

    async def story() -> None:
        one = Login("pool", keys(tmp_path), user=someone.name, config=config)
        assert isinstance(await one.next(), Asked)
        await one.close()

    play(story)


def test_a_changed_key_is_refused_whatever_anybody_says(sshd: Callable[..., Sshd], someone: Account, tmp_path: Path) -> None:
    server = sshd(*PASSWORD)
    known = keys(tmp_path, server)
    server.stop()
    server.make_key()
    server.start()

    async def story() -> None:
        one = Login("127.0.0.1", known, user=someone.name, port=server.port, config=tmp_path / "none")
        turn = await one.next()
        assert isinstance(turn, Refused)
        assert "ssh-keygen -R" in turn.words
        assert not turn.again
        assert not one.accept("SHA256:x")

    play(story)


def test_a_wrong_password_can_be_tried_again_and_leaves_no_trace(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server = sshd(*PASSWORD)
    caplog.set_level(logging.DEBUG)
    asyncssh.set_debug_level(2)

    async def story() -> None:
        one = Login("127.0.0.1", keys(tmp_path, server), user=someone.name, port=server.port, config=tmp_path / "none")
        turn, asked = await reply(one, ["a-wrong-answer"], [someone.password])
        assert isinstance(turn, Ready)
        assert [one.words for one in asked] == ["", "Permission denied, please try again."]
        assert await who(one) == someone.name

    try:
        play(story)
    finally:
        asyncssh.set_debug_level(1)
    assert someone.password not in caplog.text
    assert "a-wrong-answer" not in caplog.text
    assert someone.password not in server.log()


def test_what_pam_asks_is_passed_on_in_its_words(sshd: Callable[..., Sshd], someone: Account, tmp_path: Path) -> None:
    server = sshd(*PAM)

    async def story() -> None:
        one = Login("127.0.0.1", keys(tmp_path, server), user=someone.name, port=server.port, config=tmp_path / "none")
        turn, asked = await reply(one, ["wrong"], [someone.password])
        assert isinstance(turn, Ready)
        assert [question.prompts for question in asked] == [(("Password: ", False),)] * 2
        assert await who(one) == someone.name

    play(story)


def test_an_account_that_is_locked_is_refused_in_words(sshd: Callable[..., Sshd], someone: Account, tmp_path: Path) -> None:
    server = sshd(*PAM)
    subprocess.run(["usermod", "--lock", someone.name], check=True)

    async def story() -> None:
        one = Login("127.0.0.1", keys(tmp_path, server), user=someone.name, port=server.port, config=tmp_path / "none")
        turn, asked = await reply(one, *[[someone.password]] * 9)
        assert isinstance(turn, Refused)
        assert turn.words.startswith("127.0.0.1 does not let you in")
        assert turn.again
        assert asked

    try:
        play(story)
    finally:
        subprocess.run(["usermod", "--unlock", someone.name], check=True)


def test_ones_own_key_is_used_where_it_may_be_and_its_passphrase_asked_for(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path
) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(tmp_path / "id", passphrase="open sesame")
    (tmp_path / "id").chmod(0o600)
    authorized = someone.home / "authorized"  # sshd reads it as that user
    authorized.write_bytes(key.export_public_key())
    authorized.chmod(0o644)
    server = sshd("UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", f"AuthorizedKeysFile {authorized}")
    config = tmp_path / "config"
    config.write_text(
        f"Host cluster\n  HostName 127.0.0.1\n  Port {server.port}\n  User {someone.name}\n  IdentityFile {tmp_path}/id\n"
    )

    async def story() -> None:
        one = Login("cluster", keys(tmp_path, server), own_keys=True, config=config)
        turn, asked = await reply(one, ["close sesame"], ["open sesame"])
        assert isinstance(turn, Ready)
        assert [str(tmp_path / "id") in question.prompts[0][0] for question in asked] == [True, True]
        assert await who(one) == someone.name
        other = Login("cluster", keys(tmp_path, server), own_keys=False, config=config)
        turn, asked = await reply(other)
        assert isinstance(turn, Refused)
        assert asked == []

    play(story)


def test_a_jump_host_may_ask_too(sshd: Callable[..., Sshd], someone: Account, tmp_path: Path) -> None:
    jump, server = sshd(*PASSWORD), sshd(*PAM)
    config = tmp_path / "config"
    config.write_text(
        f"Host gate\n  HostName 127.0.0.1\n  Port {jump.port}\n  User {someone.name}\n"
        f"Host cluster\n  HostName 127.0.0.1\n  Port {server.port}\n  User {someone.name}\n  ProxyJump gate\n"
    )

    async def story() -> None:
        one = Login("cluster", keys(tmp_path, jump, server), config=config)
        turn, asked = await reply(one, [someone.password], [someone.password])
        assert isinstance(turn, Ready)
        assert [question.host for question in asked] == ["gate", "cluster"]
        assert await who(one) == someone.name

    play(story)


class TwoSteps(asyncssh.SSHServer):
    """A cluster that wants a password and then a code. `gone` is set when its visitor is."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()

    def begin_auth(self, username: str) -> bool:
        return True

    def kbdint_auth_supported(self) -> bool:
        return True

    def get_kbdint_challenge(self, username: str, lang: str, submethods: str) -> tuple[str, str, str, list[tuple[str, bool]]]:
        self.step = 0
        return "Cluster login", "Have your token at hand.", "", [("Password: ", False)]

    def validate_kbdint_response(
        self, username: str, responses: Sequence[str]
    ) -> bool | tuple[str, str, str, list[tuple[str, bool]]]:
        self.step += 1
        if self.step == 1 and list(responses) == ["secret"]:
            return "", "", "", [("Verification code: ", True), ("Reason for access: ", True)]
        return self.step == 2 and list(responses) == ["123456", "science"]


def test_a_password_a_code_and_any_further_question_are_asked_in_turn(tmp_path: Path) -> None:
    async def story() -> None:
        key = asyncssh.generate_private_key("ssh-ed25519")
        cluster = TwoSteps()
        server = await asyncssh.create_server(lambda: cluster, "127.0.0.1", 0, server_host_keys=[key])
        known = HostKeys(tmp_path / "known_hosts", ())
        known.accept("127.0.0.1", server.get_port(), key.convert_to_public())
        async with server:
            one = Login("127.0.0.1", known, user="me", port=server.get_port(), config=tmp_path / "none")
            turn, asked = await reply(one, ["secret"], ["000000", "science"], ["secret"], ["123456", "science"])
            assert isinstance(turn, Ready)
            assert asked[0] == Asked("127.0.0.1", "Cluster login\nHave your token at hand.", (("Password: ", False),))
            assert asked[1].prompts == (("Verification code: ", True), ("Reason for access: ", True))
            assert len(asked) == 4
            connection = one.take()
            connection.close()
            await connection.wait_closed()

    play(story)


def test_a_host_that_is_not_there_or_says_nothing_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(login, "CONNECT_LIMIT", 5.0)
    monkeypatch.setattr(login, "ANSWER_LIMIT", 5.0)

    async def story() -> None:
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            nobody = silent.getsockname()[1]
            gone = await Login("127.0.0.1", keys(tmp_path), user="me", port=nobody, config=tmp_path / "none").next()
            assert isinstance(gone, Refused)
            assert "cannot be reached" in gone.words
            silent.listen()
            mute = await Login("127.0.0.1", keys(tmp_path), user="me", port=nobody, config=tmp_path / "none").next()
            assert isinstance(mute, Refused)
            assert "does not answer" in mute.words
            odd = await Login("no-such-host.invalid", keys(tmp_path), user="me", config=tmp_path / "none").next()
            assert isinstance(odd, Refused)
            assert "no-such-host.invalid" in odd.words

    play(story)


def test_a_login_that_is_given_up_leaves_nothing(sshd: Callable[..., Sshd], someone: Account, tmp_path: Path) -> None:
    server = sshd(*PASSWORD)

    async def story() -> None:
        one = Login("127.0.0.1", keys(tmp_path, server), user=someone.name, port=server.port, config=tmp_path / "none")
        assert isinstance(await one.next(), Asked)
        await one.close()
        assert [task for task in asyncio.all_tasks() if "login" in task.get_name()] == []

    play(story)


def test_who_takes_longer_to_answer_than_a_host_may_take_is_let_in(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = sshd(*PASSWORD)
    monkeypatch.setattr(login, "CONNECT_LIMIT", 10.0)

    async def story() -> None:
        one = Login("127.0.0.1", keys(tmp_path, server), user=someone.name, port=server.port, config=tmp_path / "none")
        assert isinstance(await one.next(), Asked)
        await asyncio.sleep(10.5)  # the telephone with the code is in another room
        one.answer([someone.password])
        assert isinstance(await one.next(), Ready)
        assert await who(one) == someone.name

    play(story)


async def listens(path: Path) -> bool:
    """Whether somebody takes connections there; the socket is there a moment earlier."""
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except OSError:
        return False
    writer.close()
    return True


def test_keys_of_an_ssh_agent_are_used_where_they_may_be(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    authorized = someone.home / "authorized-agent"
    authorized.write_bytes(key.export_public_key())
    server = sshd("UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", f"AuthorizedKeysFile {authorized}")
    at = tmp_path / "agent.sock"
    holder = subprocess.Popen(["ssh-agent", "-D", "-a", at], stdout=subprocess.DEVNULL)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(at))

    async def story() -> None:
        async with asyncio.timeout(60):
            while not await listens(at):  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.02)
        async with asyncssh.connect_agent(str(at)) as agent:
            await agent.add_keys([key])
        mine = Login(
            "127.0.0.1", keys(tmp_path, server), user=someone.name, port=server.port, own_keys=True, config=tmp_path / "none"
        )
        assert isinstance(await mine.next(), Ready)
        assert await who(mine) == someone.name
        other = Login("127.0.0.1", keys(tmp_path, server), user=someone.name, port=server.port, config=tmp_path / "none")
        assert isinstance(await other.next(), Refused)

    try:
        play(story)
    finally:
        holder.terminate()
        holder.wait(20)
