"""Sockets that are kept from one call to the next, and change hands."""

import array
import ctypes
import errno
import os
import socket
import tempfile

from calls import uring
from calls.datagrams import ECHO, PAYLOAD, Iovec
from calls.kernel import check, connect as connect_to, endpoint, family_of, libc, outcome, syscall

PIDFD_GETFD = 438
PR_SET_PTRACER, PR_SET_PTRACER_ANY = 0x59616D61, -1
_offers = {}


def keep(kind="udp", address=None, family=None, port=None):
    """Makes a socket, connected if there is an address; its descriptor."""
    sort, usual_port = (socket.SOCK_STREAM, 80) if kind == "tcp" else (socket.SOCK_DGRAM, ECHO)
    sock = socket.socket(family or family_of(address), sort)
    if address:
        connect_to(sock, address, port or usual_port)
    sock.set_inheritable(True)
    return {"descriptor": sock.detach()}


def connect(descriptor, address, port):
    """Connects a socket that is kept."""
    where = endpoint(address, port)
    check(libc.connect(descriptor, where, len(where)))


def turn_round(descriptor):
    """Dissolves a TCP connection; the port that the other side had."""
    with socket.socket(fileno=os.dup(descriptor)) as sock:
        port = sock.getpeername()[1]
    unspecified = bytes(16)
    check(libc.connect(descriptor, unspecified, len(unspecified)))
    return {"port": port}


def send(descriptor, way="send"):
    """Sends by a connected socket that is kept."""
    WAYS[way](descriptor)


def send_from_child(descriptor):
    """Has a child of its own send by a connected socket that is kept."""
    child = os.fork()
    if child == 0:
        os._exit(0 if outcome(_by_send, descriptor) is None else 1)
    if os.waitpid(child, 0)[1] != 0:
        raise PermissionError(errno.EPERM, "the child could not send")


def sendto(descriptor, address, port=ECHO):
    """Sends to an address by a socket that is kept."""
    where = endpoint(address, port)
    check(libc.sendto(descriptor, PAYLOAD, len(PAYLOAD), 0, where, len(where)))


def _by_send(descriptor):
    check(libc.send(descriptor, PAYLOAD, len(PAYLOAD), 0))


def _by_sendmmsg(descriptor):
    from calls.datagrams import Message

    vector = ctypes.pointer(Iovec(PAYLOAD, len(PAYLOAD)))
    batch = (Message * 1)(Message(None, 0, vector, 1, None, 0, 0, 0))
    check(libc.sendmmsg(descriptor, batch, 1, 0))


def _by_sendfile(descriptor):
    with tempfile.TemporaryFile() as file:
        file.write(PAYLOAD)
        file.flush()
        os.sendfile(descriptor, file.fileno(), 0, len(PAYLOAD))


def _by_splice(descriptor):
    reader, writer = os.pipe()
    try:
        os.write(writer, PAYLOAD)
        os.splice(reader, descriptor, len(PAYLOAD))
    finally:
        os.close(reader)
        os.close(writer)


def _by_uring(descriptor):
    with uring.Ring() as ring:
        ring.submit(uring.SEND, descriptor, uring.pointer(PAYLOAD), len(PAYLOAD))


WAYS = {
    "send": _by_send,
    "write": lambda descriptor: os.write(descriptor, PAYLOAD),
    "writev": lambda descriptor: os.writev(descriptor, [PAYLOAD]),
    "sendmmsg": _by_sendmmsg,
    "sendfile": _by_sendfile,
    "splice": _by_splice,
    "uring": _by_uring,
}


def offer(name):
    """Lets another program come for a socket."""
    server = _offers[name] = socket.socket(socket.AF_UNIX)
    server.bind(f"\0{name}")
    server.listen()


def give(name, descriptor):
    """Gives a socket to the program that has come for it."""
    with _offers.pop(name) as server, server.accept()[0] as peer:
        rights = array.array("i", [descriptor])
        peer.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])


def take(name):
    """Comes for a socket that is offered; its descriptor."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(f"\0{name}")
        _, descriptors, *_ = socket.recv_fds(peer, 1, 1)
    return {"descriptor": descriptors[0]}


def let_be_taken():
    """Lets any process of the user take sockets from this one."""
    check(libc.prctl(PR_SET_PTRACER, ctypes.c_long(PR_SET_PTRACER_ANY), 0, 0, 0))


def take_from(pid, descriptor):
    """Takes a socket out of another process; its descriptor."""
    process = os.pidfd_open(pid)
    try:
        return {"descriptor": syscall(PIDFD_GETFD, process, descriptor, 0)}
    finally:
        os.close(process)
