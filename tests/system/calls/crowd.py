"""Very many calls at once, and very many one after another."""

import ctypes
import errno
import ipaddress
import json
import os
import resource
import socket
import threading
import time
from collections import Counter

from calls.kernel import endpoint, libc
from calls.steady import sleeps

STACK = 64 * 1024
PORT = 7777


def outcome(sock, where):
    """How connect() goes: a word."""
    failed = libc.connect(sock.fileno(), where, len(where)) < 0
    return errno.errorcode[ctypes.get_errno()] if failed else "success"


def hold(address, processes, threads):
    """connect() by UDP in so many threads of so many processes at once; how often which outcome."""
    readers = []
    for _ in range(processes):
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.write(writer, json.dumps(_hold(address, threads)).encode())
            os._exit(0)
        os.close(writer)
        readers.append(open(reader))
    outcomes = sum((Counter(json.load(it)) for it in readers), Counter())
    for _ in range(processes):
        os.wait()
    return {"outcomes": list(outcomes.items())}


def _hold(address, threads):
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    threading.stack_size(STACK)
    where, outcomes = endpoint(address, PORT), []

    def call():
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            outcomes.append(outcome(sock, where))

    started = [threading.Thread(target=call) for _ in range(threads)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    return Counter(outcomes)


def walk(address, count):
    """connect() by UDP to so many addresses, one after another, on one socket.

    How often each outcome was, how many calls had to wait, and how many seconds all of them took.
    """
    first, outcomes, waited = ipaddress.ip_address(address), Counter(), 0
    begun = time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for number in range(count):
            where, before = endpoint(str(first + number), PORT), sleeps()
            outcomes[outcome(sock, where)] += 1
            waited += sleeps() > before
    seconds = time.monotonic() - begun
    return {"outcomes": list(outcomes.items()), "waited": waited, "seconds": seconds}
