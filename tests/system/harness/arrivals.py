"""What arrives at the peer: every packet, by whatever protocol, whoever listens there."""

import contextlib
import ipaddress
import os
import secrets
import socket
from typing import NamedTuple

from harness.wait import until

NAMESPACE = "/run/netns/peer"
ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
IPV4, IPV6 = 0x0800, 0x86DD
TCP, UDP, ICMP, ICMPV6, SCTP, UDPLITE = 6, 17, 1, 58, 132, 136
DCCP = 33
SYN, ACK = 2, 16
PATIENCE = 10  # seconds
# Extension headers of IPv6 that have their own length: hop-by-hop, routing, destination options.
EXTENSIONS = (0, 43, 60)
# ICMPv6 by which neighbours and routers find each other, and groups are joined.
NEIGHBOURHOOD = (*range(130, 138), 143)
# What the kernel says by itself: that nobody is there for an answer any more.
UNREACHABLE, UNREACHABLE6 = 3, 1
# Where servers of the peer take datagrams and echo them.
ECHO = (("203.0.113.10", 7777), ("2001:db8:113::10", 7777))


class Packet(NamedTuple):
    """A packet that has arrived; without ports, `port` is 0.

    One of TCP that does not open a connection is no `beginning`.
    """

    protocol: int
    address: str
    port: int
    payload: bytes
    beginning: bool

    def __repr__(self):
        return f"{self.protocol} to {self.address} port {self.port}: {self.payload[:16]}"


@contextlib.contextmanager
def at_the_peer():
    """Sockets that are made within are the peer's."""
    here = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(NAMESPACE, os.O_RDONLY)
    try:
        os.setns(there, os.CLONE_NEWNET)
        yield
    finally:
        os.setns(here, os.CLONE_NEWNET)
        os.close(here)
        os.close(there)


class Arrivals:
    """Sees everything that arrives at the peer, from now on."""

    def __enter__(self):
        with at_the_peer():
            self._socket = socket.socket(
                socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, socket.htons(ETH_P_ALL)
            )
        # Enough for all that arrives before it is looked at.
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        return self

    def __exit__(self, *_):
        self._socket.close()

    def take(self):
        """What has arrived since this was last asked.

        Complete: packets do not overtake each other, and two that are sent now have arrived.
        """
        token = secrets.token_bytes(16)
        with contextlib.ExitStack() as stack:
            for where in ECHO:
                family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
                sock = stack.enter_context(socket.socket(family, socket.SOCK_DGRAM))
                sock.settimeout(PATIENCE)
                sock.sendto(token, where)
                sock.recv(len(token))
        arrived = list(self._arrived())
        rest = [it for it in arrived if it.payload != token]
        assert len(arrived) - len(rest) == len(ECHO), "the echo is there, but not what was echoed"
        return rest

    def take_until(self, condition, what):
        """What arrives until a packet does for which `condition` holds."""
        taken = []

        def found():
            taken.extend(self.take())
            return any(map(condition, taken))

        until(found, what)
        return taken

    def _arrived(self):
        while True:
            try:
                data, (_, ethertype, kind, *_) = self._socket.recvfrom(65536)
            except BlockingIOError:
                return
            packet = None if kind == socket.PACKET_OUTGOING else _parse(data, ethertype)
            if packet:
                yield packet


def _parse(data, ethertype):
    """The packet, if it is one of IP and not about the neighbourhood."""
    if ethertype == IPV4:
        protocol, address, rest = data[9], data[16:20], data[(data[0] & 15) * 4 :]
    elif ethertype == IPV6:
        protocol, address, rest = data[6], data[24:40], data[40:]
        while protocol in EXTENSIONS:
            protocol, rest = rest[0], rest[(rest[1] + 1) * 8 :]
    else:
        return None
    if protocol == ICMPV6 and rest[0] in (*NEIGHBOURHOOD, UNREACHABLE6):
        return None
    if protocol == ICMP and rest[0] == UNREACHABLE:
        return None
    port, header, beginning = 0, 0, True
    if protocol in (TCP, UDP, UDPLITE, SCTP, DCCP):
        port = int.from_bytes(rest[2:4])
        header = 8
    if protocol == TCP:
        header = (rest[12] >> 4) * 4
        beginning = rest[13] & (SYN | ACK) == SYN
    where = str(ipaddress.ip_address(address))
    return Packet(protocol, where, port, bytes(rest[header:]), beginning)
