"""Which error of sendto() comes first."""

import socket

from calls.kernel import libc
from calls.sequences import ECHO, HTTP, udp
from calls.sequences.wrong import ADDRESS_FAMILIES, BAD_POINTER, LENGTHS, descriptors, raw

FLAGS = {
    "MSG_OOB": socket.MSG_OOB,
    "MSG_DONTROUTE": socket.MSG_DONTROUTE,
    "MSG_DONTWAIT": socket.MSG_DONTWAIT,
    "MSG_NOSIGNAL": socket.MSG_NOSIGNAL,
    "MSG_MORE": socket.MSG_MORE,
    "MSG_CONFIRM": 0x800,
    "MSG_FASTOPEN": socket.MSG_FASTOPEN,
    "all": 0x7FFFFFFF & ~socket.MSG_MORE,
}


def seq_sendto(script, family):
    flags = socket.MSG_NOSIGNAL
    for kind in ADDRESS_FAMILIES:
        for length in LENGTHS:
            with descriptors(family) as kinds:
                for name, descriptor in kinds.items():
                    where = raw(family, kind, ECHO)
                    what = f"sendto {name}, family {kind}, length {length}"
                    script.call(what, libc.sendto, descriptor, b"echo", 4, flags, where, length)


def seq_sendto_flags(script, family):
    length = 16 if family == socket.AF_INET else 28
    for flag, value in FLAGS.items():
        for port in (HTTP, 0):
            with descriptors(family) as kinds:
                for name, descriptor in kinds.items():
                    where = raw(family, family, port)
                    flags = value | socket.MSG_NOSIGNAL
                    what = f"sendto {name}, {flag}, port {port}"
                    script.call(what, libc.sendto, descriptor, b"echo", 4, flags, where, length)


def seq_sendto_pointers(script, family):
    where = raw(family, family, ECHO)
    length = 16 if family == socket.AF_INET else 28
    for name, words in {
        "no address": (b"echo", 4, 0, None, 0),
        "no address, but a length": (b"echo", 4, 0, None, length),
        "bad address": (b"echo", 4, 0, BAD_POINTER, length),
        "bad data": (BAD_POINTER, 4, 0, where, length),
        "no data": (None, 0, 0, where, length),
        "empty": (b"", 0, 0, where, length),
        "most": (bytes(70000), 65507, 0, where, length),
        "too much": (bytes(70000), 65536, 0, where, length),
    }.items():
        with udp(family) as sock:
            script.call(f"sendto udp, {name}", libc.sendto, sock.fileno(), *words)
