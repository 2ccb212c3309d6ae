"""A debugger that starts a program and leaves something behind.

    debugger.py WHAT PROGRAM

WHAT is one of
  tracing  stays with the program
  memory   gives it memory with rights to write and to run code, and goes
  code     writes to its code, and goes
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

TRACEME, GETREGS, SETREGS, CONT, SINGLESTEP, DETACH, SETOPTIONS = 0, 12, 13, 7, 9, 17, 0x4200
EXITKILL = 0x100000
PR_SET_PDEATHSIG = 1
MMAP, READ_WRITE_RUN, PRIVATE_ANONYMOUS = 9, 7, 0x22
SYSCALL = b"\x0f\x05"

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long] * 4
libc.ptrace.restype = ctypes.c_long


class Registers(ctypes.Structure):
    """`struct user_regs_struct` of x86-64."""

    _fields_ = [
        (name, ctypes.c_ulonglong)
        for name in (
            "r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags "
            "rsp ss fs_base gs_base ds es fs gs"
        ).split()
    ]


def ptrace(request, data=0):
    result = libc.ptrace(request, pid, 0, data)
    assert result >= 0, (request, os.strerror(ctypes.get_errno()))


def stopped():
    _, status = os.waitpid(pid, 0)
    assert os.WIFSTOPPED(status), status
    return os.WSTOPSIG(status)


def loader_code():
    """Start and end of the code that the program begins with: the loader's."""
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        words = line.split()
        if "x" in words[1] and "/ld-linux" in words[-1]:
            return (int(number, 16) for number in words[0].split("-"))
    raise AssertionError("the program has no loader")


def give_memory():
    """Has the program call mmap()."""
    start, end = loader_code()
    with open(f"/proc/{pid}/mem", "rb") as memory:
        memory.seek(start)
        at = start + memory.read(end - start).index(SYSCALL)
    before, registers = Registers(), Registers()
    ptrace(GETREGS, ctypes.addressof(before))
    ptrace(GETREGS, ctypes.addressof(registers))
    registers.rip, registers.rax, registers.orig_rax = at, MMAP, 2**64 - 1
    registers.rdi, registers.rsi, registers.rdx = 0, 4096, READ_WRITE_RUN
    registers.r10, registers.r8, registers.r9 = PRIVATE_ANONYMOUS, 2**64 - 1, 0
    ptrace(SETREGS, ctypes.addressof(registers))
    ptrace(SINGLESTEP)
    stopped()
    ptrace(GETREGS, ctypes.addressof(registers))
    assert registers.rax < 2**63, "the program has got no memory"
    ptrace(SETREGS, ctypes.addressof(before))


def write_code():
    """Writes to the program's code what is there already."""
    start, _ = loader_code()
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        memory.seek(start)
        byte = memory.read(1)
        memory.seek(start)
        memory.write(byte)


what, program = sys.argv[1:]
pid = os.fork()
if pid == 0:
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    libc.ptrace(TRACEME, 0, 0, 0)
    os.execv(program, [program])
# A traced program stops when it has become another.
assert stopped() == signal.SIGTRAP
if what == "tracing":
    ptrace(SETOPTIONS, EXITKILL)
    ptrace(CONT)
    while True:
        ptrace(CONT, stopped())
{"memory": give_memory, "code": write_code}[what]()
ptrace(DETACH)
os.waitpid(pid, 0)
