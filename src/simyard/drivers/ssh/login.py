"""One login to a host behind ssh, as a conversation: what the other side asks is passed on in its own words, and the answers live in
memory for as long as the login takes."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from simyard.drivers.ssh.hostkeys import HostKeys, Word

#: Somebody who is asked has so long to answer (seconds); sshd itself mostly ends it after two minutes.
ANSWER_LIMIT = 300.0
#: A host that is silent when it should say something is given up after so long (seconds).
CONNECT_LIMIT = 30.0
#: A silent connection is asked for a sign of life this often (seconds), and given up when three are missing.
HEARTBEAT = 15.0
_MOST_TEXT = 4000
#: A passphrase may be tried as often as ssh lets one.
_TRIES = 3


@dataclass(frozen=True)
class Asked:
    """What the host asks: `prompts` are (text, whether the answer may be seen while it is typed)."""

    host: str
    words: str
    prompts: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class UnknownHost:
    """Nothing is known of this host yet: somebody has to compare the fingerprint with what its site tells."""

    host: str
    kind: str
    fingerprint: str


@dataclass(frozen=True)
class Refused:
    """It is over without a connection; `words` say why and what to do. `again`: another try with other answers may succeed. `silent`: nobody was
    heard who could have refused, and the same try may succeed later."""

    words: str
    again: bool
    silent: bool = False


class Ready:
    """The connection stands."""


Turn = Asked | UnknownHost | Refused | Ready


class Login:
    """`next()` is whose turn it is; `answer` and `accept` go on. What `~/.ssh/config` says of the host holds (with its ProxyJump, each hop of
    which may ask as well). `own_keys`: whether the keys and the ssh-agent of the one who runs Simyard may be used, which only their own
    login may."""

    def __init__(
        self, host: str, keys: HostKeys, *, user: str = "", port: int = 0, own_keys: bool = False, config: Path | None = None
    ) -> None:
        self._host, self._keys, self._user, self._port, self._own_keys = host, keys, user, port, own_keys
        self._known = keys  # with what ssh's configuration names for the hop that is gone to
        chosen = config or Path("~/.ssh/config").expanduser()
        self._config = [str(chosen)] if chosen.exists() else []
        self._turns: asyncio.Queue[Turn] = asyncio.Queue()
        self._answer: asyncio.Future[list[str] | None] | None = None
        self._unknown: tuple[str, int, asyncssh.SSHKey] | None = None
        self._limit: asyncio.Timeout | None = None
        self._changed = ""
        self._banner = ""
        self._connection: asyncssh.SSHClientConnection | None = None
        self._hops: list[asyncssh.SSHClientConnection] = []
        self._task: asyncio.Task[None] | None = None

    async def next(self) -> Turn:
        """What is to be done now: answer, accept, or nothing more (Ready, Refused)."""
        if self._task is None:
            self._task = asyncio.create_task(self._connect(), name=f"login to {self._host}")
        return await self._turns.get()

    def answer(self, answers: Sequence[str]) -> None:
        """Answers to the prompts of the last Asked, in their order. Nothing happens where nothing is asked any more."""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(list(answers))

    def accept(self, fingerprint: str) -> bool:
        """The host of the last UnknownHost is what its fingerprint says: remember its key, and go on. False where another one was shown."""
        if self._unknown is None or self._unknown[2].get_fingerprint() != fingerprint:
            return False
        host, port, key = self._unknown
        self._unknown = None
        self._keys.accept(host, port, key)
        self._task = asyncio.create_task(self._connect(), name=f"login to {self._host}")
        return True

    def take(self) -> asyncssh.SSHClientConnection:
        """The connection, after Ready; the caller closes it, and with it those through which it goes."""
        connection, self._connection, self._hops = self._connection, None, []
        assert connection is not None, "it is not ready"
        return connection

    async def close(self) -> None:
        """Give it up, wherever it is."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        await self._hang_up()

    # ── connecting ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def _connect(self) -> None:
        self._unknown, self._changed = None, ""
        try:
            self._connection = await self._through(await self._route())
        except asyncssh.HostKeyNotVerifiable:
            await self._hang_up()
            self._turns.put_nowait(self._of_host_key())
        except (asyncssh.Error, OSError, ValueError) as error:
            await self._hang_up()
            self._turns.put_nowait(self._refused(error))
        else:
            self._turns.put_nowait(Ready())

    async def _route(self) -> list[_Hop]:
        """Each host on the way, the last one that which is meant."""
        jumps = (await self._options(self._host)).tunnel
        route = []
        for jump in jumps.split(",") if isinstance(jumps, str) else []:
            user, _, place = jump.rpartition("@")
            name, colon, number = place.rpartition(":")
            route.append(_Hop(name, user, int(number)) if colon and number.isdigit() else _Hop(place, user, 0))
        return [*route, _Hop(self._host, self._user, self._port)]

    async def _options(self, host: str) -> asyncssh.SSHClientConnectionOptions:
        # no key is read: that would be done on the spot, whether it is needed or not
        options: asyncssh.SSHClientConnectionOptions = await asyncssh.SSHClientConnectionOptions.construct(
            host=host, config=self._config, client_keys=None
        )
        return options

    async def _through(self, route: list[_Hop]) -> asyncssh.SSHClientConnection:
        connection: asyncssh.SSHClientConnection | None = None
        for hop in route:
            said = await self._options(hop.host)
            self._known = self._keys.beside(_named(said))
            client = _Client(self, hop.host, hop.user or said.username, _encrypted(said) if self._own_keys else [])
            given: dict[str, object] = {"username": hop.user} if hop.user else {}
            given |= {"port": hop.port} if hop.port else {}
            given |= {} if self._own_keys else {"client_keys": None, "agent_path": None, "public_key_auth": False}
            before = connection
            async with asyncio.timeout(CONNECT_LIMIT) as self._limit:
                connection = await asyncssh.connect(
                    hop.host,
                    config=self._config,
                    # every hop is gone to one after the other, so that each may ask
                    tunnel=before,
                    known_hosts=self._known.known(),
                    client_factory=lambda client=client: client,
                    connect_timeout=None,  # that would count the time that somebody takes to answer
                    login_timeout=ANSWER_LIMIT,
                    keepalive_interval=HEARTBEAT,
                    **given,
                )
            if before is not None:
                connection.set_tunnel(before)  # which ends with it
            self._hops.append(connection)
        assert connection is not None
        return connection

    async def _hang_up(self) -> None:
        self._connection = None
        for hop in reversed(self._hops):
            hop.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await hop.wait_closed()
            hop.abort()
        self._hops = []

    def _of_host_key(self) -> Turn:
        if self._changed:
            return Refused(self._changed, again=False)
        if self._unknown is None:
            return Refused(f"The key of {self._host} could not be checked.", again=False)
        host, port, key = self._unknown
        shown = host if port in {0, 22} else f"{host} port {port}"
        return UnknownHost(shown, key.get_algorithm(), key.get_fingerprint())

    def _refused(self, error: Exception) -> Refused:
        if isinstance(error, asyncssh.PermissionDenied) or "authentication failures" in str(error):
            said = f" It says: {self._banner}" if self._banner else ""
            return Refused(
                f"{self._host} does not let you in: wrong answers, or an account that may not log in.{said}", again=True
            )
        if isinstance(error, TimeoutError) or (isinstance(error, asyncssh.Error) and "timeout" in error.reason.lower()):
            return Refused(f"{self._host} does not answer: is it up, and can it be reached from here?", again=True, silent=True)
        if isinstance(error, asyncssh.Error):
            return Refused(f"ssh to {self._host}: {error.reason}", again=True, silent=isinstance(error, asyncssh.ConnectionLost))
        if isinstance(error, OSError):
            return Refused(f"{self._host} cannot be reached: {_plainly(error)}.", again=True, silent=True)
        return Refused(f"ssh to {self._host} cannot be set up: {error}. See ~/.ssh/config.", again=False)

    # ── what the other side asks ────────────────────────────────────────────────────────────────────────────────────

    async def ask(self, host: str, words: str, prompts: Sequence[tuple[str, bool]]) -> list[str] | None:
        """Whoever logs in answers; None where they do not."""
        self._answer = asyncio.get_running_loop().create_future()
        plain = tuple((_plain(text), echo) for text, echo in prompts)
        self._turns.put_nowait(Asked(host, _plain(words), plain))
        self._wait_for_host(None)
        try:
            async with asyncio.timeout(ANSWER_LIMIT):
                answers = await self._answer
        except TimeoutError:
            return None
        finally:
            self._answer = None
            self._wait_for_host(CONNECT_LIMIT)
        return answers if answers is not None and len(answers) == len(prompts) else None

    def _wait_for_host(self, seconds: float | None) -> None:
        """From now on it has so long; None while it is not the host that is waited for."""
        if self._limit is not None and not self._limit.expired():
            with contextlib.suppress(RuntimeError):  # the connection has just ended
                self._limit.reschedule(None if seconds is None else asyncio.get_running_loop().time() + seconds)

    def said(self, words: str) -> None:
        self._banner = _plain(words).strip()

    def saw(self, host: str, address: str, port: int, key: asyncssh.SSHKey) -> bool:
        """Whether a key is what is known of that host."""
        word = self._known.word(host, address, port, key)
        if word is Word.UNKNOWN:
            self._unknown = (host, port, key)
        elif word is Word.CHANGED:
            self._changed = (
                f"The key of {host} is not the one that is known ({key.get_algorithm()} {key.get_fingerprint()} now). Somebody may be in between, or its site has "
                f"changed it: ask the site, and only then remove the old one with `ssh-keygen -R {host}` (and from {self._keys.own})."
            )
        return word is Word.KNOWN


@dataclass(frozen=True)
class _Hop:
    """A host on the way; "" and 0: as ssh's configuration says."""

    host: str
    user: str
    port: int


def _named(options: asyncssh.SSHClientConnectionOptions) -> list[Path]:
    """The files of known hosts that the configuration names."""
    said = [options.config.get(option) for option in ("UserKnownHostsFile", "GlobalKnownHostsFile")]
    return [Path(str(name)) for names in said if isinstance(names, list) for name in names if name != "none"]


def _encrypted(options: asyncssh.SSHClientConnectionOptions) -> list[Path]:
    """The keys of that configuration which need a passphrase."""
    named = options.config.get("IdentityFile", ())
    names = (
        [str(name) for name in named] if isinstance(named, list) else ["~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"]
    )
    found = []
    for path in (Path(name).expanduser() for name in names):
        try:
            asyncssh.read_private_key(path)
        except asyncssh.KeyImportError as error:
            # "Passphrase must be specified to import encrypted private keys"
            found += [path] if "assphrase" in str(error) else []
        except (OSError, ValueError):
            continue
    return found


class _Client(asyncssh.SSHClient):
    """asyncssh's questions, handed to the login."""

    def __init__(self, login: Login, host: str, user: str, encrypted: list[Path]) -> None:
        self._login, self._host, self._user, self._encrypted = login, host, user, encrypted
        self._tries = 0

    def auth_banner_received(self, msg: str, lang: str) -> None:
        self._login.said(msg)

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        return self._login.saw(host, addr, port, key)

    async def public_key_auth_requested(self) -> asyncssh.SSHKey | None:
        """After the keys that need no passphrase, and those of the ssh-agent, were of no use."""
        while self._encrypted:
            path = self._encrypted.pop(0)
            for _ in range(_TRIES):
                answers = await self._login.ask(self._host, "", [(f"Enter passphrase for key '{path}': ", False)])
                if not answers or not answers[0]:
                    break
                with contextlib.suppress(asyncssh.KeyEncryptionError, asyncssh.KeyImportError, OSError):
                    return await asyncio.to_thread(asyncssh.read_private_key, path, answers[0])
        return None

    async def password_auth_requested(self) -> str | None:
        words = "Permission denied, please try again." if self._tries else ""
        self._tries += 1
        answers = await self._login.ask(self._host, words, [(f"{self._user}@{self._host}'s password:", False)])
        return answers[0] if answers else None

    def kbdint_auth_requested(self) -> str:
        return ""  # whichever way the host wants to ask

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        if not prompts:
            self._login.said(f"{name}\n{instructions}")
            return []
        return await self._login.ask(self._host, "\n".join(part for part in (name, instructions) if part), prompts)


def _plainly(error: OSError) -> str:
    # asyncio says what it tried, with addresses and numbers; a name that is not found has words of its own
    return os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)


def _plain(text: str) -> str:
    """Foreign words: no control characters, and not without end."""
    return "".join(c for c in text[:_MOST_TEXT] if c == "\n" or c.isprintable())
