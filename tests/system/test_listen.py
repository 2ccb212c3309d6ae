"""Waiting for others is asked about, and so are sockets that nothing else could judge."""

import socket
from pathlib import Path

from harness import firewall
from harness.callers import Caller

EVERYWHERE = ("0.0.0.0", "::")
AF_RXRPC = 33
IPPROTO_MPTCP = 262


def test_listening_is_held_and_asked_about():
    caller = Caller()
    caller.start("listen", "0.0.0.0", port=8080)
    question = firewall.prompt()
    assert (question.operation, question.object.port) == ("listen", 8080), question
    scopes = ["host-port", "local-network", "this-computer", "any"]
    assert question.scopes == scopes, question
    firewall.decide(question, "allow", "always")
    assert caller.result().errno is None
    # The rule is about the port, whatever the address.
    for address in EVERYWHERE:
        assert caller.call("listen", address, port=8080).errno is None
    caller.start("listen", "::", port=8081)
    other = firewall.prompt()
    assert other.object.port == 8081, other
    firewall.decide(other, "deny", "always")
    assert caller.result().errno == "EPERM"
    assert caller.call("listen", "0.0.0.0", port=8081).errno == "EPERM"


def test_allowed_connections_do_not_allow_listening():
    caller = Caller()
    firewall.add_rule("/usr/local/bin/caller", "allow")
    assert caller.call("connect", "203.0.113.10").errno is None
    caller.start("listen", "0.0.0.0", port=8080)
    firewall.decide(firewall.prompt(), "deny")
    assert caller.result().errno == "EPERM"


def test_listening_for_this_computer_is_nobodys_business():
    caller = Caller()
    for address in ("127.0.0.1", "127.9.9.9", "::1"):
        assert caller.call("listen", address).errno is None
    assert firewall.pending() == []


def test_waiting_for_datagrams_at_a_port_is_listening():
    caller = Caller()
    caller.start("servers.datagrams", "0.0.0.0", port=5353)
    question = firewall.prompt()
    seen = question.object
    assert (question.operation, seen.protocol, seen.port) == ("listen", "udp", 5353), question
    firewall.decide(question, "deny", "always")
    assert caller.result().errno == "EPERM"
    for address in EVERYWHERE:
        assert caller.call("servers.datagrams", address, port=5353).errno == "EPERM"


def test_clients_take_ports_without_being_asked():
    caller = Caller()
    for address, port in (("0.0.0.0", 0), ("::", 0), ("0.0.0.0", 40_000), ("127.0.0.1", 5353)):
        assert caller.call("servers.datagrams", address, port=port).errno is None
    assert firewall.pending() == []


def test_listening_by_mptcp_is_listening():
    caller = Caller()
    caller.start("listen", "0.0.0.0", port=8080, protocol=IPPROTO_MPTCP)
    question = firewall.prompt()
    assert question.object.protocol == "tcp", question
    firewall.decide(question, "deny")
    assert caller.result().errno == "EPERM"


def test_raw_sockets_are_asked_about():
    caller = Caller()
    assert caller.call("enter_user_namespace", network=True).errno is None
    Path(f"/proc/{caller.pid}/uid_map").write_text("0 1000 1")
    for family in (socket.AF_INET, socket.AF_INET6):
        caller.start("create", family=family, kind=socket.SOCK_RAW, protocol=17)
        question = firewall.prompt()
        assert question.operation == "create" and question.scopes == ["any"], question
        firewall.decide(question, "deny", scope="any")
        assert caller.result().errno == "EPERM"
    caller.start("create", family=socket.AF_INET, kind=socket.SOCK_RAW, protocol=17)
    firewall.decide(firewall.prompt(), "allow", "always", scope="any")
    assert caller.result().errno is None


def test_other_sockets_are_not():
    caller = Caller()
    for family in (socket.AF_INET, socket.AF_INET6):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            assert caller.call("create", family=family, kind=kind).errno is None
    assert firewall.pending() == []


def test_family_that_cannot_be_judged_is_refused():
    result = Caller().call("create", family=AF_RXRPC, kind=socket.SOCK_DGRAM)
    assert result.errno == "EPERM", result
    assert firewall.pending() == []
