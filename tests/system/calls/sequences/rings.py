"""The same of io_uring: results of requests, right and wrong."""

import socket

from calls import uring
from calls.kernel import endpoint, outcome
from calls.sequences import CLOSED, ECHO, HTTP, NOWHERE, PEER, tcp, udp

MODES = ("inline", "worker", "poller")
PLACES = {"peer": (PEER, HTTP), "closed": (PEER, CLOSED), "no route": (NOWHERE, HTTP)}


def seq_connect(script, family):
    for mode in MODES:
        with uring.Ring(mode) as ring:
            for name, (place, port) in PLACES.items():
                for kind, make in {"tcp": tcp, "udp": udp}.items():
                    for blocking in (True, False):
                        with make(family) as sock:
                            sock.setblocking(blocking)
                            what = f"connect {kind} {name}, {mode}, blocking {blocking}"
                            where = (sock, place[family], port)
                            script.note(what, outcome(ring.connect, *where))
                            script.note("again", outcome(ring.connect, *where))
                            script.error(sock)


def seq_lengths(script, family):
    where = endpoint(PEER[family], HTTP).ljust(136, b"\0")
    for mode in MODES:
        with uring.Ring(mode) as ring:
            for length in (0, 1, 2, 8, 16, 24, 28, 128, 129):
                for name, make in {"tcp": tcp, "udp": udp}.items():
                    with make(family) as sock:
                        what = f"{name}, {mode}, length {length}"
                        words = (sock.fileno(), uring.pointer(where))
                        ended = outcome(
                            lambda: ring.submit(uring.CONNECT, *words, offset=length)
                        )
                        script.note(f"connect {what}", ended)


def seq_descriptors(script, family):
    where = endpoint(PEER[family], HTTP)
    with uring.Ring() as ring, open("/dev/null") as file, socket.socket(socket.AF_UNIX) as unix:
        kinds = {"none": -1, "closed": 1000, "file": file.fileno(), "unix": unix.fileno()}
        for name, fd in kinds.items():
            words = {"offset": len(where)}
            ended = outcome(lambda: ring.submit(uring.CONNECT, fd, uring.pointer(where), **words))
            script.note(f"connect {name}", ended)
            ended = outcome(lambda: ring.submit(uring.SEND, fd, uring.pointer(where), 4))
            script.note(f"send {name}", ended)


def seq_send(script, family):
    for mode in MODES:
        with uring.Ring(mode) as ring, udp(family) as sock:
            for zero_copy in (uring.SEND, uring.SEND_ZC):
                for name, (place, port) in {**PLACES, "echo": (PEER, ECHO)}.items():
                    where = endpoint(place[family], port)
                    ended = outcome(
                        lambda: ring.submit(
                            zero_copy, sock.fileno(), uring.pointer(b"echo"), 4,
                            offset=uring.pointer(where), address_length=len(where),
                        )
                    )  # fmt: skip
                    script.note(f"send {zero_copy} {name}, {mode}", ended)
