"""A name server of the tests' own, at the peer: says whatever it is told to."""

import contextlib
import ipaddress
import select
import socket
import struct
import threading
from pathlib import Path

from harness.arrivals import at_the_peer

RESOLV_CONF = Path("/etc/resolv.conf")
# Addresses of the peer's: of the computer's name server, and of somebody else's.
SERVER, SERVER6, STRANGER = "203.0.113.12", "2001:db8:113::11", "203.0.113.11"
PORT = 53
A, CNAME, AAAA, IN = 1, 5, 28, 1
ANSWER, TRUNCATED = 0x8180, 0x0200
TTL = 5


def name_bytes(name):
    """A name as it is on the wire."""
    labels = (label.encode() for label in name.split("."))
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(name, value):
    """An address of a name, or another name for it."""
    try:
        address = ipaddress.ip_address(value)
        kind, data = (AAAA if address.version == 6 else A), address.packed
    except ValueError:
        kind, data = CNAME, name_bytes(value)
    return name_bytes(name) + struct.pack("!HHIH", kind, IN, TTL, len(data)) + data


def question(name, kind=A, number=1):
    return struct.pack("!6H", number, 0x0100, 1, 0, 0, 0) + name_bytes(name) + struct.pack("!HH", kind, IN)


def _name_in(query):
    """The name and the type that a query asks for, and where the question ends."""
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels), struct.unpack("!H", query[at + 1 : at + 3])[0], at + 5


class NameServer:
    """Answers from `zone`: lists of records by the name that is asked for. Those about addresses of
    another family than was asked for are left out. Names in `long` are told by TCP alone.
    """

    def __init__(self, *addresses, port=PORT):
        self.zone, self.long, self.asked = {}, set(), []
        self._addresses, self._port = addresses or (SERVER, SERVER6), port
        self._open = []

    def __enter__(self):
        with at_the_peer():
            for address in self._addresses:
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    sock = socket.socket(family, kind)
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    sock.bind((address, self._port))
                    if kind == socket.SOCK_STREAM:
                        sock.listen()
                    self._open.append(sock)
        self._stopping, self._stop = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.close()
        self._thread.join()
        for sock in (*self._open, self._stopping):
            sock.close()

    def says(self, name, *values):
        """The name has these addresses, or leads to others; records of other names are pairs."""
        self.zone[name] = [it if isinstance(it, tuple) else (name, it) for it in values]

    def _serve(self):
        while True:
            ready = select.select([*self._open, self._stopping], [], [])[0]
            if self._stopping in ready:
                return
            for sock in ready:
                with contextlib.suppress(OSError):
                    self._answer_on(sock)

    def _answer_on(self, sock):
        if sock.type == socket.SOCK_DGRAM:
            query, asker = sock.recvfrom(4096)
            sock.sendto(self.answer(query, by_tcp=False), asker)
            return
        connection = sock.accept()[0]
        with connection:
            connection.settimeout(5)
            stream = connection.makefile("rb")
            while length := stream.read(2):
                answer = self.answer(stream.read(int.from_bytes(length)), by_tcp=True)
                connection.sendall(len(answer).to_bytes(2) + answer)

    def answer(self, query, by_tcp):
        name, kind, end = _name_in(query)
        self.asked.append((name, kind, by_tcp))
        cut = name in self.long and not by_tcp
        records = [] if cut else [record(*it) for it in self.zone.get(name, [])]
        other = {A: AAAA, AAAA: A}.get(kind)
        records = [it for it in records if _kind(it) != other]
        flags = ANSWER | (TRUNCATED if cut else 0) | (0 if name in self.zone else 3)
        header = query[:2] + struct.pack("!5H", flags, 1, len(records), 0, 0)
        return header + query[12:end] + b"".join(records)


def _kind(bytes_):
    return struct.unpack("!H", bytes_[bytes_.index(b"\0") + 1 :][:2])[0]


@contextlib.contextmanager
def asked_by_all(*servers):
    """The computer's name servers are these, for a time."""
    before = RESOLV_CONF.read_bytes() if RESOLV_CONF.exists() else None
    lines = [f"nameserver {server}\n" for server in servers or (SERVER,)]
    RESOLV_CONF.write_text("".join([*lines, "options timeout:5 attempts:1\n"]))
    try:
        yield
    finally:
        if before is None:
            RESOLV_CONF.unlink()
        else:
            RESOLV_CONF.write_bytes(before)
