"""No way of sending a datagram reaches anybody whom the program may not reach."""

import socket

from harness import bus
from harness.arrivals import UDPLITE, Arrivals
from harness.callers import PROGRAM, Caller
from harness.confined import (
    ADDRESS,
    BOTH,
    ELSEWHERE,
    MAPPED,
    allow,
    confine,
    elsewhere,
    refused_unless_allowed,
)
from harness.machine import with_protocol

WAYS = ("datagrams.sendto", "datagrams.sendmsg", "datagrams.connect")


def test_datagrams():
    refused_unless_allowed(WAYS)


def test_ipv4_mapped_addresses():
    refused_unless_allowed(WAYS, MAPPED, wire=ADDRESS)


def test_ipv4_addresses_on_ipv6_sockets():
    refused_unless_allowed(("datagrams.sendto", "datagrams.connect"), ADDRESS, inet6=True)


def test_sendto_on_socket_connected_elsewhere():
    confine()
    caller = Caller()
    for address in BOTH:
        with Arrivals() as arrivals:
            words = {"connected": elsewhere(address)}
            assert caller.call("datagrams.elsewhere", address, **words).errno == "EPERM"
            assert arrivals.take() == []
            allow(address)
            assert caller.call("datagrams.elsewhere", address, **words).errno is None
            arrivals.take_until(lambda it: it.address == address, "the datagram")


def test_batch_reaches_only_what_is_allowed():
    confine()
    caller = Caller()
    for address in BOTH:
        good = elsewhere(address)
        with Arrivals() as arrivals:
            # The kernel looks at an address again only if it is another than the one before.
            batch = [good, good, address, good]
            result = caller.call("datagrams.sendmmsg", addresses=batch)
            assert result.value == 2, result
            assert caller.call("datagrams.sendmmsg", addresses=[address] * 3).errno == "EPERM"
            assert address not in {it.address for it in arrivals.take()}
            allow(address)
            assert caller.call("datagrams.sendmmsg", addresses=batch).value == 4
            arrivals.take_until(lambda it: it.address == address, "the third datagram")


def reconnected(dissolve):
    """A socket goes from an allowed peer to another one."""
    confine()
    caller = Caller()
    for address in BOTH:
        words = {"connected": elsewhere(address), "dissolve": dissolve}
        with Arrivals() as arrivals:
            steps = caller.call("datagrams.reconnect", address, **words)
            assert steps.connect == "EPERM", steps
            assert address not in {it.address for it in arrivals.take()}, steps
            # Where it then sends: nowhere, or still to the peer that is allowed.
            sends = ("EDESTADDRREQ",) * 2 if dissolve else (None, None)
            assert (steps.write, steps.send) == sends, steps
            allow(address)
            steps = caller.call("datagrams.reconnect", address, **words)
            assert (steps.dissolve, steps.connect, steps.write) == (None, None, None), steps
            arrivals.take_until(lambda it: it.address == address, "the datagram")


def test_reconnect():
    reconnected(dissolve=False)


def test_reconnect_after_dissolving():
    reconnected(dissolve=True)


def test_unspec_address_while_the_socket_turns_into_an_ipv4_one():
    confine()
    with Arrivals() as arrivals:
        result = Caller().call(
            "datagrams.unspec_race", ADDRESS, connected=f"::ffff:{ELSEWHERE}", rounds=300
        )
        assert ADDRESS not in {it.address for it in arrivals.take()}, result
        assert vars(result.counts).keys() == {"EPERM"}, result


def test_udplite():
    # From Linux 7.1 on there is none any more.
    with_protocol(socket.SOCK_DGRAM, UDPLITE)
    refused_unless_allowed(("datagrams.sendto", "datagrams.connect"), protocol=UDPLITE)


def test_nothing_to_a_program_denied_everything():
    bus.add_rule(PROGRAM, "deny")
    caller = Caller()
    with Arrivals() as arrivals:
        for address in (*BOTH, MAPPED):
            for way in WAYS:
                assert caller.call(way, address).errno == "EPERM"
        assert arrivals.take() == []
