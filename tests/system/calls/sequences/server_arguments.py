"""Which error of the calls of servers comes first."""

import os
import socket

from calls.kernel import libc
from calls.sequences import LOOPBACK, NOWHERE, PEER, tcp, udp
from calls.sequences.wrong import ADDRESS_FAMILIES, LENGTHS, descriptors, raw


def seq_socket(script, family):
    # Few that the kernel does not know, since for each of them it looks for a module.
    for kind in (1, 2, 3, 11, socket.SOCK_STREAM | 0x100):
        for protocol in (0, 6, 17, 58, 262, -1):
            what = f"socket {kind}, {protocol}"
            descriptor = script.call(what, libc.socket, family, kind, protocol)
            if descriptor >= 0:
                # The number itself is nothing of the call's.
                script.lines[-1] = script.lines[-1].rpartition("=")[0] + "= a socket"
                os.close(descriptor)


def seq_bind_and_listen(script, family):
    for kind in ADDRESS_FAMILIES:
        for length in LENGTHS:
            with descriptors(family) as kinds:
                for name, descriptor in kinds.items():
                    where = raw(family, kind, 0)
                    what = f"bind {name}, family {kind}, length {length}"
                    script.call(what, libc.bind, descriptor, where, length)
    for backlog in (-1, 0, 1, 1 << 30):
        with descriptors(family) as kinds:
            for name, descriptor in kinds.items():
                script.call(f"listen {name}, {backlog}", libc.listen, descriptor, backlog)
                script.call("again", libc.listen, descriptor, backlog)


def seq_bind_places(script, family):
    with tcp(family) as taken:
        taken.bind((LOOPBACK[family], 0))
        taken.listen()
        places = {
            "taken": (LOOPBACK[family], taken.getsockname()[1]),
            "privileged": (LOOPBACK[family], 80),
            "another computer's": (PEER[family], 0),
            "nobody's": (NOWHERE[family], 0),
        }
        for name, place in places.items():
            for kind, make in {"tcp": tcp, "udp": udp}.items():
                with make(family) as sock:
                    script.attempt(f"bind {kind}, {name}", sock.bind, place)
                    script.attempt("again", sock.bind, place)


def seq_accept(script, family):
    for flags in (0, socket.SOCK_NONBLOCK, socket.SOCK_CLOEXEC, 0x40):
        with descriptors(family) as kinds:
            for name, descriptor in kinds.items():
                what = f"accept4 {name}, flags {flags:#x}"
                script.call(what, libc.accept4, descriptor, None, None, flags)
