"""Looking names up, honestly and otherwise."""

import socket
import struct

from calls.kernel import family_of

PATIENCE = 10  # seconds


def look_up(name, family=None):
    """getaddrinfo() of the C library."""
    families = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}
    try:
        # Bytes, or Python would look at the name first.
        found = socket.getaddrinfo(
            name.encode(), 80, families[family], socket.SOCK_STREAM, socket.IPPROTO_TCP
        )
    except OSError as error:
        return {"addresses": [], "error": str(error)}
    return {"addresses": [it[4][0] for it in found]}


def ask(query, server, port=53):
    """Sends a query, in hexadecimal digits, to a server of the program's choice."""
    with socket.socket(family_of(server), socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.sendto(bytes.fromhex(query), (server, port))
        return {"answer": sock.recv(4096).hex()}


def peek(query, server):
    """Asks a server, and looks at the answer again and again, for ever."""
    with socket.socket(family_of(server), socket.SOCK_DGRAM) as sock:
        sock.settimeout(PATIENCE)
        sock.sendto(bytes.fromhex(query), (server, 53))
        while True:
            sock.recv(4096, socket.MSG_PEEK)


def serve(address, port):
    """Whether the program may be a server there."""
    with socket.socket(family_of(address), socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((address, port))
        except OSError as error:
            return {"error": error.strerror}
        return {"error": None}


def answer_oneself(answer, address, port=53):
    """Sends itself an answer, in hexadecimal digits, from this address of the computer's."""
    with (
        socket.socket(family_of(address), socket.SOCK_DGRAM) as server,
        socket.socket(family_of(address), socket.SOCK_DGRAM) as client,
    ):
        server.bind((address, port))
        client.settimeout(PATIENCE)
        client.connect((address, port))
        client.send(b"?")
        server.sendto(bytes.fromhex(answer), server.recvfrom(16)[1])
        return {"answer": client.recv(4096).hex()}


def look_up_in_child(name):
    """The same as `look_up`, in a process that is forked for it."""
    import os

    if os.fork() == 0:
        look_up(name)
        os._exit(0)
    return {"status": os.wait()[1]}


def number_of(answer):
    """The number of an answer."""
    return struct.unpack("!H", bytes.fromhex(answer)[:2])[0]
