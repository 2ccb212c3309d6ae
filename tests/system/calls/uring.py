"""io_uring by its system calls (include/uapi/linux/io_uring.h), one request at a time.

Each call takes a `mode`: `inline`, as the submitting thread itself; `worker`, by a thread that the
kernel makes for the program; `poller`, by the kernel's thread that polls the queue (SQPOLL).
"""

import ctypes
import mmap
import os
import socket
import struct

from calls.datagrams import ECHO, PAYLOAD, message
from calls.kernel import check_negative, endpoint, family_of, syscall

SETUP, ENTER = 425, 426
SENDMSG, ACCEPT, CONNECT, SEND, SOCKET, SEND_ZC, SENDMSG_ZC, BIND, LISTEN = (
    9, 13, 16, 26, 45, 47, 48, 56, 57
)  # fmt: skip
SETUP_SQPOLL = 1 << 1
ENTER_GETEVENTS, ENTER_SQ_WAKEUP = 1, 2
SQE_ASYNC = 1 << 4
CQE_MORE = 1 << 1
OFF_SQES = 0x10000000
ENTRIES = 8
IDLE = 50  # milliseconds before the kernel's thread sleeps
# struct io_uring_params: its own fields, then the offsets within the rings.
PARAMS = struct.Struct("=7I3I 8IQ 8IQ")


def pointer(data):
    """The address of bytes, which the caller keeps."""
    return ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value


class Ring:
    """A pair of queues."""

    def __init__(self, mode="inline"):
        self._flags = SQE_ASYNC if mode == "worker" else 0
        self._polled = mode == "poller"
        self.interruptions = 0
        setup = SETUP_SQPOLL if self._polled else 0
        params = ctypes.create_string_buffer(PARAMS.size)
        PARAMS.pack_into(params, 0, 0, 0, setup, 0, IDLE, *[0] * 23)
        self.fd = syscall(SETUP, ENTRIES, params)
        fields = PARAMS.unpack(params.raw)
        _, self._sq_tail, self._sq_mask, _, _, _, self._sq_array = fields[10:17]
        self._cq_head, self._cq_tail, self._cq_mask, _, _, self._cqes = fields[19:25]
        # One mapping for both queues (IORING_FEAT_SINGLE_MMAP).
        size = max(self._sq_array + ENTRIES * 4, self._cqes + 2 * ENTRIES * 16)
        self._rings = mmap.mmap(self.fd, size, mmap.MAP_SHARED | mmap.MAP_POPULATE)
        # The kernel's thread reads a word while it is written: struct.pack_into() makes it 0 first, and whoever
        # reads that as the queue's end takes what was in the queue before for new.
        self._words = memoryview(self._rings).cast("I")
        self._sqes = mmap.mmap(self.fd, ENTRIES * 64, mmap.MAP_SHARED, offset=OFF_SQES)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._words.release()
        self._rings.close()
        self._sqes.close()
        os.close(self.fd)

    def _word(self, offset):
        return self._words[offset // 4]

    def _set_word(self, offset, value):
        self._words[offset // 4] = value & 0xFFFFFFFF

    def submit(self, *arguments, **options):
        """Has one request made until it ends with something else than EINTR; what it returned.

        What the kernel has to do for the program ends a wait at the gate, as a signal does.
        """
        while True:
            try:
                return self.submit_once(*arguments, **options)
            except InterruptedError:
                self.interruptions += 1

    def submit_once(self, opcode, fd, address=0, length=0, offset=0, flags=0, address_length=0):
        """Has one request made and waits for its end; what it returned."""
        tail = self._word(self._sq_tail)
        index = tail & self._word(self._sq_mask)
        sqe = struct.pack(
            "=BBHiQQIIQHHHHQQ",
            opcode, self._flags, 0, fd, offset, address, length, flags, 1, 0, 0, address_length,
            0, 0, 0,
        )  # fmt: skip
        self._sqes[index * 64 : index * 64 + 64] = sqe
        self._set_word(self._sq_array + index * 4, index)
        self._set_word(self._sq_tail, tail + 1)
        flags = ENTER_GETEVENTS | (ENTER_SQ_WAKEUP if self._polled else 0)
        syscall(ENTER, self.fd, 1, 1, flags, 0, 0)
        result, more = self._completion()
        while more:  # A zero-copy send says once more that its memory is free.
            syscall(ENTER, self.fd, 0, 1, ENTER_GETEVENTS, 0, 0)
            _, more = self._completion()
        return check_negative(result)

    def _completion(self):
        head = self._word(self._cq_head)
        assert head != self._word(self._cq_tail), "no completion"
        at = self._cqes + (head & self._word(self._cq_mask)) * 16
        _, result, flags = struct.unpack_from("=QiI", self._rings, at)
        self._set_word(self._cq_head, head + 1)
        return result, flags & CQE_MORE

    def socket(self, family, kind, protocol=0):
        return socket.socket(fileno=self.submit(SOCKET, family, length=protocol, offset=kind))

    def connect(self, sock, address, port):
        where = endpoint(address, port)
        self.submit(CONNECT, sock.fileno(), pointer(where), offset=len(where))


def connect(address, mode="inline", port=80):
    """SOCKET and CONNECT by TCP, then SEND."""
    with Ring(mode) as ring, ring.socket(family_of(address), socket.SOCK_STREAM) as sock:
        ring.connect(sock, address, port)
        ring.submit(SEND, sock.fileno(), pointer(PAYLOAD), len(PAYLOAD))


def connect_once(address, mode="inline", port=80):
    """SOCKET and CONNECT by TCP, not again after an interruption."""
    with Ring(mode) as ring, ring.socket(family_of(address), socket.SOCK_STREAM) as sock:
        where = endpoint(address, port)
        ring.submit_once(CONNECT, sock.fileno(), pointer(where), offset=len(where))


def datagram(address, mode="inline", port=ECHO):
    """SOCKET and CONNECT by UDP, then SEND."""
    with Ring(mode) as ring, ring.socket(family_of(address), socket.SOCK_DGRAM) as sock:
        ring.connect(sock, address, port)
        ring.submit(SEND, sock.fileno(), pointer(PAYLOAD), len(PAYLOAD))


def send(address, mode="inline", port=ECHO, zero_copy=False):
    """SEND to an address."""
    opcode = SEND_ZC if zero_copy else SEND
    with Ring(mode) as ring, ring.socket(family_of(address), socket.SOCK_DGRAM) as sock:
        where = endpoint(address, port)
        words = {"offset": pointer(where), "address_length": len(where)}
        ring.submit(opcode, sock.fileno(), pointer(PAYLOAD), len(PAYLOAD), **words)


def sendmsg(address, mode="inline", port=ECHO, zero_copy=False):
    """SENDMSG to an address."""
    opcode = SENDMSG_ZC if zero_copy else SENDMSG
    with Ring(mode) as ring, ring.socket(family_of(address), socket.SOCK_DGRAM) as sock:
        what = message(address, port)
        ring.submit(opcode, sock.fileno(), ctypes.addressof(what), 1)


def fastopen(address, mode="inline", port=80):
    """SENDMSG that connects too."""
    with Ring(mode) as ring, ring.socket(family_of(address), socket.SOCK_STREAM) as sock:
        what = message(address, port)
        flags = socket.MSG_FASTOPEN
        try:
            ring.submit(SENDMSG, sock.fileno(), ctypes.addressof(what), 1, flags=flags)
        except BlockingIOError:
            pass  # It goes on by itself: io_uring does not wait within a send.
