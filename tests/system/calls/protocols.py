"""Protocols beside TCP and UDP."""

import os
import select
import socket
import struct

from calls.kernel import check, connect as connect_to, endpoint, family_of, libc

ICMP, ICMPV6, SCTP, DCCP, L2TP, EXPERIMENTAL = 1, 58, 132, 33, 115, 253
SOL_SCTP = 132
SCTP_SOCKOPT_CONNECTX = 110
SCTP_DSTADDRV4, SCTP_DSTADDRV6 = 7, 8
SOCK_DCCP = 6
SOL_DCCP, DCCP_SOCKOPT_SERVICE = 269, 2
# Where nobody listens: the first packet is enough.
PORT = 9999
PAYLOAD = b"payload"
PATIENCE = 2  # seconds


def echo_request(address):
    return struct.pack("!BBHHH", 128 if ":" in address else 8, 0, 0, 0, 1) + PAYLOAD


def icmp(address):
    return ICMPV6 if ":" in address else ICMP


def ping(address, kind=socket.SOCK_DGRAM, connected=False):
    """An ICMP echo request by a ping socket, or by a raw one."""
    with socket.socket(family_of(address), kind, icmp(address)) as sock:
        if connected:
            sock.connect((address, 0))
            sock.send(echo_request(address))
        else:
            sock.sendto(echo_request(address), (address, 0))


def ip_header(address, length, protocol):
    """The header of an IPv4 packet; its checksum is left to whoever sends it."""
    return struct.pack(
        "!BBHHHBBH4s4s",
        0x45, 0, 20 + length, 0, 0, 64, protocol, 0,
        socket.inet_aton("203.0.113.1"), socket.inet_aton(address),
    )  # fmt: skip


def raw_header(address, header_address):
    """A raw IPv4 packet sent to one address whose header names another."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        header = ip_header(header_address, len(PAYLOAD), EXPERIMENTAL)
        sock.sendto(header + PAYLOAD, (address, 0))


def packet(address):
    """A UDP datagram that is sent as a packet, all of whose headers are the program's own."""
    eth_p_ip, everybody = 0x0800, b"\xff" * 6
    with socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(eth_p_ip)) as sock:
        size = 8 + len(PAYLOAD)
        header = ip_header(address, size, socket.IPPROTO_UDP)
        datagram = struct.pack("!4H", PORT, PORT, size, 0) + PAYLOAD
        sock.sendto(header + datagram, ("lab0", eth_p_ip, 0, 0, everybody))


def sctp(address, by="connect", extra=None):
    """Begins an association; `extra` is another address that it is to have.

    If there is one, waits for the association to fail.
    """
    kind = socket.SOCK_STREAM if by == "connect" else socket.SOCK_SEQPACKET
    with socket.socket(family_of(address), kind, SCTP) as sock:
        sock.setblocking(False)
        try:
            if by == "connect":
                sock.connect((address, PORT))
            elif by == "connectx":
                sock.setsockopt(SOL_SCTP, SCTP_SOCKOPT_CONNECTX, endpoint(address, PORT))
            else:
                control = []
                if extra:
                    control = [(SOL_SCTP, SCTP_DSTADDRV4, socket.inet_aton(extra))]
                sock.sendmsg([PAYLOAD], control, 0, (address, PORT))
        except BlockingIOError:
            pass  # It goes on by itself.
        if extra:
            select.select([sock], [], [], PATIENCE)


def dccp(address):
    with socket.socket(family_of(address), SOCK_DCCP, DCCP) as sock:
        sock.setsockopt(SOL_DCCP, DCCP_SOCKOPT_SERVICE, struct.pack("!I", 1))
        sock.setblocking(False)
        try:
            connect_to(sock, address, PORT)
        except BlockingIOError:
            pass


def l2tp(address, connected=False):
    """A packet of L2TP by IP, to `struct sockaddr_l2tpip` or its like for IPv6."""
    family = family_of(address)
    anywhere = "0.0.0.0" if family == socket.AF_INET else "::"

    def named(place, connection):
        packed = socket.inet_pton(family, place)
        if family == socket.AF_INET:
            return struct.pack("=HH4sI4x", family, 0, packed, connection)
        return struct.pack("=HHI16sII", family, 0, 0, packed, 0, connection)

    name = named(address, 1)
    with socket.socket(family, socket.SOCK_DGRAM, L2TP) as sock:
        if connected:
            here = named(anywhere, 2)
            check(libc.bind(sock.fileno(), here, len(here)))
            check(libc.connect(sock.fileno(), name, len(name)))
            os.write(sock.fileno(), PAYLOAD)
        else:
            check(libc.sendto(sock.fileno(), PAYLOAD, len(PAYLOAD), 0, name, len(name)))


def rds(address):
    """A message by AF_RDS, for which the kernel makes a TCP connection to the other computer."""
    af_rds = 21
    with socket.socket(af_rds, socket.SOCK_SEQPACKET) as sock:
        here, there = endpoint("203.0.113.1", PORT), endpoint(address, PORT)
        check(libc.bind(sock.fileno(), here, len(here)))
        check(libc.sendto(sock.fileno(), PAYLOAD, len(PAYLOAD), 0, there, len(there)))
