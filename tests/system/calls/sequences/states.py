"""What calls return in each state of a connection."""

import select
import socket
import struct

from calls.kernel import libc
from calls.sequences import (
    CLOSED,
    HTTP,
    IN_OUT,
    LOOPBACK,
    NOBODY,
    NOWHERE,
    NO_SIGNAL,
    PEER,
    tcp,
    udp,
)


def edges(script, epoll, what):
    script.note(what, [event for _, event in epoll.poll(0)])


def seq_blocking(script, family):
    with tcp(family) as sock:
        script.peer_name(sock)
        script.connect(sock, PEER[family], HTTP)
        script.connect(sock, PEER[family], HTTP, "again")
        script.connect(sock, PEER[family], CLOSED, "elsewhere")
        script.note("getpeername", sock.getpeername()[:2])
        script.note("getsockname", sock.getsockname()[0])
        script.attempt("listen", sock.listen)
        script.attempt("bind", sock.bind, (LOOPBACK[family], 0))
        script.attempt("send", sock.send, b"GET")
        script.note("recv", sock.recv(4))
        script.error(sock)


def seq_nonblocking(script, family):
    with tcp(family) as sock:
        sock.setblocking(False)
        script.connect(sock, PEER[family], HTTP)
        script.events(sock, select.POLLOUT)
        script.error(sock)
        # The first to ask is told that it is connected now.
        script.connect(sock, PEER[family], HTTP, "again")
        script.connect(sock, PEER[family], HTTP, "and again")
        script.attempt("recv", sock.recv, 4)
        script.attempt("shutdown", sock.shutdown, socket.SHUT_WR)
        script.call("send", libc.send, sock.fileno(), b"more", 4, NO_SIGNAL)
        script.events(sock, select.POLLRDHUP)
        script.note("recv", sock.recv(4))


def seq_in_progress(script, family):
    with tcp(family) as sock:
        sock.setblocking(False)
        script.connect(sock, NOBODY[family], HTTP)
        script.connect(sock, NOBODY[family], HTTP, "again")
        script.connect(sock, PEER[family], HTTP, "elsewhere")
        poll = select.poll()
        poll.register(sock, IN_OUT)
        script.note("poll", poll.poll(0))
        script.error(sock)
        script.call("send", libc.send, sock.fileno(), b"more", 4, NO_SIGNAL)
        script.attempt("recv", sock.recv, 4)
        script.peer_name(sock)
        script.connect(sock, PEER[family], 0, "dissolve", unspec=True)
        script.connect(sock, PEER[family], HTTP, "after that")
        script.events(sock, select.POLLOUT)


def seq_refused(script, family):
    for where in (PEER, LOOPBACK):
        with tcp(family) as sock:
            script.connect(sock, where[family], CLOSED)
            script.error(sock)
            script.events(sock)
            script.connect(sock, where[family], CLOSED, "again")
            script.connect(sock, PEER[family], HTTP, "elsewhere")


def seq_refused_nonblocking(script, family):
    for where in (PEER, LOOPBACK):
        with tcp(family) as sock:
            sock.setblocking(False)
            script.connect(sock, where[family], CLOSED)
            script.events(sock)
            script.connect(sock, where[family], CLOSED, "again")
            script.error(sock)
            script.events(sock)


def seq_no_route(script, family):
    for blocking in (True, False):
        for name, make in {"tcp": tcp, "udp": udp}.items():
            with make(family) as sock:
                sock.setblocking(blocking)
                script.connect(sock, NOWHERE[family], HTTP, f"connect {name}")
                script.error(sock)
                script.peer_name(sock)
                script.call("send", libc.send, sock.fileno(), b"more", 4, NO_SIGNAL)
                script.connect(sock, PEER[family], HTTP, "elsewhere")


def seq_dissolved(script, family):
    with tcp(family) as sock:
        script.connect(sock, PEER[family], 0, "before", unspec=True)
        script.connect(sock, PEER[family], HTTP)
        script.connect(sock, PEER[family], 0, "dissolve", unspec=True)
        script.peer_name(sock)
        script.call("send", libc.send, sock.fileno(), b"more", 4, NO_SIGNAL)
        script.connect(sock, PEER[family], HTTP, "after that")
        script.attempt("send", sock.send, b"GET")


def seq_shutdown(script, family):
    for how in (socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR):
        with tcp(family) as sock:
            script.attempt("shutdown unconnected", sock.shutdown, how)
            script.connect(sock, PEER[family], HTTP)
            script.attempt(f"shutdown {how}", sock.shutdown, how)
            script.call("send", libc.send, sock.fileno(), b"more", 4, NO_SIGNAL)
            script.connect(sock, PEER[family], HTTP, "again")


def seq_linger(script, family):
    with tcp(family) as server, tcp(family) as client:
        server.bind((LOOPBACK[family], 0))
        server.listen()
        script.connect(client, LOOPBACK[family], server.getsockname()[1])
        accepted, _ = server.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("=ii", 1, 0))
        accepted.close()
        script.events(client)
        script.attempt("recv", client.recv, 4)
        script.call("send", libc.send, client.fileno(), b"more", 4, NO_SIGNAL)


def seq_epoll(script, family):
    with tcp(family) as sock, select.epoll() as epoll:
        sock.setblocking(False)
        epoll.register(sock, select.EPOLLIN | select.EPOLLOUT | select.EPOLLRDHUP | select.EPOLLET)
        edges(script, epoll, "new")
        edges(script, epoll, "still new")
        script.connect(sock, PEER[family], HTTP)
        script.events(sock, select.POLLOUT)
        edges(script, epoll, "connected")
        edges(script, epoll, "still connected")
        script.attempt("send", sock.send, b"GET")
        script.events(sock, select.POLLRDHUP)
        script.note("last edge", epoll.poll(0)[-1][1] & select.EPOLLRDHUP)


def seq_accept_queue(script, family):
    with tcp(family) as server, tcp(family) as first, tcp(family) as second:
        server.bind((LOOPBACK[family], 0))
        script.attempt("accept before listen", server.accept)
        server.listen(1)
        server.setblocking(False)
        script.attempt("accept", server.accept)
        script.note("SO_ACCEPTCONN", server.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
        port = server.getsockname()[1]
        script.connect(first, LOOPBACK[family], port)
        script.connect(second, LOOPBACK[family], port, "second")
        script.events(server, select.POLLIN)
        for sock in (first, second):
            accepted, name = server.accept()
            script.note("accepted is the peer", name == sock.getsockname())
            script.note("blocking", accepted.getblocking())
            accepted.close()
        script.attempt("accept the third", server.accept)
        script.connect(server, LOOPBACK[family], port, "connect the server")
        script.attempt("send by the server", server.send, b"x")
        script.attempt("shutdown", server.shutdown, socket.SHUT_RDWR)
        script.attempt("accept after", server.accept)
        with tcp(family) as third:
            script.connect(third, LOOPBACK[family], port, "third")
