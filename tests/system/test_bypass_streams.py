"""No way of making a connection reaches anybody whom the program may not reach."""

from harness import firewall
from harness.callers import Caller
from harness.confined import (
    ADDRESS,
    MAPPED,
    refused_unless_allowed,
    refused_whatever_the_rules_say,
)
from harness.machine import setting, with_module

MPTCP, SMC = 262, 0
IPPROTO_SMC = 256
AF_SMC = 43


def test_tcp():
    calls = ("connect", "fastopen", "fastopen_sendmsg", "fastopen_connect")
    refused_unless_allowed(tuple(f"streams.{it}" for it in calls))


def test_tcp_ipv4_mapped():
    refused_unless_allowed(("streams.connect", "streams.fastopen"), MAPPED, wire=ADDRESS)


def test_fastopen_connect_that_leaves_all_to_the_first_send():
    client, without_cookie = 1, 4
    with setting("net.ipv4.tcp_fastopen", client | without_cookie):
        refused_unless_allowed("streams.fastopen_connect")


def test_mptcp():
    refused_unless_allowed(("streams.connect", "streams.fastopen"), protocol=MPTCP)


def test_mptcp_ipv4_mapped():
    refused_unless_allowed("streams.connect", MAPPED, wire=ADDRESS, protocol=MPTCP)


def test_key_for_another_address_does_not_make_it_the_kernels_socket():
    # The probe once took the bit beside the one that tells the kernel's own sockets.
    refused_unless_allowed("streams.signed", ADDRESS, other="192.0.2.99")


def test_smc():
    # Its kernel's socket gets into the program's hands, so there is none to begin with.
    with_module("smc")
    for words in ({"family": AF_SMC, "protocol": SMC}, {"protocol": IPPROTO_SMC}):
        refused_whatever_the_rules_say("streams.connect", **words)


def asked_about_once(**options):
    """The connection that the kernel makes for the program's is not asked about again."""
    caller = Caller()
    caller.start("streams.connect", ADDRESS, **options)
    question = firewall.prompt()
    assert (question.object.protocol, question.object.port) == ("tcp", 80), question
    firewall.decide(question, "allow")
    assert caller.result().errno is None
    firewall.no_prompt()


def test_mptcp_is_asked_about_once():
    asked_about_once(protocol=MPTCP)
