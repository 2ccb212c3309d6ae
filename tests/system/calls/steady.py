"""Calls that a thread makes again and again, at a steady rate, and how they have gone."""

import ctypes
import errno
import ipaddress
import resource
import socket
import threading
import time
from collections import Counter

from calls.kernel import endpoint, libc

# So many calls, then a pause: waking up costs more than they do.
TOGETHER = 5
# Seconds that it may be behind.
BACKLOG = 1.0
_steady = None


class Steady(threading.Thread):
    """connect() by UDP, each on a new socket; with `fresh`, each to the next address."""

    def __init__(self, address, port, per_second, fresh):
        super().__init__(daemon=True)
        self._address = ipaddress.ip_address(address)
        self._port, self._pause, self._fresh = port, TOGETHER / per_second, fresh
        self._over = threading.Event()
        self._outcomes, self._slept = Counter(), 0
        self._longest = self._longest_sleep = 0.0
        self._begun = time.monotonic()

    def run(self):
        due = time.monotonic()
        while not self._over.wait(max(0, due - time.monotonic())):
            # What could not be done in time is made up for, but not for ever.
            due = max(due, time.monotonic() - BACKLOG) + self._pause
            for _ in range(TOGETHER):
                self._call()

    def _call(self):
        where = endpoint(str(self._address), self._port)
        if self._fresh:
            self._address += 1
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            before, begun = sleeps(), time.monotonic()
            failed = libc.connect(sock.fileno(), where, len(where)) < 0
            number, took = ctypes.get_errno(), time.monotonic() - begun
            slept = sleeps() > before
        self._outcomes[errno.errorcode[number] if failed else "success"] += 1
        self._longest = max(self._longest, took)
        if slept:
            self._slept += 1
            self._longest_sleep = max(self._longest_sleep, took)

    def so_far(self):
        """How the calls have gone: their number by outcome, and times in seconds.

        `slept` counts those that have waited for something, as the kernel knows; others have at
        most waited for a processor.
        """
        return {
            "outcomes": list(self._outcomes.items()),
            "calls": self._outcomes.total(),
            "seconds": time.monotonic() - self._begun,
            "longest": self._longest,
            "slept": self._slept,
            "longest_sleep": self._longest_sleep,
        }

    def end(self):
        self._over.set()
        self.join()


def sleeps():
    """How often this thread has gone to sleep."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw


def begin(address, port=7777, per_second=500, fresh=False):
    """Begins to make calls."""
    global _steady
    _steady = Steady(address, port, per_second, fresh)
    _steady.start()


def so_far():
    return _steady.so_far()


def end():
    """Ends the calls; how they have gone."""
    _steady.end()
    return _steady.so_far()
