"""A sandbox of the program's own making."""

import ctypes
import importlib
import struct

from calls.kernel import check, libc

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
MODE_FILTER = 2
KILL_PROCESS, ALLOW = 0x80000000, 0x7FFF0000
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ, BPF_RET
# What a program that only talks has no need of: any of it ends the program.
FORBIDDEN = {
    "open": 2, "stat": 4, "fork": 57, "vfork": 58, "execve": 59, "kill": 62, "ptrace": 101,
    "getxattr": 191, "lgetxattr": 192, "fgetxattr": 193, "openat": 257, "newfstatat": 262,
    "statx": 332, "openat2": 437,
}  # fmt: skip


def enter(modules):
    """Forbids itself everything about files and other processes, once it has loaded modules."""
    for module in modules:
        importlib.import_module(f"calls.{module}")
    code = [(LOAD, 0, 0, 0)]  # The number of the system call.
    numbers = list(FORBIDDEN.values())
    code += [(EQUAL, len(numbers) - at, 0, number) for at, number in enumerate(numbers)]
    code += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, KILL_PROCESS)]
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *it) for it in code))
    described = struct.pack("=H6xQ", len(code), ctypes.addressof(program))
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    check(libc.prctl(PR_SET_SECCOMP, MODE_FILTER, described, 0, 0))
