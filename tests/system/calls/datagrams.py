"""Datagrams, sent in every way there is."""

import ctypes
import os
import socket

from calls.kernel import check, connect as connect_to, endpoint, family_of, libc, outcome

ECHO = 7777
PAYLOAD = b"datagram"
AF_UNSPEC = 0


class Iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("length", ctypes.c_size_t)]


class Message(ctypes.Structure):
    """`struct mmsghdr`, whose first part is `struct msghdr`; the last two fields with padding."""

    _fields_ = [
        ("name", ctypes.c_char_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(Iovec)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_char_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_long),
        ("sent", ctypes.c_long),
    ]


def message(address, port, control=b""):
    """A message of PAYLOAD to an address."""
    name = endpoint(address, port)
    vector = ctypes.pointer(Iovec(PAYLOAD, len(PAYLOAD)))
    return Message(name, len(name), vector, 1, control or None, len(control), 0, 0)


def datagram_socket(address, protocol=0):
    return socket.socket(family_of(address), socket.SOCK_DGRAM, protocol)


def sendto(address, port=ECHO, protocol=0, inet6=False):
    """sendto(); with `inet6` on an IPv6 socket whatever the address is."""
    family = socket.AF_INET6 if inet6 else family_of(address)
    with socket.socket(family, socket.SOCK_DGRAM, protocol) as sock:
        where = endpoint(address, port)
        check(libc.sendto(sock.fileno(), PAYLOAD, len(PAYLOAD), 0, where, len(where)))


def sendmsg(address, port=ECHO, protocol=0):
    with datagram_socket(address, protocol) as sock:
        sock.sendmsg([PAYLOAD], [], 0, (address, port))


def sendmmsg(addresses, port=ECHO):
    """A batch, one message to each; `value` is how many went, if one at all did."""
    with datagram_socket(addresses[0]) as sock:
        batch = (Message * len(addresses))(*(message(it, port) for it in addresses))
        return {"value": check(libc.sendmmsg(sock.fileno(), batch, len(batch), 0))}


def elsewhere(address, connected, port=ECHO):
    """sendto() on a socket that is connected to another address."""
    with datagram_socket(address) as sock:
        sock.connect((connected, port))
        sock.sendto(PAYLOAD, (address, port))


def connect(address, port=ECHO, protocol=0, inet6=False):
    """connect(), then write()."""
    family = socket.AF_INET6 if inet6 else family_of(address)
    with socket.socket(family, socket.SOCK_DGRAM, protocol) as sock:
        connect_to(sock, address, port)
        os.write(sock.fileno(), PAYLOAD)


def reconnect(address, connected, dissolve=True, port=ECHO):
    """From one peer to another: how each step of it ended."""
    with datagram_socket(address) as sock:
        connect_to(sock, connected, port)
        steps = {"dissolve": outcome(connect_to, sock, address, 0, True) if dissolve else None}
        steps["connect"] = outcome(connect_to, sock, address, port)
        steps["write"] = outcome(os.write, sock.fileno(), PAYLOAD)
        steps["send"] = outcome(sock.send, PAYLOAD)
    return steps


def unspec_race(address, connected, rounds, port=ECHO):
    """Sends to AF_UNSPEC while another thread turns the IPv6 socket into an IPv4 one.

    `connected` is an IPv4-mapped address. Says how often which errno came.
    """
    import threading

    ipv6_addrform = 1
    where = endpoint(address, port, unspec=True)
    counts = {}
    for _ in range(rounds):
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.connect((connected, port))
            start = threading.Barrier(2)

            def flip():
                start.wait()
                sock.setsockopt(socket.IPPROTO_IPV6, ipv6_addrform, socket.AF_INET)

            def send():
                check(libc.sendto(sock.fileno(), PAYLOAD, len(PAYLOAD), 0, where, len(where)))

            flipping = threading.Thread(target=flip)
            flipping.start()
            start.wait()
            for _ in range(4):
                ended = str(outcome(send))
                counts[ended] = counts.get(ended, 0) + 1
            flipping.join()
    return {"counts": counts}
