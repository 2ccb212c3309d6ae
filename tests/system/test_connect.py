"""connect() in all its forms is held, asked about, and ends as it was answered."""

from harness import firewall
from harness.callers import PROGRAM, Caller
from harness.wire import TCP, Wire

ADDRESS = "203.0.113.10"
MAPPED = "::ffff:203.0.113.10"
ADDRESS6 = "2001:db8:113::10"


def held_then(action, address, asked_as, **options):
    """How a call ends that is held, asked about as `asked_as`, and answered."""
    caller = Caller()
    with Wire() as wire:
        caller.start("connect", address, **options)
        question = firewall.prompt()
        assert question.subject.path == PROGRAM, question
        assert question.subject.verified, question
        assert question.operation == "connect", question
        seen = question.object
        assert (seen.address, seen.port, seen.protocol) == (asked_as, 80, "tcp"), question
        assert caller.is_calling()
        assert wire.sent(TCP, asked_as, 80) == 0, "a packet left before the answer"
        firewall.decide(question, action)
        result = caller.result()
        assert bool(wire.sent(TCP, asked_as, 80)) == (action == "allow")
    firewall.no_prompt()
    return result


def test_ipv4_is_held_until_allowed():
    assert held_then("allow", ADDRESS, ADDRESS).errno is None


def test_ipv6_is_held_until_allowed():
    assert held_then("allow", ADDRESS6, ADDRESS6).errno is None


def test_ipv4_mapped_is_asked_as_ipv4():
    assert held_then("allow", MAPPED, ADDRESS).errno is None


def test_ipv4_denied_fails_with_eperm_and_sends_nothing():
    assert held_then("deny", ADDRESS, ADDRESS).errno == "EPERM"


def test_ipv6_denied_fails_with_eperm_and_sends_nothing():
    assert held_then("deny", ADDRESS6, ADDRESS6).errno == "EPERM"


def test_nonblocking_is_held_then_goes_on_by_itself():
    result = held_then("allow", ADDRESS, ADDRESS, nonblocking=True)
    assert result.errno == "EINPROGRESS", result
    assert result.established, result


def test_nonblocking_denied_fails_with_eperm():
    assert held_then("deny", ADDRESS, ADDRESS, nonblocking=True).errno == "EPERM"


def test_rule_for_ipv4_address_matches_its_mapped_form():
    firewall.add_rule(PROGRAM, "allow", "--addr", ADDRESS)
    assert Caller().call("connect", MAPPED).errno is None
    assert firewall.pending() == []


def test_denying_rule_for_ipv4_address_matches_its_mapped_form():
    firewall.add_rule(PROGRAM, "deny", "--addr", ADDRESS)
    assert Caller().call("connect", MAPPED).errno == "EPERM"
    assert firewall.pending() == []


def test_host_is_named_in_the_question():
    caller = Caller()
    caller.start("connect", ADDRESS)
    assert firewall.prompt().object.host == "server.example"
