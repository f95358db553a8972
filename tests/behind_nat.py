"""A network as people have it at home: whoever is in it gets out through a router that hides them, and nobody gets in."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Home:
    """`inside` is the namespace of whoever sits there, `address` what they have in it; `outside` is the address of this machine, which
    can be reached from there."""

    inside: str
    address: str
    outside: str

    def command(self, *words: str) -> list[str]:
        """That command, run there."""
        return ["ip", "netns", "exec", self.inside, *words]


@contextmanager
def behind_nat() -> Iterator[Home]:
    """Two namespaces, one behind the other: this machine knows the way to the router only, and no address behind it."""
    number = os.getpid() % 60_000
    # 100.64.0.0/10 is for exactly this (RFC 6598); four addresses each
    one, two = (f"100.{64 + number // 4096}.{number // 16 % 256}.{number % 16 * 16 + at}" for at in (0, 4))
    inner, outer = (address.rpartition(".") for address in (one, two))
    address, gate = f"{inner[0]}.{int(inner[2]) + 1}", f"{inner[0]}.{int(inner[2]) + 2}"
    router, outside = f"{outer[0]}.{int(outer[2]) + 1}", f"{outer[0]}.{int(outer[2]) + 2}"
    inside, between, link = f"syin{number}", f"syrt{number}", f"sy{number}"
    with ExitStack() as stack:
        for name in (inside, between):
            _ip("netns", "add", name)
            stack.callback(_quietly, "netns", "delete", name)
        _ip("link", "add", f"{link}a", "netns", inside, "type", "veth", "peer", "name", f"{link}b", "netns", between)
        _ip("link", "add", f"{link}c", "netns", between, "type", "veth", "peer", "name", f"{link}d")
        stack.callback(_quietly, "link", "delete", f"{link}d")
        for name, device, given in (
            (inside, f"{link}a", address),
            (between, f"{link}b", gate),
            (between, f"{link}c", router),
            ("", f"{link}d", outside),
        ):
            there = ["-n", name] if name else []
            _ip(*there, "address", "add", f"{given}/30", "dev", device)
            _ip(*there, "link", "set", device, "up")
        # nor does it ask others for the way
        _ip("route", "add", "unreachable", f"{one}/30")
        stack.callback(_quietly, "route", "delete", "unreachable", f"{one}/30")
        _ip("-n", inside, "link", "set", "lo", "up")
        _ip("-n", inside, "route", "add", "default", "via", gate)
        for words in (
            ["sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward"],
            ["iptables", "-t", "nat", "-A", "POSTROUTING", "-o", f"{link}c", "-j", "MASQUERADE"],
        ):
            subprocess.run(["ip", "netns", "exec", between, *words], check=True, capture_output=True)
        yield Home(inside, address, outside)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


def _quietly(*words: str) -> None:
    with contextlib.suppress(subprocess.CalledProcessError):
        _ip(*words)
