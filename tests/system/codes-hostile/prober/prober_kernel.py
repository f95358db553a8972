"""Attempts at the kernel: what needs a capability, what seccomp keeps away, and ways to more rights."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import socket
import stat
import subprocess
from typing import Any

from prober_reach import word

LIBC = ctypes.CDLL(None, use_errno=True)
#: Numbers of x86_64; where they differ (aarch64), the newer ones are the same.
CALLS = {
    "ptrace": (101, 310), "mount": (165, 40), "umount2": (166, 39), "swapon": (167, 224), "reboot": (169, 142), "sethostname": (170, 161),
    "init_module": (175, 105), "quotactl": (179, 60), "pivot_root": (155, 41), "chroot": (161, 51), "acct": (163, 89), "settimeofday": (164, 170),
    "add_key": (248, 217), "request_key": (249, 218), "keyctl": (250, 219), "unshare": (272, 97), "perf_event_open": (298, 241),
    "open_by_handle_at": (304, 265), "setns": (308, 268), "process_vm_readv": (310, 270), "finit_module": (313, 273), "bpf": (321, 280),
    "userfaultfd": (323, 282), "kexec_load": (246, 104), "fsopen": (430, 430), "open_tree": (428, 428), "move_mount": (429, 429),
    "clone3": (435, 435), "pidfd_getfd": (438, 438), "mount_setattr": (442, 442),
}  # fmt: skip
NEW_USER, NEW_MOUNTS, NEW_NETWORK, NEW_PIDS = 0x10000000, 0x00020000, 0x40000000, 0x20000000


def call(name: str, *arguments: Any) -> str:
    """What a system call answers with: "allowed", or the name of the error."""
    number = CALLS[name][os.uname().machine != "x86_64"]
    done = LIBC.syscall(ctypes.c_long(number), *(ctypes.c_long(one) if isinstance(one, int) else one for one in arguments))
    return "allowed" if done >= 0 else errno.errorcode.get(ctypes.get_errno(), "error")


def kernel(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    here, buffer = run.dir.encode(), ctypes.create_string_buffer(256)
    return {
        "mount": call("mount", b"none", here, b"tmpfs", 0, None),
        "bind mount": call("mount", b"/", here, None, 0x1000, None),
        "remount": call("mount", b"none", b"/", None, 0x20, None),
        "umount": call("umount2", b"/tmp", 2),
        "pivot_root": call("pivot_root", here, here),
        "chroot": call("chroot", here),
        "fsopen": call("fsopen", b"tmpfs", 0),
        "open_tree": call("open_tree", -100, b"/", 1),
        "new user namespace": call("unshare", NEW_USER),
        "new mount namespace": call("unshare", NEW_MOUNTS),
        "new network namespace": call("unshare", NEW_NETWORK),
        "new user and mount namespace": call("unshare", NEW_USER | NEW_MOUNTS | NEW_PIDS),
        "bpf": call("bpf", 0, buffer, 64),
        "perf_event_open": call("perf_event_open", buffer, 0, -1, -1, 0),
        "userfaultfd": call("userfaultfd", 0),
        "add_key": call("add_key", b"user", b"simyard", b"x", 1, -4),
        "keyctl": call("keyctl", 0, -4, 1),
        "request_key": call("request_key", b"user", b"simyard", None, -4),
        "open_by_handle_at": call("open_by_handle_at", 3, buffer, 0),
        "swapon": call("swapon", here, 0),
        "reboot": call("reboot", 0xFEE1DEAD - (1 << 32), 672274793, 0, None),
        "sethostname": call("sethostname", b"mine", 4),
        "settimeofday": call("settimeofday", buffer, None),
        "init_module": call("init_module", buffer, 16, b""),
        "kexec_load": call("kexec_load", 0, 0, None, 0),
        "acct": call("acct", here),
        "raw socket": word(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)),
        "packet socket": word(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
        "device": word(lambda: os.mknod("sda", 0o600 | stat.S_IFBLK, os.makedev(8, 0))),
        "character device": word(lambda: os.mknod("mem", 0o600 | stat.S_IFCHR, os.makedev(1, 1))),
        "setuid": word(lambda: os.setuid(0)),
        "setgroups": word(lambda: os.setgroups([0])),
        "chown": word(lambda: os.chown(run.dir, 0, 0)),
        "higher priority": word(lambda: os.nice(-5)),
        "own oom_score_adj": word(lambda: _write("/proc/self/oom_score_adj", "-1000")),
        "namespace of init": word(lambda: os.close(os.open("/proc/1/ns/mnt", os.O_RDONLY))) and call("setns", _own_namespace(), 0),
    }  # fmt: skip


def _own_namespace() -> int:
    return os.open("/proc/self/ns/mnt", os.O_RDONLY)


def _write(path: str, text: str) -> None:
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def rights(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Ways to become somebody else: programs with set-uid, of the system and of one's own; what this process may do."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        status = dict(line.rstrip("\n").split(":", 1) for line in file)
    shutil.copy("/usr/bin/id", "own-id")
    os.chmod("own-id", 0o6755)
    found = [
        os.path.join(folder, name) for folder in ("/usr/bin", "/usr/sbin") for name in os.listdir(folder)
        if os.stat(os.path.join(folder, name)).st_mode & 0o6000
    ]  # fmt: skip
    return {
        "me": os.getuid(),
        "group": os.getgid(),
        "groups": os.getgroups(),
        "own set-uid": subprocess.run(["./own-id", "-u"], capture_output=True, text=True, check=True).stdout.strip(),
        "set-uid of the system": len(found),
        "su": subprocess.run(
            ["su", "-c", "id -u"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        ).stdout.strip(),
        **{name: status[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp")},
    }


def system(run: Any, given: dict[str, Any]) -> dict[str, Any]:
    """Write to what is the system's, the image's or the kernel's."""
    paths = [
        "/", "/opt/simyard", "/opt/simyard/agent.pyz", "/opt/simyard/python", "/opt/simyard/codes/prober/code.py", "/usr/bin/python3", "/etc", "/etc/passwd",
        "/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger", "/proc/sys/vm/overcommit_memory", "/sys/fs/cgroup", "/sys/kernel/uevent_helper",
        "/proc/kcore", "/dev/mem", "/dev/kmsg", "/run", "/var/tmp", "/dev",
    ]  # fmt: skip
    return {path: word(lambda path=path: _append(path)) for path in paths}


def _append(path: str) -> None:
    if os.path.isdir(path):
        name = os.path.join(path, "prober")
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT, 0o600))
        os.unlink(name)
    else:
        os.close(os.open(path, os.O_WRONLY | os.O_APPEND))
