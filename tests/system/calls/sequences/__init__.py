"""Short sequences of socket calls, and what each call of them returns.

Made once with the firewall and once without, the lines must be the same: see test_same_results.py.
"""

import ctypes
import errno
import importlib
import select
import socket

from calls.kernel import endpoint, libc

PEER = {socket.AF_INET: "203.0.113.10", socket.AF_INET6: "2001:db8:113::10"}
LOOPBACK = {socket.AF_INET: "127.0.0.1", socket.AF_INET6: "::1"}
# What is sent there is lost (see net-up of the lab machine).
NOBODY = {socket.AF_INET: "203.0.113.99", socket.AF_INET6: "2001:db8:113::99"}
# Where no route leads.
NOWHERE = {socket.AF_INET: "198.51.100.1", socket.AF_INET6: "2001:db8:ffff::1"}
FAMILIES = {"IPv4": socket.AF_INET, "IPv6": socket.AF_INET6}
HTTP, ECHO, CLOSED = 80, 7777, 81
NO_SIGNAL = socket.MSG_NOSIGNAL
IN_OUT = select.POLLIN | select.POLLOUT | select.POLLRDHUP
PATIENCE = 10  # seconds


class Script:
    """Collects the lines of one sequence."""

    def __init__(self, name):
        self.name = name
        self.lines = []

    def note(self, what, value):
        self.lines.append(f"{self.name}: {what} = {value}")

    def call(self, what, function, *arguments):
        """Makes a call of libc; its errno or what it returned."""
        value = function(*arguments)
        result = errno.errorcode[ctypes.get_errno()] if value < 0 else value
        self.note(what, result)
        return value

    def attempt(self, what, function, *arguments):
        """Calls a function of Python; its errno or `ok`."""
        try:
            function(*arguments)
        except OSError as error:
            # Python's own timeouts have no errno.
            self.note(what, errno.errorcode.get(error.errno, type(error).__name__))
        else:
            self.note(what, "ok")

    def connect(self, sock, address, port, what="connect", unspec=False):
        where = endpoint(address, port, unspec)
        return self.call(what, libc.connect, sock.fileno(), where, len(where))

    def error(self, sock):
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self.note("SO_ERROR", errno.errorcode.get(number, number))

    def events(self, sock, wait_for=IN_OUT, what="poll"):
        """What poll() says of `wait_for`, errors and the end, once some of it has happened."""
        poll = select.poll()
        poll.register(sock, wait_for)
        self.note(what, [event for _, event in poll.poll(PATIENCE * 1000)])

    def peer_name(self, sock):
        self.attempt("getpeername", sock.getpeername)


def tcp(family):
    return socket.socket(family, socket.SOCK_STREAM)


def udp(family):
    return socket.socket(family, socket.SOCK_DGRAM)


def run(group):
    """Runs the sequences of a module; their lines."""
    module = importlib.import_module(f"calls.sequences.{group}")
    lines = []
    for name, sequence in list(vars(module).items()):
        if name.startswith("seq_"):
            for suffix, family in FAMILIES.items():
                script = Script(f"{name.removeprefix('seq_')} by {suffix}")
                sequence(script, family)
                lines += script.lines
    return {"lines": lines}
