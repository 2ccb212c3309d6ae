"""Ways to act inside a program: code that comes into it, and others that get hold of it."""

import ctypes
import mmap
import os

from calls.kernel import check, libc
from calls.processes import started

TRACEME, DETACH, SEIZE, INTERRUPT = 0, 17, 0x4206, 0x4207
PIDFD_GETFD = 438
PROT_READ, PROT_EXEC, MAP_PRIVATE = 1, 4, 2

libc.ptrace.argtypes = [ctypes.c_long] * 4
libc.ptrace.restype = ctypes.c_long
libc.mmap.argtypes = [ctypes.c_void_p, *[ctypes.c_long] * 5]
libc.mmap.restype = ctypes.c_long
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_long, ctypes.c_int]


def map_code(path, later=False):
    """Maps a file's code; with `later`, first as data."""
    rights = PROT_READ | PROT_EXEC
    with open(path, "rb") as file:
        first = PROT_READ if later else rights
        at = check(libc.mmap(None, mmap.PAGESIZE, first, MAP_PRIVATE, file.fileno(), 0))
    if later:
        check(libc.mprotect(at, mmap.PAGESIZE, rights))


def get_hold_of(pid, way, descriptor=0):
    """Gets hold of a process, and lets go of it at once."""
    WAYS[way](pid, descriptor)


def _by_tracing(pid, _):
    check(libc.ptrace(SEIZE, pid, 0, 0))
    check(libc.ptrace(INTERRUPT, pid, 0, 0))
    os.waitpid(pid, 0)
    check(libc.ptrace(DETACH, pid, 0, 0))


def _by_memory(pid, _):
    os.close(os.open(f"/proc/{pid}/mem", os.O_RDWR))


def _by_descriptor(pid, descriptor):
    process = os.pidfd_open(pid)
    try:
        os.close(check(libc.syscall(PIDFD_GETFD, process, descriptor, 0)))
    finally:
        os.close(process)


WAYS = {"tracing": _by_tracing, "memory": _by_memory, "descriptor": _by_descriptor}


def spawn_traced(program, made, **options):
    """Has a program make a call that was under a debugger when it began; how that went."""

    def asks_to_be_traced():
        check(libc.ptrace(TRACEME, 0, 0, 0))

    def let_go(child):
        # It stops when it has become the program.
        os.waitpid(child, 0)
        check(libc.ptrace(DETACH, child, 0, 0))

    return started(program, made, options, asks_to_be_traced, let_go)
