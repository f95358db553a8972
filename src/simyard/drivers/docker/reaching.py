"""The way to a Docker daemon: a Unix socket of this machine, TCP with client certificates, or a Unix socket at the end of ssh.

Ways raise OSError with words where there is no getting through, and are gone again at the next question.
"""

from __future__ import annotations

import abc
import asyncio
import ssl
from pathlib import Path
from urllib.parse import urlsplit

import aiodocker

from simyard.config import ConfigError

#: Docker's own port for TCP with certificates.
PORT = 2376


class Way(abc.ABC):
    """To one daemon. `remote`: it is on another machine, whose containers do not see this machine's sockets."""

    remote = True

    @abc.abstractmethod
    async def client(self) -> aiodocker.Docker:
        """The daemon's client; connects again where that is needed. Raises OSError."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Let go of every connection."""


def way_to(url: str, certificates: Path | None = None) -> Way:
    """The way to `url`: unix://PATH, tcp://HOST[:PORT] (with `certificates`, a folder), or ssh://[USER@]HOST[:PORT][/PATH].
    Raises ConfigError."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise ConfigError(f"docker.hosts: {parts.scheme}://{parts.hostname} has a port that is none.") from None
    if parts.password is not None:
        raise ConfigError(
            f"docker.hosts: {parts.scheme}://{parts.hostname} comes with a password, which would be seen in logs. Use a key: "
            "ssh-agent, or IdentityFile in ~/.ssh/config."
        )
    if parts.scheme == "unix" and parts.path and not parts.hostname:
        return Direct(url, None)
    if parts.scheme == "tcp" and parts.hostname:
        if certificates is None:
            raise ConfigError(
                f"docker.hosts: {url} needs client certificates: name their folder in docker.certificates. Without them "
                "whoever can reach that daemon is root on its machine."
            )
        name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        return Direct(f"https://{name}:{port or PORT}", certificates)
    if parts.scheme == "ssh" and parts.hostname:
        from simyard.drivers.docker.ssh import Ssh  # a third of a second of imports, for those who have such a host

        return Ssh(parts)
    raise ConfigError(
        f"docker.hosts: {url!r} is no address of a Docker daemon; write unix://PATH, ssh://HOST or tcp://HOST:PORT."
    )


class Direct(Way):
    """A socket that can be dialled from here."""

    def __init__(self, url: str, certificates: Path | None) -> None:
        self._url, self._certificates = url, certificates
        self.remote = certificates is not None
        self._docker: aiodocker.Docker | None = None

    async def client(self) -> aiodocker.Docker:
        if self._docker is None:
            secured = _tls(self._certificates) if self._certificates is not None else None
            self._docker = aiodocker.Docker(url=self._url, ssl_context=secured)
        return self._docker

    async def close(self) -> None:
        if self._docker is not None:
            docker, self._docker = self._docker, None
            await close_client(docker)


async def close_client(docker: aiodocker.Docker) -> None:
    """End its connections."""
    await docker.close()
    await asyncio.sleep(0)  # its connections are closed in the loop's next turn


def _tls(folder: Path) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    except OSError as error:
        raise ConnectionError(f"ca.pem, cert.pem and key.pem in {folder} cannot be used: {error.strerror or error}") from None
    return context
