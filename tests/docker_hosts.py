"""Ways to an engine as to one on another machine: TCP with client certificates, and a real ssh server."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

import asyncssh
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.ssh_server import Sshd


def make_certificates(folder: Path) -> None:
    """An authority (ca.pem), a client (cert.pem, key.pem) and a server at 127.0.0.1 (server.pem, server-key.pem)."""
    folder.mkdir()
    authority = ec.generate_private_key(ec.SECP256R1())
    _write(folder / "ca.pem", _signed("the authority", authority, authority, None))
    for name, usage in (("cert.pem", ExtendedKeyUsageOID.CLIENT_AUTH), ("server.pem", ExtendedKeyUsageOID.SERVER_AUTH)):
        key = ec.generate_private_key(ec.SECP256R1())
        _write(folder / name, _signed(name, key, authority, usage))
        plain = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        _write(folder / ("key.pem" if name == "cert.pem" else "server-key.pem"), plain)


def _signed(
    name: str, key: ec.EllipticCurvePrivateKey, authority: ec.EllipticCurvePrivateKey, usage: x509.ObjectIdentifier | None
) -> bytes:
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(_named(name))
        .issuer_name(_named("the authority"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=usage is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
    )
    if usage is not None:
        made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return made.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0o600)


class SshServer(Sshd):
    """One to which root logs in with a key: whoever has `home` as home folder can, and knows its key."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.home = folder / "home"
        super().__init__(
            folder, "UsePAM no", "PasswordAuthentication no", "PermitRootLogin prohibit-password", f"AuthorizedKeysFile {folder}/authorized"
        )  # fmt: skip

    def start(self) -> None:
        ssh = self.home / ".ssh"
        ssh.mkdir(parents=True, mode=0o700)
        key = asyncssh.generate_private_key("ssh-ed25519")
        _write(ssh / "id_ed25519", key.export_private_key())
        _write(self.folder / "authorized", key.export_public_key())
        _write(ssh / "known_hosts", f"[127.0.0.1]:{self.port} {self.key}\n".encode())
        super().start()

    def url(self, path: Path) -> str:
        return f"ssh://root@127.0.0.1:{self.port}{path}"
