"""Ports for the servers of tests: no two who ask get the same."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

from tests import ports

ROOT = Path(__file__).parents[2]


def test_no_port_is_handed_out_twice_and_each_can_be_bound() -> None:
    given = [ports.free_port() for _ in range(20)]
    assert len(set(given)) == 20
    for port in given:
        with socket.socket() as server:
            server.bind(("127.0.0.1", port))


def test_ports_that_belong_together_follow_each_other() -> None:
    one, two, three = ports.free_ports(3)
    assert (two, three) == (one + 1, one + 2)


def test_they_are_none_that_the_kernel_hands_out() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert ports.free_port() < lowest


def test_what_somebody_listens_on_is_not_given() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert ports._take(range(port, port + 1)) == []


def test_what_another_process_was_given_is_not_given_while_that_lives() -> None:
    given = "import sys; from tests import ports; print(ports.free_port(), flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", given], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        port = int(other.stdout.readline())
        assert ports._take(range(port, port + 1)) == []
        other.communicate()
    (mine,) = ports._take(range(port, port + 1))
    mine.close()
