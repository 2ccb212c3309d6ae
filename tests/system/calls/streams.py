"""Connections, made in every way there is."""

import socket
import struct

from calls.kernel import check, connect as connect_to, endpoint, family_of, libc

HTTP = 80
TCP_MD5SIG = 14
TCP_FASTOPEN_CONNECT = 30
REQUEST = b"GET"


def connect(address, port=HTTP, protocol=0, family=None, kind=socket.SOCK_STREAM):
    """connect() by a protocol, then send()."""
    with socket.socket(family or family_of(address), kind, protocol) as sock:
        connect_to(sock, address, port)
        check(libc.send(sock.fileno(), REQUEST, len(REQUEST), 0))


def fastopen(address, port=HTTP, protocol=0):
    """sendto() that connects too."""
    with socket.socket(family_of(address), socket.SOCK_STREAM, protocol) as sock:
        sock.sendto(REQUEST, socket.MSG_FASTOPEN, (address, port))


def fastopen_sendmsg(address, port=HTTP):
    """sendmsg() that connects too."""
    with socket.socket(family_of(address), socket.SOCK_STREAM) as sock:
        sock.sendmsg([REQUEST], [], socket.MSG_FASTOPEN, (address, port))


def fastopen_connect(address, port=HTTP):
    """connect() that does nothing before the first send()."""
    with socket.socket(family_of(address), socket.SOCK_STREAM) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, TCP_FASTOPEN_CONNECT, 1)
        connect_to(sock, address, port)
        sock.send(REQUEST)


def signed(address, other, port=HTTP):
    """connect() on a socket that has a key for segments from another address."""
    key = b"secret"
    with socket.socket(family_of(address), socket.SOCK_STREAM) as sock:
        option = endpoint(other, 0).ljust(128, b"\0")
        option += struct.pack("=BBHi80s", 0, 0, len(key), 0, key)
        sock.setsockopt(socket.IPPROTO_TCP, TCP_MD5SIG, option)
        connect_to(sock, address, port)
        sock.send(REQUEST)
