"""What the calls are made with: libc, its results, and addresses in the kernel's form."""

import ctypes
import errno
import os
import socket
import struct
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)
handled = []  # When signals were handled, on the clock of time.monotonic().
noted = threading.Event()  # That one was.


def endpoint(address, port, unspec=False):
    """A socket address in the kernel's form; with `unspec`, one of family AF_UNSPEC."""
    if ":" in address:
        family, rest = socket.AF_INET6, bytes(4) + socket.inet_pton(socket.AF_INET6, address)
        rest += bytes(4)
    else:
        family, rest = socket.AF_INET, socket.inet_pton(socket.AF_INET, address) + bytes(8)
    return struct.pack("=H", 0 if unspec else family) + struct.pack("!H", port) + rest


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def timed(function, *arguments):
    """Calls a function of libc; says what it returned, with which errno, from when to when."""
    begin = time.monotonic()
    value = function(*arguments)
    end = time.monotonic()
    failure = errno.errorcode[ctypes.get_errno()] if value < 0 else None
    if failure == "EINTR":
        # The thread that notes it may be late.
        noted.wait(5)
    return {
        "value": value,
        "errno": failure,
        "begin": begin,
        "end": end,
        "seconds": end - begin,
        "handled": list(handled),
    }


def check(value):
    """What a function of libc returned; its errno as an OSError."""
    if value < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return value


def check_negative(value):
    """The same of what returns its errno negated, as the kernel itself does."""
    if value < 0:
        raise OSError(-value, os.strerror(-value))
    return value


def syscall(number, *arguments):
    """A system call that Python has no function for."""
    words = [ctypes.c_long(it) if isinstance(it, int) else it for it in arguments]
    return check(libc.syscall(ctypes.c_long(number), *words))


def connect(sock, address, port, unspec=False):
    """connect() with an address of any family."""
    where = endpoint(address, port, unspec)
    check(libc.connect(sock.fileno(), where, len(where)))


def outcome(call, *arguments):
    """The name of the errno that a call fails with, or None."""
    try:
        call(*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno, error.errno)
    return None
