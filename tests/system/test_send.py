"""Sends that name an address are asked about as connect() is, and nothing leaves before that."""

from harness import firewall
from harness.callers import PROGRAM, Caller
from harness.wire import TCP, UDP, Wire

ADDRESS, OTHER = "203.0.113.10", "203.0.113.11"
ADDRESS6 = "2001:db8:113::10"
ECHO, HTTP = 7777, 80


def held_then(action, call, address, protocol, port, **options):
    """How a send ends that is held, and answered."""
    caller = Caller()
    with Wire() as wire:
        caller.start(call, address, **options)
        question = firewall.prompt()
        seen = question.object
        assert (seen.address, seen.port, seen.protocol) == (address, port, protocol), question
        number = TCP if protocol == "tcp" else UDP
        assert wire.sent(number, address, port) == 0, "a packet left before the answer"
        firewall.decide(question, action)
        result = caller.result()
        assert bool(wire.sent(number, address, port)) == (action == "allow")
    return result


def test_datagram_denied_fails_with_eperm_and_never_leaves():
    assert held_then("deny", "sendto", ADDRESS, "udp", ECHO).errno == "EPERM"


def test_datagram_allowed_gets_its_echo():
    assert held_then("allow", "sendto", ADDRESS, "udp", ECHO).reply == "echo"


def test_datagram_by_ipv6_allowed_gets_its_echo():
    assert held_then("allow", "sendto", ADDRESS6, "udp", ECHO).reply == "echo"


def test_datagram_by_ipv6_denied_never_leaves():
    assert held_then("deny", "sendto", ADDRESS6, "udp", ECHO).errno == "EPERM"


def test_datagram_to_ipv4_mapped_address_is_judged_as_ipv4():
    firewall.add_rule(PROGRAM, "deny", "--addr", ADDRESS)
    assert Caller().call("sendto", f"::ffff:{ADDRESS}").errno == "EPERM"
    assert firewall.pending() == []


def test_connected_socket_is_asked_about_another_address():
    firewall.add_rule(PROGRAM, "allow", "--addr", ADDRESS)
    result = held_then("deny", "sendto", OTHER, "udp", ECHO, connected=ADDRESS)
    assert result.errno == "EPERM"


def test_unspec_address_on_ipv4_socket_is_asked_about_as_ipv4():
    result = held_then("deny", "sendto", ADDRESS, "udp", ECHO, unspec=True)
    assert result.errno == "EPERM"
    assert held_then("allow", "sendto", ADDRESS, "udp", ECHO, unspec=True).reply == "echo"


def test_unspec_address_on_ipv6_socket_is_refused():
    result = Caller().call("sendto", ADDRESS, unspec=True, inet6=True)
    assert result.errno == "EPERM"
    assert firewall.pending() == []


def test_fastopen_denied_sends_no_syn():
    assert held_then("deny", "fastopen", ADDRESS, "tcp", HTTP).errno == "EPERM"


def test_fastopen_allowed_connects():
    assert held_then("allow", "fastopen", ADDRESS, "tcp", HTTP).errno is None


def test_fastopen_by_ipv6_denied_sends_no_syn():
    assert held_then("deny", "fastopen", ADDRESS6, "tcp", HTTP).errno == "EPERM"
