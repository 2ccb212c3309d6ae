"""Options of a socket do not lead around what has been judged."""

import socket

from harness import bus, firewall
from harness.arrivals import Arrivals
from harness.callers import PROGRAM, Caller
from harness.confined import ADDRESS6, ELSEWHERE, ELSEWHERE6, confine, unguarded
from harness.marks import Skipped

RFC2292 = 5


def routed(*ways):
    """A packet to an allowed address is to go to another one first.

    For a user who is not guarded it does.
    """
    confine()
    guarded = Caller()
    free = unguarded()
    for way in ways:
        words = {"first": ADDRESS6, **way}
        with Arrivals() as arrivals:
            result = free.call("options.routed", ELSEWHERE6, **words)
            if result.errno == "EINVAL":
                raise Skipped("this kernel takes no such routing header")
            arrivals.take_until(lambda it: it.address == ADDRESS6, f"{way}: {result}")
        with Arrivals() as arrivals:
            result = guarded.call("options.routed", ELSEWHERE6, **words)
            assert result.errno == "EPERM", f"{way}: {result}"
            assert arrivals.take() == [], way


def test_segments():
    # By a control message the kernel takes none.
    routed({}, {"kind": "tcp"})


def test_mobile_routing():
    messages = [{"by": "message"}, {"by": "message", "number": RFC2292}]
    kept = {"by": "kept message", "number": RFC2292}
    routed(*({"header": "mobile", **way} for way in ({}, *messages, kept)))


def flipped_while_held(by):
    """An IPv6 socket becomes an IPv4 one while a call with an IPv6 address is held."""
    bus.add_rule(PROGRAM, "allow", ELSEWHERE)
    caller = Caller()
    with Arrivals() as arrivals:
        words = {"connected": f"::ffff:{ELSEWHERE}", "by": by}
        caller.start("options.flipped", ADDRESS6, **words)
        question = firewall.prompt()
        assert question.object.address == ADDRESS6, question
        caller.start("now")
        assert caller.result().flipped == socket.AF_INET
        assert caller.is_calling(), "still held"
        firewall.decide(question, "allow")
        result = caller.result()
        # An IPv4 socket takes no IPv6 address; whatever it did, it reached nobody else.
        assert result.ended == "EAFNOSUPPORT", result
        assert arrivals.take() == [], result


def test_socket_flipped_while_its_send_is_held():
    flipped_while_held("sendto")


def test_socket_flipped_while_its_connect_is_held():
    flipped_while_held("connect")
