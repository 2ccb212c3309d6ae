"""The wire between the machine and its peer: which packets have left."""

import ipaddress
import socket
from typing import NamedTuple

DEVICE = "lab0"
ETH_P_ALL = 3
IPV4, IPV6 = 0x0800, 0x86DD
TCP, UDP = 6, 17


class Packet(NamedTuple):
    """A packet that has left."""

    protocol: int
    address: str
    port: int


class Wire:
    """Sees all packets that leave, from now on."""

    def __enter__(self):
        self._socket = socket.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK, socket.htons(ETH_P_ALL)
        )
        self._socket.bind((DEVICE, ETH_P_ALL))
        return self

    def __exit__(self, *_):
        self._socket.close()

    def sent(self, protocol, address, port):
        """How many such packets have left since this was last asked."""
        return self._packets().count(Packet(protocol, address, port))

    def _packets(self):
        packets = []
        while True:
            try:
                data, (_, ethertype, kind, *_) = self._socket.recvfrom(65536)
            except BlockingIOError:
                return packets
            packet = _parse(data, ethertype)
            if packet and kind == socket.PACKET_OUTGOING:
                packets.append(packet)


def _parse(data, ethertype):
    """The packet, if it is one of TCP or UDP."""
    if ethertype == IPV4:
        protocol, address, rest = data[9], data[16:20], data[(data[0] & 15) * 4 :]
    elif ethertype == IPV6:
        protocol, address, rest = data[6], data[24:40], data[40:]
    else:
        return None
    if protocol not in (TCP, UDP):
        return None
    port = int.from_bytes(rest[2:4])
    return Packet(protocol, str(ipaddress.ip_address(address)), port)
