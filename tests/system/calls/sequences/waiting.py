"""Calls that wait: for how long, and what signals do to them."""

import signal
import socket
import struct
import threading
import time

from calls.kernel import libc
from calls.sequences import CLOSED, HTTP, LOOPBACK, NOBODY, PEER, tcp, udp

SHORT, SOON = 0.3, 2.0  # seconds
handled = []


def spell(script, what, begin, most):
    """Whether it took no longer than it should: the time itself is never the same.

    It may have taken less, since an emulated machine makes up for lost time at once.
    """
    seconds = time.monotonic() - begin
    script.note(what, "in time" if seconds < most else f"{seconds:.2f} s")


def timeout(sock, seconds):
    value = struct.pack("=qq", int(seconds), int(seconds % 1 * 1e6))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, value)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, value)


def alarm(restart, seconds=SHORT):
    """Has a signal handled after a while; with `restart`, by SA_RESTART."""
    handled.clear()
    signal.signal(signal.SIGALRM, lambda *_: handled.append(1))
    signal.siginterrupt(signal.SIGALRM, not restart)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def end_after(seconds):
    """Has another signal handled after a while, never with SA_RESTART."""
    signal.signal(signal.SIGUSR1, lambda *_: None)
    signal.siginterrupt(signal.SIGUSR1, True)
    to = (threading.main_thread().ident, signal.SIGUSR1)
    threading.Timer(seconds, signal.pthread_kill, to).start()


def seq_timeout(script, family):
    with tcp(family) as sock:
        timeout(sock, SHORT)
        begin = time.monotonic()
        script.connect(sock, NOBODY[family], HTTP)
        spell(script, "after", begin, SOON)
        script.connect(sock, NOBODY[family], HTTP, "again")
        script.error(sock)
    with tcp(family) as sock:
        timeout(sock, 5)
        script.connect(sock, PEER[family], HTTP, "in time")
        script.connect(sock, PEER[family], CLOSED, "again")


def seq_signal_without_restart(script, family):
    with tcp(family) as sock:
        alarm(restart=False)
        begin = time.monotonic()
        script.connect(sock, NOBODY[family], HTTP)
        spell(script, "after", begin, SOON)
        script.note("handled", len(handled))
        sock.setblocking(False)
        script.connect(sock, NOBODY[family], HTTP, "again")
        script.error(sock)


def seq_signal_with_restart(script, family):
    with tcp(family) as sock:
        alarm(restart=True)
        end_after(2 * SHORT)
        begin = time.monotonic()
        script.connect(sock, NOBODY[family], HTTP)
        spell(script, "after", begin, SOON + 2)
        script.note("handled", len(handled))


def seq_signal_with_timeout(script, family):
    for restart in (False, True):
        with tcp(family) as sock:
            timeout(sock, 5)
            alarm(restart)
            begin = time.monotonic()
            script.connect(sock, NOBODY[family], HTTP)
            spell(script, "after", begin, SOON)
            script.note("handled", len(handled))


def seq_signal_before(script, family):
    for restart in (False, True):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGALRM])
        alarm(restart, 0.01)
        signal.sigtimedwait([signal.SIGUSR2], 0.1)
        # It is there, but not for this thread yet.
        with tcp(family) as sock:
            script.note("pending", signal.SIGALRM in signal.sigpending())
            script.connect(sock, PEER[family], HTTP)
            script.note("handled", len(handled))
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGALRM])
            script.note("handled", len(handled))


def seq_signal_in_accept(script, family):
    for restart in (False, True):
        with tcp(family) as server:
            server.bind((LOOPBACK[family], 0))
            server.listen()
            if restart:
                timeout(server, 2 * SHORT)
            alarm(restart)
            begin = time.monotonic()
            script.call("accept", libc.accept, server.fileno(), None, None)
            spell(script, "after", begin, SOON + 2)
            script.note("handled", len(handled))


def seq_signal_in_recv(script, family):
    with udp(family) as sock:
        alarm(restart=False)
        script.connect(sock, PEER[family], CLOSED)
        script.call("recv", libc.recv, sock.fileno(), bytes(16), 16, 0)
        script.note("handled", len(handled))


def seq_accept_timeout(script, family):
    with tcp(family) as server:
        server.bind((LOOPBACK[family], 0))
        server.listen()
        timeout(server, SHORT)
        begin = time.monotonic()
        script.call("accept", libc.accept, server.fileno(), None, None)
        spell(script, "after", begin, SOON)
