"""System calls of 32-bit programs, made from a 64-bit one by `int 0x80`."""

import ctypes
import mmap
import os
import socket
import struct

from calls.datagrams import ECHO, PAYLOAD
from calls.kernel import check_negative, endpoint, family_of
from calls.processes import machine_code

MAP_32BIT = 0x40
# Of arch/x86/entry/syscalls/syscall_32.tbl, and of include/uapi/linux/net.h.
SOCKETCALL, SENDMMSG, CONNECT, SENDTO, SENDMSG = 102, 345, 362, 369, 370
SYS_CONNECT, SYS_SENDTO, SYS_SENDMSG = 3, 11, 16

# fn(number, five arguments)
INT_80 = bytes.fromhex(
    "53"  # push rbx
    "89f8"  # mov eax, edi
    "89f3"  # mov ebx, esi
    "4189ca"  # mov r10d, ecx
    "89d1"  # mov ecx, edx
    "4489d2"  # mov edx, r10d
    "4489c6"  # mov esi, r8d
    "4489cf"  # mov edi, r9d
    "55"  # push rbp
    "8b6c2418"  # mov ebp, [rsp + 24]
    "cd80"  # int 0x80
    "5d"  # pop rbp
    "5b"  # pop rbx
    "c3"  # ret
)


class Caller32:
    """Memory that 32-bit pointers reach, and a way into the kernel."""

    def __init__(self):
        number = ctypes.c_uint
        self._enter = machine_code(INT_80, ctypes.c_int, *[number] * 7, flags=MAP_32BIT)
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_32BIT
        self._memory = mmap.mmap(-1, mmap.PAGESIZE, flags)
        self._base = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._used = 0

    def put(self, data):
        """Copies data to where 32-bit pointers reach; its address."""
        at = self._used
        self._memory[at : at + len(data)] = data
        self._used += (len(data) + 15) // 16 * 16
        return self._base + at

    def call(self, number, *arguments):
        padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
        return check_negative(self._enter(number, *padded))

    def socketcall(self, number, *arguments):
        self.call(SOCKETCALL, number, self.put(struct.pack(f"={len(arguments)}I", *arguments)))


def connect(address, port=80, by="connect"):
    """connect(), by its own number or by socketcall(), then send()."""
    caller, where = Caller32(), endpoint(address, port)
    with socket.socket(family_of(address)) as sock:
        arguments = (sock.fileno(), caller.put(where), len(where))
        if by == "socketcall":
            caller.socketcall(SYS_CONNECT, *arguments)
        else:
            caller.call(CONNECT, *arguments)
        os.write(sock.fileno(), PAYLOAD)


def send(address, port=ECHO, by="sendto"):
    """sendto(), sendmsg() or sendmmsg(), by their own numbers or by socketcall()."""
    caller, where = Caller32(), endpoint(address, port)
    name, payload = caller.put(where), caller.put(PAYLOAD)
    with socket.socket(family_of(address), socket.SOCK_DGRAM) as sock:
        direct = (sock.fileno(), payload, len(PAYLOAD), 0, name, len(where))
        vector = caller.put(struct.pack("=2I", payload, len(PAYLOAD)))
        # struct compat_msghdr, and the count that makes it a struct compat_mmsghdr.
        what = caller.put(struct.pack("=8I", name, len(where), vector, 1, 0, 0, 0, 0))
        if by == "sendto":
            caller.call(SENDTO, *direct)
        elif by == "sendmsg":
            caller.call(SENDMSG, sock.fileno(), what, 0)
        elif by == "sendmmsg":
            caller.call(SENDMMSG, sock.fileno(), what, 1, 0)
        elif by == "socketcall sendto":
            caller.socketcall(SYS_SENDTO, *direct)
        else:
            caller.socketcall(SYS_SENDMSG, sock.fileno(), what, 0)
