"""Calls that wait: what ends them, beside time and signals."""

import select
import socket
import threading

from calls.sequences import HTTP, LOOPBACK, NOBODY, PEER, tcp

SHORT = 0.3  # seconds


def ended_by(script, what, wait, end):
    """What a call returns that waits in one thread, when another one ends the waiting."""
    waiting = threading.Thread(target=lambda: script.attempt(what, wait))
    waiting.start()
    # What is waited for has no mark that could be seen; that it has not ended shows enough.
    waiting.join(SHORT)
    script.note("waiting", waiting.is_alive())
    end()
    waiting.join()


def seq_shutdown_of_a_server(script, family):
    with tcp(family) as server:
        server.bind((LOOPBACK[family], 0))
        server.listen()
        ended_by(script, "accept", server.accept, lambda: server.shutdown(socket.SHUT_RDWR))


def seq_shutdown_of_a_connection(script, family):
    with tcp(family) as sock:
        script.connect(sock, PEER[family], HTTP)
        ended_by(script, "recv", lambda: sock.recv(4), lambda: sock.shutdown(socket.SHUT_RDWR))


def seq_shutdown_while_connecting(script, family):
    def connect():
        sock.connect((NOBODY[family], HTTP))

    with tcp(family) as sock:
        ended_by(script, "connect", connect, lambda: sock.shutdown(socket.SHUT_RDWR))
        script.error(sock)


def seq_two_connect_at_once(script, family):
    def connect():
        sock.connect((NOBODY[family], HTTP))

    def second():
        sock.setblocking(False)
        script.connect(sock, NOBODY[family], HTTP, "second")
        sock.shutdown(socket.SHUT_RDWR)

    with tcp(family) as sock:
        ended_by(script, "connect", connect, second)


def seq_full_queue(script, family):
    with tcp(family) as server:
        server.bind((LOOPBACK[family], 0))
        server.listen(0)
        port = server.getsockname()[1]
        socks = []
        for count in range(2):
            sock = tcp(family)
            sock.setblocking(False)
            script.connect(sock, LOOPBACK[family], port, f"connect {count}")
            socks.append(sock)
        server.setblocking(False)
        for count in range(2):
            script.attempt(f"accept {count}", lambda: server.accept()[0].close())
        for sock in socks:
            sock.close()


def seq_poll_sees_the_next_connection(script, family):
    with tcp(family) as server, tcp(family) as sock, select.epoll() as epoll:
        server.bind((LOOPBACK[family], 0))
        server.listen()
        epoll.register(server, select.EPOLLIN | select.EPOLLET)
        script.note("before", [event for _, event in epoll.poll(0)])
        script.connect(sock, LOOPBACK[family], server.getsockname()[1])
        script.note("after", [event for _, event in epoll.poll(10)])
        script.note("still", [event for _, event in epoll.poll(0)])
