"""Calls on a new socket, given exactly: which socket, which address, and how many bytes of it."""

import os
import socket
import struct
from functools import partial

from calls.kernel import check, libc, outcome

# An echo request, since ping sockets take nothing else.
PAYLOAD = bytes([8, 0, 0, 0, 0, 0, 0, 1])
# More than the longest length that is tried.
ROOM = 256


def run(cases):
    """How each call of each case ends."""
    return {"each": [_ended(**case) for case in cases]}


def _ended(on, steps):
    with socket.socket(*on) as sock:
        made = [partial(CALLS[step.pop("call")], sock, **step) for step in steps]
        return [outcome(it) or "ok" for it in made]


def _address(host, port, family, length):
    """The address as the kernel takes it, and its length, which may be a wrong one."""
    if host is None:
        return None, length
    ipv6 = ":" in host
    data = socket.inet_pton(socket.AF_INET6 if ipv6 else socket.AF_INET, host)
    if family is None:
        family = socket.AF_INET6 if ipv6 else socket.AF_INET
    raw = struct.pack("=H", family) + struct.pack("!H", port) + (bytes(4) if ipv6 else b"") + data
    if length is None:
        length = 28 if ipv6 else 16
    return raw.ljust(ROOM, b"\0"), length


def _connect(sock, host, port, family=None, length=None):
    check(libc.connect(sock.fileno(), *_address(host, port, family, length)))


def _bind(sock, host, port, family=None, length=None):
    check(libc.bind(sock.fileno(), *_address(host, port, family, length)))


def _sendto(sock, host, port, family=None, length=None, flags=0):
    where = _address(host, port, family, length)
    flags |= socket.MSG_NOSIGNAL
    check(libc.sendto(sock.fileno(), PAYLOAD, len(PAYLOAD), flags, *where))


def _send(sock):
    check(libc.send(sock.fileno(), PAYLOAD, len(PAYLOAD), socket.MSG_NOSIGNAL))


def _send_from_child(sock):
    """The same by a child, which has the socket from its parent."""
    child = os.fork()
    if child == 0:
        ended = 0
        try:
            _send(sock)
        except OSError as error:
            ended = error.errno
        os._exit(ended)
    ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if ended:
        raise OSError(ended, os.strerror(ended))


def _listen(sock):
    check(libc.listen(sock.fileno(), 5))


def _only_ipv6(sock):
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


CALLS = {
    "connect": _connect,
    "bind": _bind,
    "sendto": _sendto,
    "send": _send,
    "send_from_child": _send_from_child,
    "listen": _listen,
    "only_ipv6": _only_ipv6,
}
