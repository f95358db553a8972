"""Stop 1, web: who is asking. A token for programs, a session for browsers, and what keeps other web sites out.

One-user mode: whoever has the token (a 0600 file made at the first start) is `me`. A browser gets in by an address that
works once, and carries a cookie from then on; what it changes must name the session's CSRF token, and come from our own
pages. Requests for a host that is not us are refused: a foreign name that was made to point here must not be served.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import secrets
import socket
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from flask import Request

from simyard.config import Config
from simyard.errors import Forbidden, SimyardError, Unauthenticated
from simyard.web.context import Services

#: The user of one-user mode.
ME = "me"
SESSION_SECONDS = 14 * 86400.0
ONCE_SECONDS = 600.0
CSRF_HEADER = "X-CSRF-Token"
#: Answered to anybody: the page itself holds nothing secret, and probes must not need a token.
OPEN = frozenset(
    {
        "pages.index",
        "pages.static",
        "pages.login",
        "pages.favicon",
        "ops.healthz",
        "ops.readyz",
        "ops.metrics",
        "openapi.document",
    }
)
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
#: A session that was found is not looked up again for so long (seconds): with several workers, a logout takes as long.
_REMEMBER = 20.0
_REMEMBER_MANY = 1000


class WrongHost(SimyardError):
    """The request is for a host that is not us."""

    status = 421


class BadTokenFile(SimyardError):
    """The file with the token cannot be used; `detail` says why."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """A browser that is logged in; `secret` is what its cookie carries, `expires` in seconds since the epoch."""

    secret: str
    user: str
    expires: float


class Keys:
    """What is derived from the token: a new token ends every session."""

    def __init__(self, token: str, home: Path) -> None:
        self.token = token
        self._bearer = b"Bearer " + token.encode()
        self._key = hashlib.sha256(b"simyard session " + token.encode()).digest()
        # cookies do not know ports: two Simyards on one machine must not overwrite each other's
        self.cookie = "simyard-" + hashlib.sha256(str(home).encode()).hexdigest()[:8]
        self._known: dict[str, tuple[Session, float]] = {}

    def is_bearer(self, header: str) -> bool:
        return hmac.compare_digest(header.encode("latin-1", "replace"), self._bearer)

    def sign(self, what: str) -> str:
        return hmac.new(self._key, what.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def csrf(self, session: Session) -> str:
        """What a page must show with everything that changes something."""
        return self.sign("csrf " + session.secret)

    def cookie_value(self, session: Session) -> str:
        said = f"{session.secret}.{int(session.expires)}"
        return f"{said}.{self.sign('session ' + said)}"

    def session(self, cookie: str, now: float, find: Callable[[str, float], str | None]) -> Session | None:
        """The session of a cookie: signed by us, not expired, and still known to `find`."""
        known = self._known.get(cookie)
        if known is not None and known[1] > time.monotonic() and known[0].expires > now:
            return known[0]
        said, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(signature.encode("latin-1", "replace"), self.sign("session " + said).encode()):
            return None
        secret, _, expires = said.partition(".")
        if int(expires) <= now or (found := find(secret, now)) is None:
            return None
        session = Session(secret=secret, user=found, expires=float(expires))
        if len(self._known) >= _REMEMBER_MANY:
            self._known.clear()
        self._known[cookie] = session, time.monotonic() + _REMEMBER
        return session

    def forget(self, cookie: str) -> None:
        self._known.pop(cookie, None)


def new_session(user: str, now: float) -> Session:
    return Session(secret=secrets.token_urlsafe(32), user=user, expires=float(int(now + SESSION_SECONDS)))


def ensure_token(path: Path) -> str:
    """The token in the file, which is made (0600, with 256 random bits) where there is none. Raises BadTokenFile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    try:
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(secrets.token_urlsafe(32) + "\n")
        os.link(part, path)  # whole or not at all, and never over another's
    except FileExistsError:
        pass
    finally:
        part.unlink(missing_ok=True)
    mode = path.stat().st_mode
    if stat.S_IMODE(mode) & 0o077:
        raise BadTokenFile(
            "bad-token-file", f"Others may read {path}; run `chmod 600` on it, or delete it to have a new token made."
        )
    token = path.read_text("ascii").strip()
    if len(token) < 32:
        raise BadTokenFile(
            "bad-token-file", f"{path} does not hold a token of 32 characters at least; delete it to have a new one made."
        )
    return token


class Hosts:
    """The names by which we may be asked for."""

    def __init__(self, config: Config) -> None:
        names = {"localhost", config.web.host.lower()}
        if not _is_loopback(config.web.host):
            names |= {socket.gethostname().lower(), socket.getfqdn().lower()}
        if public := urlsplit(config.web.url).hostname:
            names.add(public)
        self._names = names
        self._good: set[str] = set()

    def check(self, header: str | None) -> None:
        """Raises WrongHost for a name that is not ours. An address is nobody's name, and cannot be made to point elsewhere."""
        # HTTP/1.0 without a Host is no browser
        if header is None or header in self._good:
            return
        host = header.rpartition(":")[0] if not header.endswith("]") and ":" in header else header
        host = host.lower().rstrip(".")
        if host not in self._names and not host.endswith(".localhost") and not _is_address(host.strip("[]")):
            raise WrongHost(
                "wrong-host", f"This server is not called {host[:100]!r}; use {', '.join(sorted(self._names))}, or an address."
            )
        if len(self._good) < 100:
            self._good.add(header)


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ipaddress.ip_address(host).is_loopback)


def identify(services: Services, asked: Request) -> tuple[str, Session | None]:
    """The user who is asking, and the session of their browser where it is one; raises Unauthenticated or Forbidden."""
    header = asked.environ.get("HTTP_AUTHORIZATION")
    if header is not None:
        if services.keys.is_bearer(header):
            return ME, None
        raise Unauthenticated("wrong-token", "The token is wrong; the right one is in the file `token` of Simyard's home folder.")
    session = session_of(asked, services)
    if session is None:
        raise Unauthenticated(
            "not-logged-in", "Open the address that `simyard open` prints, or send the token: Authorization: Bearer TOKEN."
        )
    if asked.method not in _SAFE:
        _check_our_page(asked, services.keys.csrf(session))
    return session.user, session


def session_of(asked: Request, services: Services) -> Session | None:
    """The session of the request's cookie, if it has a good one."""
    cookie = asked.cookies.get(services.keys.cookie)
    return services.keys.session(cookie, services.clock(), services.users.session_user) if cookie else None


def _check_our_page(asked: Request, csrf: str) -> None:
    origin = asked.headers.get("Origin")
    if (origin is not None and origin != asked.host_url.rstrip("/")) or asked.headers.get("Sec-Fetch-Site") not in {
        None,
        "same-origin",
    }:
        raise Forbidden("wrong-origin", "A change must come from Simyard's own page.")
    given = asked.headers.get(CSRF_HEADER, "")
    if not hmac.compare_digest(given.encode("latin-1", "replace"), csrf.encode()):
        raise Forbidden("wrong-csrf-token", f"A change needs the {CSRF_HEADER} that /api/v1/session tells; reload the page.")
