"""Who may connect to a program that listens, and send to one that waits for datagrams."""

import contextlib
import os
import signal
import socket
import struct

from harness import bus, firewall
from harness.arrivals import at_the_peer
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.machine import do, run, with_module
from harness.marks import slow
from harness.wait import until

# This computer on the wire to the peer, and the peer's own addresses: the first are the internet's
# to the rules, the others the local network's.
HERE, PEER = "203.0.113.1", "203.0.113.10"
HERE6, PEER6 = "2001:db8:113::1", "2001:db8:113::10"
LOCAL, LOCAL_PEER = "192.168.113.1", "192.168.113.10"
MPTCP, SCTP = 262, 132
PORT = 5353
# A connection that is not let in comes to nothing; emulated, one that is takes a tenth of this.
PATIENCE = 2  # seconds


def streams():
    """The protocols by which others connect."""
    yield from (0, MPTCP)
    with_module("sctp")
    yield SCTP


@contextlib.contextmanager
def local_network():
    """The wire to the peer has private addresses too."""
    wire = do("ip", "-o", "addr", "show", "to", HERE).split()[1]
    inside = ("ip", "netns", "exec", "peer")
    theirs = do(*inside, "ip", "-o", "addr", "show", "to", PEER).split()[1]
    do("ip", "addr", "add", f"{LOCAL}/24", "dev", wire)
    do(*inside, "ip", "addr", "add", f"{LOCAL_PEER}/24", "dev", theirs)
    try:
        yield
    finally:
        run("ip", "addr", "del", f"{LOCAL}/24", "dev", wire)
        run(*inside, "ip", "addr", "del", f"{LOCAL_PEER}/24", "dev", theirs)


def gets_in(address, port, source=None, protocol=0, here=False):
    """Whether a connection to an address of this computer's comes about: of the peer's, or from here."""
    around = contextlib.nullcontext() if here else at_the_peer()
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with around:
        client = socket.socket(family, socket.SOCK_STREAM, protocol)
    with client:
        client.settimeout(PATIENCE)
        if source:
            client.bind((source, 0))
        try:
            client.connect((address, port))
        except TimeoutError:
            return False
        return True


def who(port, protocol=0):
    """Who gets in: from here, by this computer's own address, from the local network and the internet."""
    return [
        gets_in("127.0.0.1", port, here=True, protocol=protocol),
        gets_in(HERE, port, here=True, protocol=protocol),
        gets_in(LOCAL, port, LOCAL_PEER, protocol),
        gets_in(HERE, port, PEER, protocol),
    ]


def test_peers_are_those_of_the_rule():
    for protocol in streams():
        with local_network():
            for place, admitted in (
                ("this-computer", [True, True, False, False]),
                ("local-network", [True, True, True, False]),
                (None, [True, True, True, True]),
            ):
                rule = bus.add_rule(PROGRAM, "allow", operation="listen", place=place)
                listening = Caller().call("servers.listen", "0.0.0.0", protocol=protocol)
                assert listening.errno is None
                assert who(listening.port, protocol) == admitted, (protocol, place)
                bus.remove_rule(rule)


def test_peers_of_ipv6_are_too():
    bus.add_rule(PROGRAM, "allow", operation="listen", place="this-computer")
    port = Caller().call("servers.listen", "::").port
    assert gets_in("::1", port, here=True) and gets_in(HERE6, port, here=True)
    assert not gets_in(HERE6, port, PEER6)
    assert gets_in("127.0.0.1", port, here=True), "IPv4 at the same socket"
    assert not gets_in(HERE, port, PEER)
    bus.add_rule(PROGRAM, "allow", "2001:db8:113::/48", operation="listen")
    assert gets_in(HERE6, port, PEER6)
    assert not gets_in(HERE, port, PEER)


@slow(minutes=3)
def test_rule_that_changes_is_for_the_next_peer():
    for protocol in streams():
        everybody = bus.add_rule(PROGRAM, "allow", operation="listen")
        caller = Caller()
        port = caller.call("servers.listen", "0.0.0.0", protocol=protocol).port
        assert gets_in(HERE, port, PEER, protocol)
        against = bus.add_rule(PROGRAM, "deny", PEER, operation="listen")
        assert not gets_in(HERE, port, PEER, protocol), protocol
        bus.remove_rule(against)
        assert gets_in(HERE, port, PEER, protocol)
        bus.remove_rule(everybody)
        assert gets_in(HERE, port, PEER, protocol), "no rule is against it"
        rule = bus.add_rule(PROGRAM, "allow", operation="listen", place="this-computer")
        assert not gets_in(HERE, port, PEER, protocol), protocol
        bus.remove_rule(rule)
        assert not gets_in(HERE, port, PEER, protocol), "a limit that goes is no leave"
        nobody = bus.add_rule(PROGRAM, "deny", operation="listen")
        assert not gets_in(HERE, port, PEER, protocol), protocol
        bus.remove_rule(nobody)


def test_answer_just_this_time_lets_in_whom_it_names():
    with local_network():
        caller = Caller()
        caller.start("servers.listen", "0.0.0.0")
        firewall.decide(firewall.prompt(), "allow", scope="local-network")
        port = caller.result().port
        assert who(port) == [True, True, True, False]
        # Rules of others do not change that, nor does the next broker.
        rule = bus.add_rule(OTHER_PROGRAM, "deny")
        assert who(port) == [True, True, True, False]
        bus.remove_rule(rule)


def test_where_a_rule_asks_the_answer_says_who_is_let_in():
    with local_network():
        bus.add_rule(PROGRAM, "allow", operation="listen")
        bus.add_rule(PROGRAM, "ask", operation="listen")
        for lifespan in ("once", "always"):
            caller = Caller()
            caller.start("servers.listen", "0.0.0.0")
            firewall.decide(firewall.prompt(), "allow", lifespan, "local-network")
            assert who(caller.result().port) == [True, True, True, False], lifespan


def test_limits_outlive_the_broker():
    bus.add_rule(PROGRAM, "allow", operation="listen", place="this-computer")
    caller = Caller()
    port = caller.call("servers.listen", "0.0.0.0").port
    assert not gets_in(HERE, port, PEER)
    before = firewall.main_pid()
    os.kill(before, signal.SIGKILL)
    assert not gets_in(HERE, port, PEER)
    until(lambda: firewall.main_pid() not in (0, before) and firewall.is_up(), "the next broker")
    assert not gets_in(HERE, port, PEER)
    bus.add_rule(PROGRAM, "allow", PEER, operation="listen")
    assert gets_in(HERE, port, PEER)


def test_child_that_goes_on_listening_is_limited_as_its_parent_was():
    bus.add_rule(PROGRAM, "allow", operation="listen", place="this-computer")
    caller = Caller()
    port = caller.call("servers.listen_in_child", "0.0.0.0").port
    assert not gets_in(HERE, port, PEER)
    bus.add_rule(PROGRAM, "allow", operation="listen")
    assert gets_in(HERE, port, PEER)


def test_other_listeners_are_not_touched():
    bus.add_rule(PROGRAM, "allow", operation="listen", place="this-computer")
    limited = Caller().call("servers.listen", "0.0.0.0").port
    with socket.create_server(("0.0.0.0", 0)) as service:
        assert gets_in(HERE, service.getsockname()[1], PEER)
    with socket.socket(proto=MPTCP) as service:
        service.bind(("0.0.0.0", 0))
        service.listen()
        assert gets_in(HERE, service.getsockname()[1], PEER, MPTCP)
    assert not gets_in(HERE, limited, PEER)


def test_datagrams_of_others_do_not_arrive():
    with local_network():
        bus.add_rule(PROGRAM, "allow", operation="listen", place="local-network")
        caller = Caller()
        assert caller.call("servers.wait_for_datagrams", "0.0.0.0", port=PORT).errno is None
        with at_the_peer():
            internet, local = (socket.socket(type=socket.SOCK_DGRAM) for _ in range(2))
        with internet, local, socket.socket(type=socket.SOCK_DGRAM) as here:
            internet.bind((PEER, 0))
            local.bind((LOCAL_PEER, 0))
            internet.sendto(b"internet", (HERE, PORT))
            local.sendto(b"local", (LOCAL, PORT))
            here.sendto(b"here", ("127.0.0.1", PORT))
            here.sendto(b"own", (HERE, PORT))
            assert caller.call("servers.datagrams_that_came", count=3).came == ["here", "local", "own"]
            bus.add_rule(PROGRAM, "allow", operation="listen")
            internet.sendto(b"again", (HERE, PORT))
            assert caller.call("servers.datagrams_that_came", count=1).came == ["again"]


def send_as(source, payload):
    """Has the peer send a datagram over IPv6 that says it is from somebody else."""
    source, here = (socket.inet_pton(socket.AF_INET6, it) for it in (source, HERE6))
    length = 8 + len(payload)
    datagram = struct.pack("!HHHH", 7, PORT, length, 0) + payload
    summed = source + here + struct.pack("!II", length, socket.IPPROTO_UDP) + datagram
    total = sum(struct.unpack(f"!{len(summed) // 2}H", summed))
    total = (total & 0xFFFF) + (total >> 16)
    checksum = struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF)
    header = struct.pack("!IHBB", 6 << 28, length, socket.IPPROTO_UDP, 64)
    with at_the_peer():
        raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with raw:
        raw.sendto(header + source + here + datagram[:6] + checksum + payload, (HERE6, 0))


def test_datagrams_that_say_they_are_from_here_do_not_arrive():
    bus.add_rule(PROGRAM, "allow", operation="listen", place="this-computer")
    caller = Caller()
    assert caller.call("servers.wait_for_datagrams", "::", port=PORT).errno is None
    send_as(HERE6, b"forged")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as here:
        here.sendto(b"here", (HERE6, PORT))
    assert caller.call("servers.datagrams_that_came", count=1).came == ["here"]
    bus.add_rule(PROGRAM, "allow", operation="listen")
    send_as(PEER6, b"honest")
    assert caller.call("servers.datagrams_that_came", count=1).came == ["honest"]


def test_nobody_gets_in_where_peers_without_a_rule_are_denied():
    firewall.settings(**{"unruled.listen": '"allow"', "unruled.accept": '"deny"'})
    caller = Caller()
    port = caller.call("servers.listen", "0.0.0.0").port
    assert firewall.pending() == []
    assert not gets_in(HERE, port, PEER)
    assert gets_in("127.0.0.1", port, here=True)
    bus.add_rule(PROGRAM, "allow", PEER, operation="accept")
    assert gets_in(HERE, port, PEER)
