"""Which error of connect() comes first."""

from calls.kernel import libc
from calls.sequences import CLOSED, ECHO, HTTP, LOOPBACK, NOWHERE, PEER, tcp, udp
from calls.sequences.wrong import ADDRESS_FAMILIES, BAD_POINTER, LENGTHS, descriptors, raw


def seq_connect(script, family):
    for kind in ADDRESS_FAMILIES:
        for length in LENGTHS:
            with descriptors(family) as kinds:
                for name, descriptor in kinds.items():
                    port = ECHO if name == "udp" else HTTP
                    where = raw(family, kind, port)
                    what = f"connect {name}, family {kind}, length {length}"
                    script.call(what, libc.connect, descriptor, where, length)


def seq_connect_pointer(script, family):
    for length in (0, 16, 28, 129):
        for pointer in (None, BAD_POINTER):
            with descriptors(family) as kinds:
                for name, descriptor in kinds.items():
                    what = f"connect {name}, pointer {bool(pointer)}, length {length}"
                    script.call(what, libc.connect, descriptor, pointer, length)


def seq_ports(script, family):
    for port in (0, 1, CLOSED, 65535):
        for name, make in {"tcp": tcp, "udp": udp}.items():
            for place in (LOOPBACK[family], PEER[family], NOWHERE[family]):
                with make(family) as sock:
                    script.connect(sock, place, port, f"connect {name} {place} {port}")
                    script.error(sock)
