"""What sends return: by all kinds of sockets, to all kinds of places."""

import select
import socket

from calls.kernel import libc
from calls.sequences import (
    CLOSED,
    ECHO,
    HTTP,
    LOOPBACK,
    NO_SIGNAL,
    NOWHERE,
    PATIENCE,
    PEER,
    tcp,
    udp,
)


def seq_send_unconnected(script, family):
    where = (PEER[family], HTTP)
    with tcp(family) as sock:
        script.call("send", libc.send, sock.fileno(), b"more", 4, NO_SIGNAL)
        script.attempt("sendto", sock.sendto, b"more", NO_SIGNAL, where)
        script.connect(sock, *where)
        script.attempt("sendto connected", sock.sendto, b"GET", NO_SIGNAL, where)
        script.attempt("sendto elsewhere", sock.sendto, b"GET", NO_SIGNAL, (PEER[family], CLOSED))
    with udp(family) as sock:
        script.attempt("send by udp", sock.send, b"echo")
        script.attempt("sendto without a port", sock.sendto, b"echo", (PEER[family], 0))


def seq_fastopen(script, family):
    fast = socket.MSG_FASTOPEN
    for blocking in (True, False):
        with tcp(family) as sock:
            sock.setblocking(blocking)
            script.attempt("sendto", sock.sendto, b"GET", fast, (PEER[family], HTTP))
            script.events(sock, select.POLLOUT)
            script.attempt("again", sock.sendto, b"GET", fast, (PEER[family], HTTP))
            script.connect(sock, PEER[family], HTTP)
        with tcp(family) as sock:
            sock.setblocking(blocking)
            script.attempt("refused", sock.sendto, b"GET", fast, (PEER[family], CLOSED))
            script.events(sock)
            script.error(sock)
    with tcp(family) as sock:
        script.attempt("no address", sock.sendmsg, [b"GET"], [], fast)
        script.attempt("no route", sock.sendto, b"GET", fast, (NOWHERE[family], HTTP))


def seq_datagrams(script, family):
    with udp(family) as sock:
        script.peer_name(sock)
        script.connect(sock, PEER[family], ECHO)
        script.attempt("send", sock.send, b"echo")
        script.note("recv", sock.recv(16))
        script.attempt("sendto", sock.sendto, b"echo", (PEER[family], ECHO))
        script.note("recv", sock.recv(16))
        script.connect(sock, LOOPBACK[family], ECHO, "elsewhere")
        script.connect(sock, PEER[family], 0, "dissolve", unspec=True)
        script.peer_name(sock)
        script.attempt("send", sock.send, b"echo")
        script.attempt("shutdown", sock.shutdown, socket.SHUT_WR)


def seq_unreachable_port(script, family):
    with udp(family) as sock:
        sock.settimeout(PATIENCE)
        script.connect(sock, PEER[family], CLOSED)
        for call in ("recv", "send", "connect"):
            script.attempt("send", sock.send, b"echo")
            script.events(sock, 0, f"before {call}")
            if call == "recv":
                script.attempt("recv", sock.recv, 16)
            elif call == "send":
                script.attempt("send", sock.send, b"echo")
            else:
                script.connect(sock, PEER[family], ECHO)
            script.error(sock)
            script.error(sock)


def seq_error_queue(script, family):
    level, option = (0, 11) if family == socket.AF_INET else (41, 25)
    with udp(family) as sock:
        sock.setsockopt(level, option, 1)
        script.attempt("sendto", sock.sendto, b"echo", (PEER[family], CLOSED))
        script.events(sock, 0)
        data, control, flags, _ = sock.recvmsg(64, 256, socket.MSG_ERRQUEUE)
        # Its errno, origin, type and code.
        script.note("error", (data, flags, [it[2][:7] for it in control]))


def seq_broadcast(script, family):
    many = "203.0.113.255" if family == socket.AF_INET else "ff02::1%lab0"
    with udp(family) as sock:
        script.attempt("sendto", sock.sendto, b"echo", (many, ECHO))
        script.attempt("connect", sock.connect, (many, ECHO))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        script.attempt("sendto", sock.sendto, b"echo", (many, ECHO))
    with tcp(family) as sock:
        script.attempt("connect by tcp", sock.connect, (many, HTTP))


def seq_mixed_families(script, family):
    other = socket.AF_INET if family == socket.AF_INET6 else socket.AF_INET6
    addresses = (PEER[other], f"::ffff:{PEER[socket.AF_INET]}", "fe80::1", "0.0.0.0", "::")
    for only in (0, 1):
        for name, make in {"tcp": tcp, "udp": udp}.items():
            for address in addresses:
                with make(family) as sock:
                    if family == socket.AF_INET6:
                        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
                    port = ECHO if name == "udp" else HTTP
                    script.connect(sock, address, port, f"{name}, only {only}, {address}")
                    script.error(sock)
