"""A file system of FUSE with a program in it that can be opened, and whose bytes never come."""

import contextlib
import ctypes
import enum
import errno
import os
import stat
import struct
import threading
from pathlib import Path

PLACE = Path("/mnt/stuck")
PROGRAM = PLACE / "program"
# Of include/uapi/linux/fuse.h.
HEADER = struct.Struct("<IIQQIIIHH")
ROOT, FILE = 1, 2
_libc = ctypes.CDLL(None, use_errno=True)


class Op(enum.IntEnum):
    """What the kernel asks."""

    LOOKUP = 1
    FORGET = 2
    GETATTR = 3
    OPEN = 14
    READ = 15
    INIT = 26
    INTERRUPT = 36
    BATCH_FORGET = 42


def _attributes(node):
    mode = stat.S_IFDIR | 0o755 if node == ROOT else stat.S_IFREG | 0o755
    return struct.pack("<6Q10I", node, 1 << 20, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def _answer(opcode, node):
    """The bytes of an answer, or an errno; None if there is to be none."""
    match opcode:
        case Op.READ | Op.FORGET | Op.BATCH_FORGET | Op.INTERRUPT:
            return None
        case Op.INIT:
            return struct.pack("<IIIIHHIIHHI28x", 7, 31, 1 << 16, 0, 0, 0, 1 << 16, 1, 0, 0, 0)
        case Op.LOOKUP:
            return struct.pack("<4Q2I", FILE, 0, 60, 60, 0, 0) + _attributes(FILE)
        case Op.GETATTR:
            return struct.pack("<Q2I", 60, 0, 0) + _attributes(node)
        case Op.OPEN:
            return bytes(16)
    return errno.ENOSYS


def _serve(device, asked):
    with contextlib.suppress(OSError):
        while message := os.read(device, 1 << 18):
            _, opcode, unique, node, *_ = HEADER.unpack_from(message)
            if opcode == Op.READ:
                asked.set()
            answer = _answer(opcode, node)
            if answer is None:
                continue
            error, body = (-answer, b"") if isinstance(answer, int) else (0, answer)
            os.write(device, struct.pack("<IiQ", 16 + len(body), error, unique) + body)


@contextlib.contextmanager
def program():
    """Gives an event: that the program is being read."""
    PLACE.mkdir(exist_ok=True)
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if _libc.mount(b"stuck", bytes(PLACE), b"fuse", 0, options) < 0:
        raise OSError(ctypes.get_errno(), "cannot mount a file system of FUSE")
    asked = threading.Event()
    threading.Thread(target=_serve, args=(device, asked), daemon=True).start()
    try:
        yield asked
    finally:
        # Ends what is being read too: MNT_FORCE, of include/linux/fs.h.
        _libc.umount2(bytes(PLACE), 1)
        os.close(device)
        _libc.umount2(bytes(PLACE), 2)
        PLACE.rmdir()
