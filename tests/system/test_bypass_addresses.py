"""Addresses that are another way to write a place, or look like this computer and are not."""

import socket

from harness import bus, firewall
from harness.arrivals import Arrivals
from harness.callers import PROGRAM, Caller

# Of the network: an IPv4 address within makes none of them this computer.
TRANSLATED = (
    "64:ff9b::cb00:710a",  # NAT64 of 203.0.113.10
    "64:ff9b::7f00:1",  # NAT64 of 127.0.0.1
    "64:ff9b:1::7f00:1",  # the same, by a prefix of one's own
    "2002:cb00:710a::1",  # 6to4 of 203.0.113.10
    "2002:7f00:1::1",  # 6to4 of 127.0.0.1
    "2001:0:cb00:710a::1",  # Teredo
    "::7f00:1",  # IPv4-compatible
)
LOOPBACK = ("127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1", "::ffff:0.0.0.0")
LOOPBACK6 = ("::1", "::")


def test_addresses_for_translators_are_of_the_network():
    caller = Caller()
    with Arrivals() as arrivals:
        for address in TRANSLATED:
            caller.start("datagrams.sendto", address)
            question = firewall.prompt()
            assert question.object.address == address, question
            firewall.decide(question, "deny")
            assert caller.result().errno == "EPERM", address
            firewall.no_prompt()
        assert arrivals.take() == []


def arrives_at(server, caller, address):
    """Whether a connection gets to a server on this computer, and how the call ended."""
    port = server.getsockname()[1]
    result = caller.call("streams.connect", address, port=port)
    # The next one is ours, so that there is one for sure.
    with socket.create_connection(("localhost", port)) as ours:
        arrived = _next(server) != ours.getsockname()[1]
        if arrived:
            _next(server)
    return arrived, result


def _next(server):
    """The port that the next connection comes from."""
    connection, name = server.accept()
    connection.close()
    return name[1]


def loopback_rule(rule_address, addresses):
    """A rule that denies this computer by one of its addresses denies it by the others too."""
    caller = Caller()
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        server.settimeout(10)
        for address in addresses:
            assert arrives_at(server, caller, address)[0], address
        bus.add_rule(PROGRAM, "deny", rule_address)
        for address in addresses:
            arrived, result = arrives_at(server, caller, address)
            assert not arrived, f"{address}: {result}"
            assert result.errno == "EPERM", f"{address}: {result}"


def test_rule_for_the_loopback_matches_all_forms_of_it():
    loopback_rule("127.0.0.1", LOOPBACK)


def test_rule_for_the_loopback_of_ipv6_matches_all_forms_of_it():
    loopback_rule("::1", LOOPBACK6)


def test_denied_program_does_not_get_to_this_computer_either():
    caller = Caller()
    bus.add_rule(PROGRAM, "deny")
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        server.settimeout(10)
        for address in (*LOOPBACK, *LOOPBACK6):
            arrived, result = arrives_at(server, caller, address)
            assert (arrived, result.errno) == (False, "EPERM"), f"{address}: {result}"
