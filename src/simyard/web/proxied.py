"""Stop 1, web: behind a reverse proxy: who asks, and whether by TLS, as the proxy says it; from anybody else such words are not heard.

`X-Forwarded-For` and `X-Forwarded-Proto` only: the name that was asked for is the `Host` that the proxy passes on, which is
checked as ever. A page that had its own name point here could say any `X-Forwarded-Host`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from flask import Flask, Request

from simyard.config import Config

#: What else a proxy may have written, or somebody in its name. Nobody reads it here, and nobody shall.
_UNHEARD = ("HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT", "HTTP_X_FORWARDED_PREFIX", "HTTP_X_FORWARDED_SSL", "HTTP_FORWARDED")


class Proxies:
    """The addresses and networks that are believed; and who comes by the Unix socket, which has no address."""

    def __init__(self, trusted: tuple[str, ...]) -> None:
        networks = [ipaddress.ip_network(one) for one in trusted]

        @lru_cache(maxsize=1000)
        def is_one(address: str) -> bool:
            if not address:
                return True
            try:
                known = ipaddress.ip_address(address)
            except ValueError:
                return False
            return any(known in network for network in networks)

        self.is_one = is_one

    def client(self, peer: str, forwarded: str) -> str:
        """Who asks: of those that each proxy has added, the last that is no proxy of ours; `peer` where nothing sound is said."""
        found = peer
        for one in reversed(forwarded.split(",")):
            address = one.strip()
            if not self.is_one(found) or not _is_address(address):
                break
            found = address
        return found


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def install(app: Flask, config: Config) -> None:
    """Below Flask, before anything looks at the request."""
    inner, proxies = app.wsgi_app, Proxies(config.web.proxies)

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Any:
        scheme, client = environ.pop("HTTP_X_FORWARDED_PROTO", None), environ.pop("HTTP_X_FORWARDED_FOR", None)
        for name in _UNHEARD:
            environ.pop(name, None)
        if (scheme or client) and proxies.is_one(environ.get("REMOTE_ADDR", "")):
            if scheme in {"http", "https"}:
                environ["wsgi.url_scheme"] = scheme
            if client:
                environ["REMOTE_ADDR"] = proxies.client(environ["REMOTE_ADDR"], client)
        return inner(environ, start_response)

    app.wsgi_app = application  # type: ignore[method-assign]


def by_tls_only(config: Config, asked: Request) -> bool:
    """Whether a cookie must never leave the browser without TLS."""
    return asked.is_secure or config.web.url.startswith("https://")
