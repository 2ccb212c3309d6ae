"""No way of waiting for connections lets others in to a program that may not."""

import signal
import socket

from harness import bus, firewall
from harness.arrivals import at_the_peer
from harness.callers import PROGRAM, Caller
from harness.machine import with_module

HERE, HERE6 = "203.0.113.1", "2001:db8:113::1"
EVERYWHERE = ("0.0.0.0", "::")
MPTCP, SCTP, IPPROTO_SMC = 262, 132, 256
PATIENCE = 10  # seconds


def gets_in(address, port, protocol):
    """Whether the other computer can connect."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with at_the_peer():
        client = socket.socket(family, socket.SOCK_STREAM, protocol)
    with client:
        client.settimeout(PATIENCE)
        try:
            client.connect((address, port))
        except ConnectionRefusedError:
            return False
    return True


def refused_unless_allowed(*ways, client=0):
    """Has servers started that must be refused and let nobody in; then with leave, when they do."""
    caller = Caller()
    trials = [(way, address) for way in ways for address in EVERYWHERE]

    def tried():
        for way, address in trials:
            result = caller.call("servers.listen", address, **way)
            place = HERE6 if address == "::" else HERE
            yield way, result, result.port and gets_in(place, result.port, client)

    rule = bus.add_rule(PROGRAM, "deny", operation="listen")
    for way, result, inside in tried():
        assert (result.errno, bool(inside)) == ("EPERM", False), (way, result, inside)
    bus.remove_rule(rule)
    bus.add_rule(PROGRAM, "allow", operation="listen")
    for way, result, inside in tried():
        assert (result.errno, inside) == (None, True), (way, result, inside)


def test_tcp():
    refused_unless_allowed({}, {"bind": False})


def test_mptcp():
    refused_unless_allowed({"protocol": MPTCP}, {"protocol": MPTCP, "bind": False})


def test_smc():
    with_module("smc")
    bus.add_rule(PROGRAM, "allow", operation="listen")
    result = Caller().call("servers.listen", "0.0.0.0", protocol=IPPROTO_SMC)
    assert result.errno == "EPERM", result


def test_sctp():
    with_module("sctp")
    refused_unless_allowed(
        {"protocol": SCTP}, {"protocol": SCTP, "kind": "messages"}, client=SCTP
    )


def test_io_uring():
    refused_unless_allowed(*({"by": mode} for mode in ("inline", "worker", "poller")))


def interrupted_while_held(call, **options):
    """A restart is nothing that a request can end with."""
    caller = Caller()
    caller.call("handle_alarm", restart=False)
    caller.start(call, "0.0.0.0", **options)
    firewall.prompt()
    caller.signal(signal.SIGALRM)
    result = caller.result()
    assert result.errno == "EINTR", result


def test_io_uring_interrupted_while_held():
    interrupted_while_held("servers.listen_once")


def test_io_uring_interrupted_while_a_datagram_server_is_held():
    interrupted_while_held("servers.bind_once", port=5353)
