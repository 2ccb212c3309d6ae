"""What becomes of calls that no rule is about, and rules for taking a local address."""

from harness import bus, firewall
from harness.callers import PROGRAM, Caller

PEER = "203.0.113.10"


def take(caller, address="0.0.0.0", port=0, kind="stream"):
    return caller.call("servers.take", address, port=port, kind=kind).errno


def test_taking_an_address_is_free_until_a_rule_is_against_it():
    caller = Caller()
    for kind in ("stream", "datagrams"):
        assert take(caller, kind=kind) is None
        rule = bus.add_rule(PROGRAM, "deny", operation="bind")
        for address in ("0.0.0.0", "::", "127.0.0.1"):
            assert take(caller, address, kind=kind) == "EPERM", address
        bus.remove_rule(rule)
        rule = bus.add_rule(PROGRAM, "deny", "203.0.113.1", operation="bind")
        assert take(caller, "203.0.113.1", kind=kind) == "EPERM"
        assert take(caller, kind=kind) is None
        bus.remove_rule(rule)
    assert firewall.pending() == []


def test_datagram_server_takes_its_address_by_leave_only():
    bus.add_rule(PROGRAM, "allow", operation="listen")
    rule = bus.add_rule(PROGRAM, "deny", operation="bind")
    caller = Caller()
    assert take(caller, port=5353, kind="datagrams") == "EPERM"
    bus.remove_rule(rule)
    assert take(caller, port=5353, kind="datagrams") is None


def test_taking_an_address_can_be_asked_about():
    firewall.settings(**{"unruled.bind": '"ask"'})
    caller = Caller()
    caller.start("servers.take", "203.0.113.1", port=8080, kind="stream")
    question = firewall.prompt()
    seen = question.object
    assert (question.operation, seen.address, seen.port) == ("bind", "203.0.113.1", 8080), question
    firewall.decide(question, "deny")
    assert caller.result().errno == "EPERM"


def test_nobody_is_asked_where_the_settings_say_what_becomes_of_it():
    settings = {"connect": "deny", "listen": "deny"}
    firewall.settings(**{f"unruled.{key}": f'"{value}"' for key, value in settings.items()})
    caller = Caller()
    assert caller.call("connect", PEER).errno == "EPERM"
    assert caller.call("listen", "0.0.0.0", port=8080).errno == "EPERM"
    assert caller.call("listen", "127.0.0.1").errno is None, "a built-in rule"
    assert firewall.pending() == []
    bus.add_rule(PROGRAM, "allow")
    assert caller.call("connect", PEER).errno is None
    firewall.settings(**{"unruled.connect": '"allow"'})
    assert Caller().call("connect", PEER).errno is None
    assert firewall.pending() == []
