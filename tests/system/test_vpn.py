"""Rules about the VPN: what the kernel sends by way of a tunnel, for this user and now."""

import contextlib
import itertools
import socket

from harness import firewall
from harness.callers import PROGRAM, Caller
from harness.machine import do, run, with_module

DEVICE = "vpn7"
# To the other computer, unless there is another route.
ADDRESS, OUTSIDE = "203.0.113.77", "203.0.113.10"
ADDRESS6 = "2001:db8:77::7"
PROHIBITED, UNREACHABLE = "198.51.100.7", "198.51.101.7"
TABLE = "77"
DATAGRAMS = socket.SOCK_DGRAM.value
DENIED, ASKED = "EPERM", "asked"

# A verdict on datagrams is remembered for seconds, for their port.
_ports = itertools.count(4000)


@contextlib.contextmanager
def device(*made):
    """A device that leads nowhere: what is sent there is lost."""
    do(*made)
    try:
        do("ip", "link", "set", DEVICE, "up")
        do("ip", "address", "add", "10.88.0.1/24", "dev", DEVICE)
        yield
    finally:
        # With it go its routes.
        run("ip", "link", "delete", DEVICE)


def tunnel():
    with_module("tun")
    return device("ip", "tuntap", "add", "mode", "tun", "name", DEVICE)


def route(verb, address=ADDRESS, *more):
    do("ip", "route", verb, address, "dev", DEVICE, *more)


def about_vpn(action, user="alice"):
    return firewall.add_rule(PROGRAM, action, "--place", "vpn", user=user)


def outcome(caller, address, user="alice", port=None):
    """What becomes of a datagram socket that is connected: an errno, None, or that the user is asked; as foretold."""
    port = port or next(_ports)
    words = ("--app", PROGRAM, "--addr", address, "--port", port, "--protocol", "udp")
    told = firewall.ctl("test", *words, user=user)
    caller.start("connect", address, port=port, kind=DATAGRAMS)
    if told.outcome == "ask":
        return asked(caller, address, user)
    errno = caller.result().errno
    assert (told.outcome == "deny") == (errno == DENIED), (told, errno)
    assert firewall.pending(user) == []
    return errno


def asked(caller, address, user="alice"):
    """Says no to the question about a call that waits."""
    question = firewall.prompt(user=user)
    assert question.object.address == address, question
    firewall.decide(question, "deny", user=user)
    assert caller.result().errno == DENIED
    firewall.no_prompt(user)
    return ASKED


def test_what_is_allowed_in_the_vpn_is_asked_about_outside():
    with tunnel():
        about_vpn("allow")
        caller = Caller()
        assert outcome(caller, ADDRESS) == ASKED
        route("add")
        assert outcome(caller, ADDRESS) is None
        assert outcome(caller, "10.88.0.9") is None
        assert outcome(caller, OUTSIDE) == ASKED
        route("del")
        assert outcome(caller, ADDRESS) == ASKED
        route("add")
        assert outcome(caller, ADDRESS) is None
    # The tunnel is down.
    assert outcome(caller, ADDRESS) == ASKED


def test_what_is_denied_in_the_vpn_goes_on_outside():
    with tunnel():
        firewall.add_rule(PROGRAM, "allow")
        rule = about_vpn("deny")
        route("add")
        caller = Caller()
        assert outcome(caller, ADDRESS) == DENIED
        assert outcome(caller, OUTSIDE) is None
        told = firewall.ctl("test", "--app", PROGRAM, "--addr", ADDRESS)
        assert (told.rule, told.rules[1].weaker_by) == (rule, "destination"), told
        route("del")
        assert outcome(caller, ADDRESS) is None
    # A connection by TCP, which is looked at each time.
    assert caller.call("connect", OUTSIDE).errno is None


def test_where_no_tunnel_leads_is_known():
    # Were it not, the rule that denies would count.
    with tunnel():
        firewall.add_rule(PROGRAM, "allow")
        about_vpn("deny")
        caller = Caller()
        assert outcome(caller, "10.88.0.9") == DENIED
        assert outcome(caller, "10.88.0.1") is None, "that is here"
        for kind, address, errno in (
            ("prohibit", PROHIBITED, "EACCES"),
            ("unreachable", UNREACHABLE, "EHOSTUNREACH"),
        ):
            do("ip", "route", "add", kind, address)
            try:
                assert outcome(caller, address) == errno
            finally:
                do("ip", "route", "del", kind, address)


def test_routes_are_those_of_the_port():
    rule = ("ipproto", "udp", "dport", "4853", "lookup", TABLE)
    with tunnel():
        about_vpn("allow")
        route("add", ADDRESS, "table", TABLE)
        do("ip", "rule", "add", *rule)
        try:
            caller = Caller()
            assert outcome(caller, ADDRESS, port=4853) is None
            assert outcome(caller, ADDRESS, port=4854) == ASKED
        finally:
            do("ip", "rule", "del", *rule)


def test_ipv6_has_routes_of_its_own():
    with tunnel():
        about_vpn("deny")
        caller = Caller()
        assert outcome(caller, "2001:db8:113::10") == ASKED
        do("ip", "-6", "address", "add", "2001:db8:77::1/64", "dev", DEVICE, "nodad")
        assert outcome(caller, ADDRESS6) == DENIED
        assert outcome(caller, "2001:db8:113::10") == ASKED


def test_wireguard_is_a_tunnel_and_a_network_card_is_none():
    with_module("wireguard")
    with_module("dummy")
    about_vpn("deny")
    caller = Caller()
    with device("ip", "link", "add", DEVICE, "type", "wireguard"):
        route("add")
        # Without a peer, what is sent has no key.
        assert outcome(caller, ADDRESS) == DENIED
    with device("ip", "link", "add", DEVICE, "type", "dummy"):
        route("add")
        assert outcome(caller, ADDRESS) == ASKED


def test_routes_are_those_of_the_user():
    alice = do("id", "-u", "alice").strip()
    rule = ("uidrange", f"{alice}-{alice}", "lookup", TABLE)
    with tunnel():
        for user in ("alice", "bob"):
            about_vpn("allow", user=user)
        route("add", ADDRESS, "table", TABLE)
        do("ip", "rule", "add", *rule)
        try:
            assert outcome(Caller(), ADDRESS) is None
            assert outcome(Caller("bob"), ADDRESS, user="bob") == ASKED
        finally:
            do("ip", "rule", "del", *rule)


def test_way_in_another_network_namespace_is_not_known():
    with tunnel():
        rule = about_vpn("allow")
        # In the other computer's namespace this is another route.
        route("add")
        caller = Caller(outside=("ip", "netns", "exec", "peer"))
        caller.start("connect", ADDRESS, port=next(_ports), kind=DATAGRAMS)
        assert asked(caller, ADDRESS) == ASKED
        firewall.remove_rule(rule)
        firewall.add_rule(PROGRAM, "allow")
        about_vpn("deny")
        told = caller.call("connect", ADDRESS, port=next(_ports), kind=DATAGRAMS)
        assert told.errno == DENIED, told


def test_who_connects_is_not_told_by_a_tunnel():
    for operation in ("listen", "accept"):
        words = (PROGRAM, "allow", "--place", "vpn")
        refused = firewall.refusal(firewall.add_rule, *words, operation=operation)
        assert "who may connect" in refused.error.message, refused
