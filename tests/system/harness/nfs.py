"""A share of the peer's: the kernel's own NFS server, told what it exports without its daemons."""

import contextlib
import os
import pwd
from pathlib import Path

from harness.arrivals import at_the_peer
from harness.machine import do, run, with_module
from harness.wait import until

ADDRESS, PORT = "203.0.113.10", 2049
CLIENT = "203.0.113.1"
# What the kernel is told for mount(2), which mount.nfs would find out.
OPTIONS = f"vers=4.2,sec=sys,addr={ADDRESS},clientaddr={CLIENT}"
SOURCE = f"{ADDRESS}:/"
CONTROL = Path("/run/lab-nfsd")
FOLDER = Path("/run/lab-export")
CACHES = Path("/proc/thread-self/net/rpc")
NEVER = 2**31 - 1  # when an entry of the server's caches expires
# NFSEXP_INSECURE_PORT, _ROOTSQUASH, _NOSUBTREECHECK, _FSID of include/uapi/linux/nfsd/export.h.
FLAGS = 0x2 | 0x4 | 0x400 | 0x2000
FSID_NUM = 1
LEAST_GRACE = 10  # seconds


@contextlib.contextmanager
def share(user, **files):
    """A share with these files, which belong to the user."""
    for module in ("nfsd", "nfsv4"):
        with_module(module)
    for folder in (CONTROL, FOLDER):
        folder.mkdir(exist_ok=True)
    owner = pwd.getpwnam(user)
    os.chown(FOLDER, owner.pw_uid, owner.pw_gid)
    for name, text in files.items():
        (FOLDER / name).write_text(text)
    with at_the_peer():
        do("mount", "-t", "nfsd", "nfsd", CONTROL)
    try:
        _serve()
        yield
    finally:
        _tell("threads", "0")
        do("umount", CONTROL)
        run("rm", "-r", FOLDER)


def _serve():
    """Starts the server, which is of the network that its files were mounted in."""
    # Before anybody asks, since there is nobody to answer: who the client is, that the root is this
    # folder, and how it is exported.
    with at_the_peer():
        _know("auth.unix.ip", f"nfsd {CLIENT} {NEVER} client")
        _know("nfsd.fh", f"client {FSID_NUM} \\x00000000 {NEVER} {FOLDER}")
        _know("nfsd.export", f"client {FOLDER} {NEVER} {FLAGS} -2 -2 0")
    _tell("versions", "-3 +4 +4.1 +4.2")
    _tell("nfsv4gracetime", LEAST_GRACE)
    _tell("portlist", f"tcp {PORT}")
    _tell("threads", "2")
    # Until then files may only be claimed by who had them before.
    until(lambda: (CONTROL / "v4_end_grace").read_text().startswith("Y"), "the server's work", 40)


def _tell(file, words):
    (CONTROL / file).write_text(f"{words}\n")


def _know(cache, line):
    (CACHES / cache / "channel").write_text(f"{line}\n")
