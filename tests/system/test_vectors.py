"""Single calls and what each of them must end in, with the firewall against them and with leave.

The cases are our own. What they go through is what Linux's test of Landlock goes through
(tools/testing/selftests/landlock/net_test.c), as far as it means something here:

  protocol.bind, .connect            LENGTHS, SERVERS; that lengths are the same as without the
                                     firewall: test_same_results
  protocol.bind_unspec               SERVERS
  protocol.connect_unspec            CONNECTIONS
  ipv4.from_unix_to_inet             OTHERS
  ipv4_tcp.port_endianness           test_port_is_that_number_and_no_other
  port_specific.bind_connect_zero    CONNECTIONS, SERVERS
  port_specific.bind_connect_1023    SERVERS
  mini.tcp_port_overflow             CONNECTIONS; that no rule has such a port: the command line's tests
  variants by MPTCP, SCTP, SMC       LENGTHS, FAMILIES; test_bypass_streams, test_bypass_protocols
  a child has its parent's limits    CONNECTIONS; by exec: test_bypass_passed, test_bypass_programs
  tcp_layers                         which of several rules decides: the tests of `policy`
  mini (the rest), ipv4_tcp.with_fs  nothing: rule sets of Landlock's own, and files

What one is refused the kernel may have refused for another reason: who is denied is told so (EPERM)
whatever else is wrong, except where no address can be read (too short, bad pointer, unknown family).
"""

import socket

from harness import bus, firewall
from harness.callers import PROGRAM, Caller
from harness.confined import ADDRESS, ADDRESS6, BOTH, ELSEWHERE, ELSEWHERE6, MAPPED
from harness.machine import setting, with_module
from harness.vectors import (
    CHILD,
    DISSOLVE,
    LISTEN,
    ONLY6,
    SEND,
    Case,
    as_expected,
    bind,
    connect,
    lengths,
    sendto,
)

IN4, IN6, UNIX, NETLINK = socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK
UNSPEC, UNKNOWN = socket.AF_UNSPEC, 99
STREAM, DGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
TCP4, TCP6, UDP4, UDP6 = (IN4, STREAM), (IN6, STREAM), (IN4, DGRAM), (IN6, DGRAM)
MPTCP4, MPTCP6 = (IN4, STREAM, 262), (IN6, STREAM, 262)
SCTP4, SCTP6, SCTP6_MANY = (IN4, STREAM, 132), (IN6, STREAM, 132), (IN6, socket.SOCK_SEQPACKET, 132)
PING4 = (IN4, DGRAM, 1)
HTTP, ECHO, CLOSED, SERVER = 80, 7777, 81, 5353
ANY, ANY6, LOOPBACK, LOOPBACK6 = "0.0.0.0", "::", "127.0.0.1", "::1"
HERE = "203.0.113.1"
FASTOPEN = {"flags": socket.MSG_FASTOPEN}


LENGTHS = (
    *(it for on in (TCP4, UDP4, MPTCP4) for it in lengths(on, connect(ADDRESS), 16, 16, "EFAULT")),
    *(it for on in (TCP6, UDP6, MPTCP6) for it in lengths(on, connect(ADDRESS6), 24, 28, "EFAULT")),
)
FAMILIES = (
    # An IPv4 address on an IPv6 socket, and what is refused for it otherwise.
    Case(UDP6, (connect(ADDRESS, ECHO), SEND), "EPERM EDESTADDRREQ", "ok ok"),
    Case(UDP6, (sendto(ADDRESS),), "EPERM", "ok"),
    Case(UDP6, (sendto(ADDRESS, length=15),), "EINVAL"),
    Case(UDP6, (ONLY6, sendto(ADDRESS)), "ok EPERM", "ok ENETUNREACH"),
    Case(UDP6, (ONLY6, sendto(MAPPED)), "ok EPERM", "ok ENETUNREACH"),
    Case(TCP6, (connect(ADDRESS),), "EPERM", "EINVAL"),
    Case(TCP6, (connect(ADDRESS, length=28),), "EPERM", "EAFNOSUPPORT"),
    Case(TCP6, (connect(MAPPED), SEND), "EPERM EPIPE", "ok ok"),
    Case(TCP6, (sendto(ADDRESS, HTTP, **FASTOPEN),), "EPERM", "EINVAL"),
    Case(MPTCP6, (connect(MAPPED), SEND), "EPERM EPIPE", "ok ok"),
    Case(SCTP6, (connect(ADDRESS, CLOSED),), "EPERM", "ECONNREFUSED"),
    Case(SCTP6_MANY, (sendto(ADDRESS, CLOSED),), "EPERM", "ok"),
    # And the other way round, where the kernel takes none.
    Case(TCP4, (connect(ADDRESS6),), "EPERM", "EAFNOSUPPORT"),
    Case(TCP4, (connect(ADDRESS6, length=16),), "EAFNOSUPPORT"),
    Case(UDP4, (sendto(ADDRESS6),), "EPERM", "EAFNOSUPPORT"),
    Case(UDP4, (connect(MAPPED, ECHO),), "EPERM", "EAFNOSUPPORT"),
    *(Case(on, (connect(ADDRESS, family=UNKNOWN),), "EAFNOSUPPORT") for on in (TCP4, UDP4)),
    *(Case(on, (connect(ADDRESS6, family=UNIX),), "EAFNOSUPPORT") for on in (TCP6, UDP6)),
    Case(UDP4, (sendto(ADDRESS, family=UNIX),), "EAFNOSUPPORT"),
    Case(UDP6, (sendto(ADDRESS6, family=UNIX),), "EINVAL"),
    # AF_UNSPEC is AF_INET to who sends by IPv4.
    Case(UDP4, (sendto(ADDRESS, family=UNSPEC),), "EPERM", "ok"),
    Case(UDP4, (sendto(ADDRESS, family=UNSPEC, length=15),), "EINVAL"),
    Case(UDP6, (sendto(ADDRESS6, family=UNSPEC),), "EPERM"),
    Case(PING4, (sendto(ADDRESS, 0, family=UNSPEC),), "EPERM", "EAFNOSUPPORT"),
    *(
        Case(on, (sendto(ADDRESS, HTTP, family=UNSPEC, **FASTOPEN),), "EPERM", "ENOTSUP")
        for on in (TCP4, MPTCP4)
    ),
)
SENDS = (
    *lengths(UDP4, sendto(ADDRESS), 16, 16, "EDESTADDRREQ"),
    *lengths(UDP6, sendto(ADDRESS6), 24, 28, "EDESTADDRREQ"),
    *lengths(TCP4, sendto(ADDRESS, HTTP, **FASTOPEN), 16, 16, "EINVAL"),
    *lengths(TCP6, sendto(ADDRESS6, HTTP, **FASTOPEN), 24, 28, "EINVAL"),
    # TCP ignores an address unless it is to begin a connection.
    Case(TCP4, (sendto(ADDRESS, HTTP),), "EPIPE"),
    Case(UDP4, (SEND,), "EDESTADDRREQ"),
    Case(UDP4, (connect(ELSEWHERE, ECHO), sendto(ADDRESS)), "ok EPERM", "ok ok"),
    Case(UDP6, (connect(ELSEWHERE6, ECHO), sendto(ADDRESS6)), "ok EPERM", "ok ok"),
)
CONNECTIONS = (
    # Whoever may not connect may still let go, and is where he was before.
    Case(TCP4, (connect(ADDRESS), DISSOLVE, connect(ADDRESS)), "EPERM ok EPERM", "ok ok ok"),
    Case(TCP6, (connect(ADDRESS6), DISSOLVE, connect(ADDRESS6)), "EPERM ok EPERM", "ok ok ok"),
    Case(TCP4, (connect(ELSEWHERE), connect(ADDRESS), SEND), "ok EPERM ok", "ok EISCONN ok"),
    *(
        Case(
            on,
            (connect(allowed), SEND, DISSOLVE, SEND, connect(denied), SEND, connect(allowed), SEND),
            f"ok ok ok {dissolved} EPERM EPIPE ok ok",
            f"ok ok ok {dissolved} ok ok EISCONN ok",
        )
        for on, allowed, denied, dissolved in (
            (TCP4, ELSEWHERE, ADDRESS, "ECONNRESET"),
            (TCP6, ELSEWHERE6, ADDRESS6, "ECONNRESET"),
            (MPTCP4, ELSEWHERE, ADDRESS, "EPIPE"),
        )
    ),
    *(
        Case(
            on,
            (connect(allowed, ECHO), DISSOLVE, connect(denied, ECHO), SEND, CHILD),
            "ok ok EPERM EDESTADDRREQ EDESTADDRREQ",
            "ok ok ok ok ok",
        )
        for on, allowed, denied in ((UDP4, ELSEWHERE, ADDRESS), (UDP6, ELSEWHERE6, ADDRESS6))
    ),
    Case(TCP4, (connect(ADDRESS, length=2, family=UNSPEC),), "ok"),
    Case(UDP6, (connect(ADDRESS6, length=2, family=UNSPEC),), "ok"),
    Case(SCTP4, (connect(ADDRESS, family=UNSPEC),), "ENOTSUP"),
    Case(TCP4, (connect(ADDRESS), CHILD), "EPERM EPIPE", "ok ok"),
    # Ports: the least, the most, none.
    *(Case(TCP4, (connect(ADDRESS, port),), "EPERM", "ECONNREFUSED") for port in (0, 1, 65535)),
    *(Case(TCP6, (connect(ADDRESS6, port),), "EPERM", "ECONNREFUSED") for port in (0, 65535)),
    Case(UDP4, (sendto(ADDRESS, 0),), "EPERM", "EINVAL"),
    Case(UDP4, (sendto(ADDRESS, 65535),), "EPERM", "ok"),
    # This computer, by all its names.
    *(Case(TCP4, (connect(it, CLOSED),), "EPERM", "ECONNREFUSED") for it in (LOOPBACK, ANY, HERE)),
    *(Case(TCP6, (connect(it, CLOSED),), "EPERM", "ECONNREFUSED") for it in (LOOPBACK6, ANY6)),
    Case(UDP4, (connect(ANY, CLOSED),), "EPERM", "ok"),
)
SERVERS = (
    # bind() is no more than a choice of TCP's; of UDP's at a fixed port it is what listen() is.
    *(Case(on, (bind(host), LISTEN), "ok EPERM", "ok ok")
      for on, host in ((TCP4, ANY), (TCP6, ANY6), (MPTCP4, ANY), (TCP4, HERE))),
    *(Case(on, (LISTEN,), "EPERM", "ok") for on in (TCP4, TCP6, MPTCP4)),
    Case(UDP4, (LISTEN,), "EPERM", "ENOTSUP"),
    Case(TCP4, (bind(ANY, length=15),), "EINVAL"),
    Case(TCP4, (bind(ANY, family=UNSPEC),), "ok"),
    Case(TCP4, (bind(LOOPBACK, family=UNSPEC),), "EAFNOSUPPORT"),
    Case(TCP6, (bind(ANY, family=UNSPEC),), "EINVAL"),
    Case(TCP6, (bind(ANY6, family=UNSPEC),), "EAFNOSUPPORT"),
    Case(TCP4, (bind(ANY, 1023),), "EACCES"),
    *(Case(on, (bind(host, SERVER, length=length),), "EINVAL")
      for on, host, length in ((UDP4, ANY, 0), (UDP4, ANY, 15), (UDP6, ANY6, 23), (UDP6, ANY6, 129))),
    *(Case(on, (bind(host, SERVER, length=length),), "EPERM", "ok")
      for on, host, length in ((UDP4, ANY, 16), (UDP4, ANY, 128), (UDP6, ANY6, 24), (UDP4, HERE, 16))),
    Case(UDP4, (bind(ANY, SERVER, family=UNSPEC),), "EPERM", "ok"),
    Case(UDP4, (bind(HERE, SERVER, family=UNSPEC),), "EPERM", "EAFNOSUPPORT"),
    Case(UDP6, (bind(ANY, SERVER),), "EPERM", "EINVAL"),
    Case(UDP6, (bind(ANY6, SERVER, family=UNSPEC),), "EAFNOSUPPORT"),
    Case(UDP4, (bind(ANY, 1023),), "EPERM", "EACCES"),
    Case(UDP4, (bind(ANY, 65535),), "EPERM", "ok"),
    Case(UDP4, (bind(ANY),), "ok"),
    Case(UDP6, (bind(LOOPBACK6, SERVER),), "ok"),
)  # fmt: skip
OTHERS = (
    # Addresses of IPv4 mean nothing to sockets of other families, whoever may connect.
    *(Case((UNIX, kind), (bind(ADDRESS, HTTP), connect(ADDRESS)), "EINVAL EINVAL")
      for kind in (STREAM, DGRAM)),
    Case((NETLINK, socket.SOCK_RAW), (bind(ADDRESS, HTTP), connect(ADDRESS)), "EINVAL EINVAL"),
)  # fmt: skip


def test_lengths():
    assert as_expected(LENGTHS) == set(BOTH)


def test_families():
    with_module("sctp")
    with setting("net.ipv4.ping_group_range", "0 2147483647"):
        assert as_expected(FAMILIES) == {ADDRESS}


def test_sends():
    assert as_expected(SENDS) == set(BOTH)


def test_connections():
    with_module("sctp")
    assert as_expected(CONNECTIONS) >= set(BOTH)


def test_servers():
    assert as_expected(SERVERS) == set()


def test_other_families():
    assert as_expected(OTHERS) == set()


def test_port_is_that_number_and_no_other():
    caller = Caller()
    firewall.add_rule(PROGRAM, "allow", "--port", HTTP)
    bus.add_rule(PROGRAM, "deny")
    turned = int.from_bytes(HTTP.to_bytes(2, "little"))
    for address in BOTH:
        assert caller.call("streams.connect", address, port=HTTP).errno is None
        for port in (turned, HTTP - 1, HTTP + 1, HTTP + 256):
            assert caller.call("streams.connect", address, port=port).errno == "EPERM", port
