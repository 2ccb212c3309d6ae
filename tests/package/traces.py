"""What there is of the product: files, processes, and what it has in the kernel."""

import contextlib
import ctypes
import os
import struct
from pathlib import Path

from harness.machine import do

# Folders of the lab, and those where any installation and any login leave something.
OTHERS = (
    "/home",
    "/lab",
    "/out",
    "/tmp",
    "/usr/local",
    "/var/cache",
    "/var/lib/apt",
    "/var/lib/dpkg",
    "/var/lib/systemd",
    "/var/log",
    "/var/tmp",
)
FUSE = Path("/sys/fs/fuse/connections")

# Numbers of linux/bpf.h.
BPF, ATTRIBUTES_SIZE = 321, 128
PROGRAMS, MAPS, LINKS = "prog_id", "map_id", "link_id"
NEXT = {PROGRAMS: 11, MAPS: 12, LINKS: 31}
PROGRAM_BY_ID, INFO = 13, 15
INFO_SIZE, NAME, NAME_SIZE = 232, 64, 16
TRACING, LSM = 26, 29
_libc = ctypes.CDLL(None, use_errno=True)


def files():
    """All files of the root file system but those of others."""
    root, found = os.stat("/").st_dev, set()
    for folder, folders, names in os.walk("/"):
        folders[:] = [it for it in folders if _is_looked_at(os.path.join(folder, it), root)]
        found.update(os.path.join(folder, it) for it in (*folders, *names))
    return found


def _is_looked_at(folder, root):
    return folder not in OTHERS and os.lstat(folder).st_dev == root


def named_after_it():
    """The files of every place that have its name, but those of the lab."""
    words = ("/", "-xdev", "-path", "/lab", "-prune", "-o", "-iname", "*portreeve*", "-print")
    runtime = do("find", "/run", "-iname", "*portreeve*", "-not", "-path", "/run/user/*")
    return (do("find", *words) + runtime).split()


def processes():
    """Its processes."""
    found = []
    for process in Path("/proc").glob("[0-9]*/exe"):
        with contextlib.suppress(OSError):
            if "portreeve" in str(process.readlink()):
                found.append(process.parent.name)
    return found


def fuse_connections():
    """The FUSE file systems, mounted or not."""
    if not FUSE.is_mount():
        do("mount", "-t", "fusectl", "none", str(FUSE))
    return sorted(it.name for it in FUSE.iterdir())


def programs():
    """The kernel's programs that could hold something: kinds and names."""
    found = []
    for number in _ids(PROGRAMS):
        with contextlib.suppress(OSError):
            kind, name = _describe(number)
            if kind in (TRACING, LSM):
                found.append((kind, name))
    return sorted(found)


def held_by(pid):
    """The ids of the programs, maps and links that a process has open."""
    ids = {kind: set() for kind in NEXT}
    for file in Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(OSError):
            for line in file.read_text().splitlines():
                kind, _, number = line.partition(":")
                if kind in ids:
                    ids[kind].add(int(number))
    return ids


def still_there(ids):
    """Those of the ids that the kernel has."""
    now = {kind: numbers & set(_ids(kind)) for kind, numbers in ids.items()}
    return {kind: numbers for kind, numbers in now.items() if numbers}


def _ids(kind):
    number = 0
    while True:
        try:
            number = struct.unpack_from("=4xI", _bpf(NEXT[kind], struct.pack("=I", number))[1])[0]
        except FileNotFoundError:
            return
        yield number


def _describe(number):
    """A program's kind and name."""
    descriptor, _ = _bpf(PROGRAM_BY_ID, struct.pack("=I", number))
    try:
        info = ctypes.create_string_buffer(INFO_SIZE)
        _bpf(INFO, struct.pack("=IIQ", descriptor, INFO_SIZE, ctypes.addressof(info)))
    finally:
        os.close(descriptor)
    name = info.raw[NAME : NAME + NAME_SIZE].split(b"\0")[0].decode()
    return struct.unpack_from("=I", info.raw)[0], name


def _bpf(command, words):
    """Calls bpf(); returns what it returns, and the words as it leaves them."""
    attributes = ctypes.create_string_buffer(words, ATTRIBUTES_SIZE)
    result = _libc.syscall(BPF, command, attributes, ATTRIBUTES_SIZE)
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return result, attributes.raw
