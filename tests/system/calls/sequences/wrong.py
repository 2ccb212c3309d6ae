"""What calls can be given wrong: every kind of descriptor, addresses of every length and family."""

import contextlib
import ctypes
import socket
import struct

from calls.sequences import PEER, tcp, udp

LENGTHS = (-1, 0, 1, 2, 8, 15, 16, 17, 23, 24, 27, 28, 128, 129)
ADDRESS_FAMILIES = (socket.AF_UNSPEC, socket.AF_UNIX, socket.AF_INET, socket.AF_INET6, 99)
BAD_POINTER = ctypes.c_void_p(8)


def raw(family, kind, port):
    """An address of a kind that has the bytes of the peer's, long enough for all lengths."""
    data = socket.inet_pton(family, PEER[family])
    rest = data if family == socket.AF_INET else bytes(4) + data
    return (struct.pack("=H", kind) + struct.pack("!H", port) + rest).ljust(136, b"\0")


@contextlib.contextmanager
def descriptors(family):
    """One descriptor of each kind."""
    with contextlib.ExitStack() as stack:
        yield {
            "none": -1,
            "closed": 1000,
            "file": stack.enter_context(open("/dev/null")).fileno(),
            "unix": stack.enter_context(socket.socket(socket.AF_UNIX)).fileno(),
            "tcp": stack.enter_context(tcp(family)).fileno(),
            "udp": stack.enter_context(udp(family)).fileno(),
        }
