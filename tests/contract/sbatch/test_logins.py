"""Logins through the sbatch driver: whose turn it is, in the host's words; what is tried again by itself, and what never is."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import Callable
from pathlib import Path

import asyncssh
import pytest

from simyard.drivers.base import DriverError, Login, LoginStep
from simyard.drivers.sbatch.agent_file import AgentFile
from tests.contract.sbatch.sbatch_kit import KEYS, PAM, PASSWORD, Bench, bench, build, cluster, key_for, play, ssh_config
from tests.ssh_server import Account, Sshd, account
from tests.wire import Wire

pytestmark = [pytest.mark.timeout(180)]
#: Nobody waits longer for a turn (seconds).
TURN = 60.0


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> AgentFile:
    return build(tmp_path_factory.mktemp("agent"))


async def begin(at: Bench, user: str = "me", name: str = "") -> Login:
    return await at.driver.log_in(user, LoginStep(begin=True, name=name, wait=TURN))


async def answer(at: Bench, *answers: str, user: str = "me") -> Login:
    return await at.driver.log_in(user, LoginStep(answers=answers, wait=TURN))


def test_who_has_to_answer_is_asked_and_may_answer_again(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path, built: AgentFile, caplog: pytest.LogCaptureFixture
) -> None:
    server = sshd(*PASSWORD)
    caplog.set_level(logging.DEBUG)

    async def story() -> None:
        async with bench(tmp_path, built, cluster(server, ssh_config(tmp_path, someone)), server) as at:
            with pytest.raises(
                DriverError, match="not logged in to pool: log in from the page, or with `simyard target login pool`"
            ):
                await at.agent()
            assert at.driver.login("me").state == "needs-login"
            asked = await begin(at)
            assert (asked.state, asked.host) == ("asking", "127.0.0.1")
            assert asked.prompts == ((f"{someone.name}@127.0.0.1's password:", False),)
            with pytest.raises(DriverError, match="asks 1 questions, and 2 were answered"):
                await answer(at, "one", "two")
            again = await answer(at, "a-wrong-answer")
            assert (again.state, again.words) == ("asking", "Permission denied, please try again.")
            assert (await answer(at, someone.password)).state == "ready"
            handle = await at.agent()
            await at.driver.stop(handle)
            ended = await at.driver.log_in("me", LoginStep(end=True))
            assert (ended.state, ended.words) == ("needs-login", "You have logged out.")
            assert someone.password not in repr(vars(at.driver._session("me")))

    play(story)
    assert someone.password not in caplog.text
    assert "a-wrong-answer" not in caplog.text


def test_wrong_answers_to_the_end_are_refused_and_an_account_that_is_locked_too(
    sshd: Callable[..., Sshd], tmp_path: Path, built: AgentFile
) -> None:
    server = sshd(*PAM, "MaxAuthTries 3")

    async def story(who: Account) -> None:
        async with bench(tmp_path, built, cluster(server, ssh_config(tmp_path, who)), server) as at:
            turn = await begin(at)
            while turn.state == "asking":
                assert turn.prompts == (("Password: ", False),)
                turn = await answer(at, "wrong")
            assert (turn.state, turn.again) == ("refused", True)
            assert turn.words.startswith("127.0.0.1 does not let you in: wrong answers, or an account that may not log in.")
            with pytest.raises(DriverError, match=r"The login to pool was refused: 127.0.0.1 does not let you in"):
                await at.agent()
            await asyncio.to_thread(subprocess.run, ["usermod", "--lock", who.name], check=True)
            turn = await begin(at)
            while turn.state == "asking":
                turn = await answer(at, who.password)
            assert turn.state == "refused"

    with account() as who:
        play(lambda: story(who))


def test_an_unknown_host_is_accepted_by_its_fingerprint(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path, built: AgentFile
) -> None:
    server = sshd(*KEYS)

    async def story() -> None:
        async with bench(tmp_path, built, cluster(server, ssh_config(tmp_path, someone, key_for(someone, tmp_path)))) as at:
            with pytest.raises(DriverError, match="not logged in"):
                await at.agent()  # nobody has seen its key: that is not decided by itself
            seen = await begin(at)
            assert seen.state == "unknown-host"
            assert seen.fingerprint == asyncssh.import_public_key(server.key).get_fingerprint()
            with pytest.raises(DriverError, match="has shown another key"):
                await at.driver.log_in("me", LoginStep(accept="SHA256:other"))
            assert (await at.driver.log_in("me", LoginStep(accept=seen.fingerprint, wait=TURN))).state == "ready"
            at.new_driver()
            assert (await begin(at)).state == "ready"

    play(story)


def test_a_changed_host_key_is_refused_and_never_tried_again_by_itself(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path, built: AgentFile
) -> None:
    server = sshd(*KEYS)
    config = cluster(server, ssh_config(tmp_path, someone, key_for(someone, tmp_path)))

    async def story() -> None:
        async with bench(tmp_path, built, config, server) as at:
            server.stop()
            server.make_key()
            server.start()
            with pytest.raises(
                DriverError, match=r"The login to pool was refused: The key of 127.0.0.1 is not the one that is known"
            ):
                await at.agent()
            state = at.driver.login("me")
            assert (state.state, state.again) == ("refused", False)
            assert "ssh-keygen -R" in state.words
            with pytest.raises(DriverError, match="refused"):
                await at.agent()
            assert at.driver._session("me")._task.done()  # type: ignore[union-attr]

    play(story)


def test_two_windows_of_a_user_take_part_in_one_login_and_two_users_have_two(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path, built: AgentFile
) -> None:
    server = sshd(*PASSWORD)

    async def story() -> None:
        config = cluster(server, ssh_config(tmp_path, someone), own_keys=False)
        with account() as other:
            async with bench(tmp_path, built, config, server) as at:
                assert at.driver.login("me").state == at.driver.login("you").state == "needs-login"
                mine, same = await asyncio.gather(begin(at, "me", someone.name), begin(at, "me", someone.name))
                yours = await begin(at, "you", other.name)
                assert mine == same
                assert yours.prompts == ((f"{other.name}@127.0.0.1's password:", False),)
                first, second = await asyncio.gather(
                    answer(at, someone.password), answer(at, other.password, user="you")
                )  # fmt: skip
                assert (first.state, second.state) == ("ready", "ready")
                assert (await begin(at)).state == "ready"  # a window that did not know yet
                handle = await at.agent(user="you")
                assert Path(handle["root"]).is_relative_to(other.home)
                await at.driver.stop(handle)

    play(story)


def test_a_cut_connection_is_made_again_by_itself_and_the_agent_finds_its_way_back(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path, built: AgentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = sshd(*KEYS)
    monkeypatch.setattr("simyard.drivers.ssh.login.HEARTBEAT", 2.0)

    async def story() -> None:
        wire = await asyncio.to_thread(Wire, server.port)
        try:
            config = cluster(server, ssh_config(tmp_path, someone, key_for(someone, tmp_path)), port=wire.port)
            async with bench(tmp_path, built, config) as at:
                at.keys.accept("127.0.0.1", wire.port, asyncssh.import_public_key(server.key))
                handle = await at.agent()
                await at.driver.look()
                wire.cut()
                await at.until(lambda: at.driver.login("me").state == "lost")
                lost = at.driver.login("me")
                assert lost.since is not None
                assert lost.words == "The connection to 127.0.0.1 was lost. It is tried again by itself; what runs there goes on."
                trouble = at.driver.trouble("me", handle)
                assert trouble is not None
                assert trouble.since == lost.since
                assert [news.good for news in await at.driver.look()] == [False]
                with pytest.raises(DriverError, match="Nothing needs to be done"):
                    await at.agent()
                wire.mend()
                await at.until(lambda: at.driver.login("me").state == "ready")
                await at.supervisor.connected(2)
                assert at.supervisor.hellos[0].pid == at.supervisor.hellos[1].pid
                assert [news.good for news in await at.driver.look()] == [True]
                await at.driver.stop(handle)
        finally:
            await asyncio.to_thread(wire.stop)

    play(story)


def test_a_login_that_somebody_had_to_answer_is_not_tried_by_itself_again(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path, built: AgentFile
) -> None:
    server = sshd(*PASSWORD)

    async def story() -> None:
        async with bench(tmp_path, built, cluster(server, ssh_config(tmp_path, someone)), server) as at:
            await begin(at)
            assert (await answer(at, someone.password)).state == "ready"
            handle = await at.agent()
            server.stop()
            await at.until(lambda: at.driver.login("me").state == "needs-login")
            now = at.driver.login("me")
            assert now.words == "The connection to 127.0.0.1 was lost. Log in again."
            assert now.since is not None
            server.start()
            await begin(at)
            assert (await answer(at, someone.password)).state == "ready"
            await at.supervisor.connected(2)
            assert at.supervisor.hellos[0].pid == at.supervisor.hellos[1].pid
            await at.driver.stop(handle)

    play(story)


def test_a_host_that_cannot_be_reached_is_tried_again_until_it_can(
    sshd: Callable[..., Sshd], someone: Account, tmp_path: Path, built: AgentFile
) -> None:
    server = sshd(*KEYS)
    server.stop()
    config = cluster(server, ssh_config(tmp_path, someone, key_for(someone, tmp_path)))

    async def story() -> None:
        async with bench(tmp_path, built, config, server) as at:
            with pytest.raises(DriverError, match=r"127.0.0.1 cannot be reached: .* It is tried again by itself"):
                await at.agent()
            server.start()
            await at.until(lambda: at.driver.login("me").state == "ready")
            await at.driver.stop(await at.agent())

    play(story)


def test_a_key_that_is_refused_for_a_while_as_in_a_maintenance_is_tried_again(
    sshd: Callable[..., Sshd], tmp_path: Path, built: AgentFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = sshd(*KEYS)
    monkeypatch.setattr("simyard.drivers.sbatch.session.REFUSED_WAIT", 0.2)

    async def story(who: Account) -> None:
        config = cluster(server, ssh_config(tmp_path, who, key_for(who, tmp_path)))
        async with bench(tmp_path, built, config, server) as at:
            assert (await begin(at)).state == "ready"
            keys = who.home / ".ssh" / "authorized_keys"
            keys.rename(keys.with_suffix(".away"))
            server.break_connections()
            await at.until(lambda: at.driver.login("me").state == "refused")
            keys.with_suffix(".away").rename(keys)
            await at.until(lambda: at.driver.login("me").state == "ready")

    with account() as who:
        play(lambda: story(who))
