"""Protocols beside TCP and UDP reach nobody whom the program may not reach."""

import os
import struct
from contextlib import contextmanager

from harness import bus, firewall
from harness.arrivals import Arrivals
from harness.callers import PROGRAM, Caller
from harness.confined import (
    ADDRESS,
    BOTH,
    ELSEWHERE,
    allow,
    confine,
    refused_unless_allowed,
    refused_whatever_the_rules_say,
)
from harness.machine import do, setting, with_module
from harness.wait import until

RAW = 3
# What is sent there is lost (see net-up of the lab machine).
NOBODY = "203.0.113.99"
XATTR = "security.capability"
PING_GROUPS = "net.ipv4.ping_group_range"
CAP_NET_RAW = 13


@contextmanager
def raw_sockets():
    """Lets the program open raw sockets, as ping was let before there were sockets for it."""
    # struct vfs_cap_data of include/uapi/linux/capability.h: version 2, effective.
    os.setxattr(PROGRAM, XATTR, struct.pack("<5I", 0x0200_0001, 1 << CAP_NET_RAW, 0, 0, 0))
    try:
        yield
    finally:
        os.removexattr(PROGRAM, XATTR)


def test_ping_socket():
    with setting(PING_GROUPS, "0 2147483647"):
        ways = [{"connected": False}, {"connected": True}]
        refused_unless_allowed("protocols.ping", variants=ways)


def test_answer_about_a_call_without_a_port_outlives_the_broker():
    with setting(PING_GROUPS, "0 2147483647"):
        caller = Caller()
        caller.start("protocols.ping", ADDRESS)
        question = firewall.prompt()
        assert (question.operation, question.object.port) == ("connect", 0), question
        firewall.decide(question, "deny", "always", "host-port")
        assert caller.result().errno == "EPERM"
        before = firewall.rules()
        firewall.service("restart")
        until(firewall.is_up, "the broker")
        assert firewall.rules() == before
        assert Caller().call("protocols.ping", ADDRESS).errno == "EPERM"
        firewall.no_prompt()


def test_raw_socket():
    # That it may be made is not yet that it may send.
    bus.add_rule(PROGRAM, "allow", operation="create")
    with raw_sockets():
        ways = [{"connected": False}, {"connected": True}]
        refused_unless_allowed("protocols.ping", variants=ways, kind=RAW)


def test_raw_socket_is_asked_about_before_its_header_can_name_anybody():
    # What its owner writes into the header is where the packet goes, whatever the call names.
    confine()
    with Arrivals() as arrivals, raw_sockets():
        caller = Caller()
        words = {"header_address": ADDRESS}
        for action, errno in (("deny", "EPERM"), ("allow", None)):
            caller.start("protocols.raw_header", ELSEWHERE, **words)
            question = firewall.prompt()
            assert question.operation == "create", question
            assert arrivals.take() == []
            firewall.decide(question, action, scope=question.scopes[0])
            result = caller.result()
            assert result.errno == errno, result
            firewall.no_prompt()
        arrivals.take_until(lambda it: it.address == ADDRESS, "the packet with the header")


def test_raw_socket_in_a_namespace_of_its_own_leads_nowhere():
    # Without privileges the right to raw sockets comes with a network that has no way out. What is
    # shown is that the call is still alice's, whose user id is 0 there, and that nothing gets here.
    confine()
    bus.add_rule(PROGRAM, "allow", operation="create")
    caller = Caller(inside=("unshare", "-Urn"))
    with Arrivals() as arrivals:
        for address in BOTH:
            result = caller.call("protocols.ping", address, kind=RAW)
            assert result.errno == "EPERM", result
            allow(address)
            result = caller.call("protocols.ping", address, kind=RAW)
            assert result.errno in ("ENETUNREACH", "EADDRNOTAVAIL"), result
        assert arrivals.take() == []


def test_packet_socket():
    # It is asked about as raw sockets are, whose owner can do the same.
    with Arrivals() as arrivals, raw_sockets():
        caller = Caller()
        for action, errno in (("deny", "EPERM"), ("allow", None)):
            caller.start("protocols.packet", ADDRESS)
            question = firewall.prompt()
            assert question.operation == "create", question
            assert arrivals.take() == []
            firewall.decide(question, action, scope="any")
            assert caller.result().errno == errno
            firewall.no_prompt()
        arrivals.take_until(lambda it: it.address == ADDRESS, "the packet")


def test_sctp_connect():
    with_module("sctp")
    refused_unless_allowed("protocols.sctp")


def test_sctp_send():
    with_module("sctp")
    refused_unless_allowed("protocols.sctp", by="sendmsg")


def test_sctp_connect_by_socket_option():
    with_module("sctp")
    refused_whatever_the_rules_say("protocols.sctp", by="connectx")


def test_sctp_address_by_control_message():
    # The kernel tries the second address when the first one does not answer.
    with_module("sctp")
    confine()
    allow(NOBODY)
    with Arrivals() as arrivals, setting("net.sctp.rto_initial", "200"):
        words = {"by": "sendmsg", "extra": ADDRESS}
        result = Caller().call("protocols.sctp", NOBODY, **words)
        arrived = [it for it in arrivals.take() if it.address == ADDRESS]
        assert not arrived, f"{arrived}; it ends with {result}"
        assert result.errno == "EPERM", result


def test_dccp():
    with_module("dccp_ipv4")
    with_module("dccp_ipv6")
    refused_unless_allowed("protocols.dccp")


def test_l2tp():
    with_module("l2tp_ip")
    with_module("l2tp_ip6")
    ways = [{"connected": False}, {"connected": True}]
    refused_unless_allowed("protocols.l2tp", variants=ways)


def test_rds():
    # Debian keeps the module from being loaded by whoever asks for the family.
    with_module("rds_tcp")
    try:
        refused_whatever_the_rules_say("protocols.rds")
    finally:
        # It tries again for ever.
        do("modprobe", "--remove", "rds_tcp")
