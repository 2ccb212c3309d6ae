"""Servers of all kinds, which stay until their program ends."""

import os
import signal
import socket

from calls import uring
from calls.kernel import check, endpoint, family_of, libc, outcome

PR_SET_PDEATHSIG = 1
_servers = []


def listen(address, kind="stream", protocol=0, family=None, by="listen", bind=True):
    """Waits for connections at a port that the kernel chooses; says at which.

    `by` is `listen` or a mode of io_uring.
    """
    server = socket.socket(family or family_of(address), KINDS[kind], protocol)
    _servers.append(server)
    if bind:
        server.bind((address, 0))
    if by == "listen":
        ended = outcome(lambda: check(libc.listen(server.fileno(), 5)))
    else:
        with uring.Ring(by) as ring:
            ended = outcome(lambda: ring.submit(uring.LISTEN, server.fileno(), length=5))
    return {"errno": ended, "port": server.getsockname()[1]}


def accept(port):
    """Takes the next connection at a port; its descriptor."""
    server = next(it for it in _servers if it.getsockname()[1] == port)
    return {"descriptor": server.accept()[0].detach()}


def datagrams(address, port):
    """Waits for datagrams at a port."""
    with socket.socket(family_of(address), socket.SOCK_DGRAM) as server:
        where = endpoint(address, port)
        check(libc.bind(server.fileno(), where, len(where)))


def take(address, port, kind):
    """bind() alone."""
    with socket.socket(family_of(address), KINDS[kind]) as server:
        where = endpoint(address, port)
        check(libc.bind(server.fileno(), where, len(where)))


def wait_for_datagrams(address, port):
    """The same, and the socket stays."""
    server = socket.socket(family_of(address), socket.SOCK_DGRAM)
    _servers.append(server)
    where = endpoint(address, port)
    check(libc.bind(server.fileno(), where, len(where)))


def datagrams_that_came(count):
    """The next datagrams of the newest socket that waits for some."""
    return {"came": sorted(_servers[-1].recv(100).decode() for _ in range(count))}


def listen_in_child(address):
    """As `listen`, but only a child goes on with it."""
    listening = listen(address)
    if os.fork() == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.pause()
    _servers.pop().close()
    return listening


def listen_once(address):
    """The same by io_uring, not again after an interruption."""
    with uring.Ring() as ring, socket.socket(family_of(address)) as server:
        server.bind((address, 0))
        ring.submit_once(uring.LISTEN, server.fileno(), length=5)


def bind_once(address, port):
    """Waits for datagrams by io_uring, not again after an interruption."""
    with uring.Ring() as ring, socket.socket(family_of(address), socket.SOCK_DGRAM) as server:
        where = endpoint(address, port)
        ring.submit_once(uring.BIND, server.fileno(), uring.pointer(where), offset=len(where))


KINDS = {
    "stream": socket.SOCK_STREAM,
    "messages": socket.SOCK_SEQPACKET,
    "datagrams": socket.SOCK_DGRAM,
}
