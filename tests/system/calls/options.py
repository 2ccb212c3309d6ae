"""Options of IPv6 sockets that change where a packet goes, or what the socket is."""

import os
import socket
import struct
import sys
import threading

from calls.datagrams import ECHO, PAYLOAD
from calls.kernel import check, connect as connect_to, endpoint, libc, outcome

IPV6_ADDRFORM = 1
# The routing header by today's number and by that of RFC 2292, which has an option of messages too.
IPV6_RTHDR, IPV6_2292RTHDR, IPV6_2292PKTOPTIONS = 57, 5, 6


def mobile(first):
    """A routing header of type 2, of mobile IPv6: to `first`, then to where the packet says."""
    return struct.pack("=BBBBI", 0, 2, 2, 1, 0) + socket.inet_pton(socket.AF_INET6, first)


def segments(first):
    """A routing header of type 4, of segments: the same."""
    addresses = bytes(16) + socket.inet_pton(socket.AF_INET6, first)
    return struct.pack("=BBBBBBH", 0, len(addresses) // 8, 4, 1, 1, 0, 0) + addresses


def routed(address, first, header="segments", by="option", number=IPV6_RTHDR, kind="udp"):
    """Sends to an address by way of another one, which is where the packet goes."""
    data = {"segments": segments, "mobile": mobile}[header](first)
    sort = socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET6, sort) as sock:
        sock.settimeout(0.2)
        control = []
        if by == "option":
            sock.setsockopt(socket.IPPROTO_IPV6, number, data)
        elif by == "message":
            control = [(socket.IPPROTO_IPV6, number, data)]
        else:
            kept = struct.pack("=Qii", 16 + len(data), socket.IPPROTO_IPV6, number) + data
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_2292PKTOPTIONS, kept)
        if kind == "tcp":
            try:
                sock.connect((address, 80))
            except TimeoutError:
                pass  # What counts is where the first packet has gone.
        else:
            sock.sendmsg([PAYLOAD], control, 0, (address, ECHO))


def flipped(address, connected, by="sendto"):
    """Turns an IPv6 socket into an IPv4 one while a call on it is held.

    Waits for one more line of input before it does.
    """
    where = endpoint(address, ECHO)
    ended = []
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
        sock.connect((connected, ECHO))

        def send():
            check(libc.sendto(sock.fileno(), PAYLOAD, len(PAYLOAD), 0, where, len(where)))

        def connect():
            connect_to(sock, address, ECHO)
            os.write(sock.fileno(), PAYLOAD)

        held = threading.Thread(
            target=lambda: ended.append(outcome(send if by == "sendto" else connect))
        )
        held.start()
        sys.stdin.readline()
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_ADDRFORM, socket.AF_INET)
        family = sock.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN)
        print('{"flipped": %d}' % family, flush=True)
        held.join()
    return {"ended": ended[0]}
