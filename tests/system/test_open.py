"""A connection that is there goes on until a rule is against it, whoever has it."""

import contextlib
import socket

from harness import bus, firewall
from harness.arrivals import at_the_peer
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.confined import ADDRESS, ELSEWHERE
from harness.machine import setting, with_module

HERE = "203.0.113.1"
PEER = "203.0.113.10"
MPTCP, SCTP = 262, 132
PROTOCOLS = (0, MPTCP, SCTP)


def connected(kind, port=None):
    """A program with a socket whose connection was allowed just this time."""
    caller = Caller()
    caller.start("kept.keep", ADDRESS, kind=kind, port=port)
    firewall.decide(firewall.prompt(), "allow")
    return caller, caller.result().descriptor


@contextlib.contextmanager
def patient_server():
    """A port of the peer's where connections stay, whatever is sent."""
    with at_the_peer():
        server = socket.create_server((ADDRESS, 0))
    with server:
        yield server.getsockname()[1]


def goes_on_when_other_rules_change(caller, mine):
    rule = bus.add_rule(OTHER_PROGRAM, "deny")
    assert caller.call("kept.send", descriptor=mine).errno is None
    bus.remove_rule(rule)
    assert caller.call("kept.send", descriptor=mine).errno is None
    assert firewall.pending() == []
    rule = bus.add_rule(PROGRAM, "deny")
    assert caller.call("kept.send", descriptor=mine).errno == "EPERM"
    bus.remove_rule(rule)
    assert caller.call("kept.send", descriptor=mine).errno is None


def test_datagrams_allowed_once_go_on_when_other_rules_change():
    goes_on_when_other_rules_change(*connected("udp"))


def test_connection_allowed_once_goes_on_when_other_rules_change():
    with patient_server() as port:
        goes_on_when_other_rules_change(*connected("tcp", port))


def test_connection_allowed_once_is_its_childrens_too():
    caller, mine = connected("tcp")
    assert caller.call("kept.send_from_child", descriptor=mine).errno is None
    assert firewall.pending() == []


def test_connection_that_was_allowed_once_may_be_tried_again():
    caller = Caller()
    mine = caller.call("kept.keep", family=socket.AF_INET, kind="tcp").descriptor
    closed = {"descriptor": mine, "port": 9}
    caller.start("kept.connect", ADDRESS, **closed)
    firewall.decide(firewall.prompt(), "allow")
    assert caller.result().errno == "ECONNREFUSED"
    assert caller.call("kept.connect", ADDRESS, **closed).errno == "ECONNREFUSED"
    assert firewall.pending() == []


def test_connection_handed_over_is_asked_about():
    owner, mine = connected("tcp")
    other = Caller(program=OTHER_PROGRAM)
    owner.call("kept.offer", name="open")
    other.start("kept.take", name="open")
    owner.call("kept.give", name="open", descriptor=mine)
    theirs = other.result().descriptor
    other.start("kept.send", descriptor=theirs)
    question = firewall.prompt()
    assert question.subject.path == OTHER_PROGRAM, question
    assert question.object.address == ADDRESS, question
    firewall.decide(question, "deny")
    assert other.result().errno == "EPERM"
    # Leave for another address does not help, though the socket is tried at that meanwhile.
    bus.add_rule(OTHER_PROGRAM, "allow", ELSEWHERE)
    words = {"descriptor": theirs, "port": 80}
    assert other.call("kept.connect", ELSEWHERE, **words).errno == "EISCONN"
    other.start("kept.send", descriptor=theirs)
    firewall.decide(firewall.prompt(), "deny")
    assert other.result().errno == "EPERM"


@contextlib.contextmanager
def accepted(protocol=0):
    """A program that has accepted a connection of the peer's; its descriptor, and the rule."""
    if protocol == SCTP:
        with_module("sctp")
    rule = bus.add_rule(PROGRAM, "allow", operation="listen")
    caller = Caller()
    port = caller.call("servers.listen", "0.0.0.0", protocol=protocol).port
    with at_the_peer():
        client = socket.socket(proto=SCTP if protocol == SCTP else 0)
    client.connect((HERE, port))
    with client:
        yield caller, caller.call("servers.accept", port=port).descriptor, rule


def test_accepted_connection_needs_no_leave_to_connect():
    bus.add_rule(PROGRAM, "deny")
    for protocol in PROTOCOLS:
        with accepted(protocol) as (caller, mine, _):
            assert caller.call("kept.send", descriptor=mine).errno is None, protocol
            assert firewall.pending() == []


def test_accepted_connection_follows_the_rule_of_its_listener():
    for protocol in PROTOCOLS:
        with accepted(protocol) as (caller, mine, rule):
            assert caller.call("kept.send", descriptor=mine).errno is None, protocol
            bus.remove_rule(rule)
            rule = bus.add_rule(PROGRAM, "deny", operation="listen")
            assert caller.call("kept.send", descriptor=mine).errno == "EPERM", protocol
            bus.remove_rule(rule)


def test_accepted_connection_is_no_leave_to_connect():
    # The peer's port is one that the program itself may not connect to.
    bus.add_rule(PROGRAM, "deny")
    with accepted() as (caller, mine, _):
        assert caller.call("kept.send", descriptor=mine).errno is None
        port = caller.call("kept.turn_round", descriptor=mine).port
        words = {"descriptor": mine, "port": port}
        assert caller.call("kept.connect", PEER, **words).errno == "EPERM"


def test_accepted_connection_ends_with_a_rule_against_the_peer():
    with accepted() as (caller, mine, _):
        bus.add_rule(PROGRAM, "deny", ELSEWHERE, operation="accept")
        assert caller.call("kept.send", descriptor=mine).errno is None
        bus.add_rule(PROGRAM, "deny", PEER, operation="accept")
        assert caller.call("kept.send", descriptor=mine).errno == "EPERM"


def test_connection_handed_over_by_a_service_goes_on_until_a_rule_is_against_it():
    service, caller = Caller("root"), Caller()
    mine = service.call("kept.keep", ADDRESS, kind="tcp").descriptor
    service.call("kept.offer", name="service")
    caller.start("kept.take", name="service")
    service.call("kept.give", name="service", descriptor=mine)
    theirs = caller.result().descriptor
    assert caller.call("kept.send", descriptor=theirs).errno is None
    assert firewall.pending() == []
    bus.add_rule(PROGRAM, "deny")
    assert caller.call("kept.send", descriptor=theirs).errno == "EPERM"


def test_socket_without_room_for_a_label_is_judged_all_the_same():
    caller = Caller()
    bus.add_rule(PROGRAM, "allow", ELSEWHERE)
    bus.add_rule(PROGRAM, "deny")
    mine = caller.call("kept.keep", family=socket.AF_INET).descriptor
    with setting("net.core.optmem_max", "1"):
        words = {"descriptor": mine, "port": 7777}
        assert caller.call("kept.connect", ADDRESS, **words).errno == "EPERM"
        assert caller.call("kept.connect", ELSEWHERE, **words).errno is None
        assert caller.call("kept.send", descriptor=mine).errno is None
        result = caller.call("create", family=socket.AF_INET, kind=socket.SOCK_STREAM)
        assert result.errno == "ENOMEM", result
