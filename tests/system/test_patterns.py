"""Rules about domains, sets of ports and kinds of places; and that `test` says what the kernel does."""

from harness import firewall
from harness.callers import PROGRAM, Caller
from harness.nameserver import SERVER, NameServer, asked_by_all

ADDRESS, ADDRESS6, LOCAL = "203.0.113.10", "2001:db8:113::10", "10.99.0.1"
MULTICAST = "224.0.0.251"
# An address that /etc/hosts has no name for.
NAMED = "203.0.113.13"
DENIED, ASKED = "EPERM", "asked"


def allow(*words):
    return firewall.add_rule(PROGRAM, "allow", *words)


def deny(*words):
    return firewall.add_rule(PROGRAM, "deny", *words)


def outcome(caller, address, port=80):
    """What becomes of a connection: an errno, None, or that the user is asked; as it was foretold."""
    told = firewall.ctl("test", "--app", PROGRAM, "--addr", address, "--port", port)
    caller.start("connect", address, port=port)
    if told.outcome == "ask":
        asked = firewall.prompt()
        assert (asked.object.address, asked.object.port) == (address, port), asked
        firewall.decide(asked, "deny")
        assert caller.result().errno == "EPERM"
        firewall.no_prompt()
        return ASKED
    errno = caller.result().errno
    assert (told.outcome == "deny") == (errno == "EPERM"), (told, errno)
    assert firewall.pending() == []
    return errno


def test_ports_are_named_one_by_one_and_in_ranges():
    allow("--port", "80,8000-8010", "--protocol", "tcp")
    caller = Caller()
    assert outcome(caller, ADDRESS, 80) is None
    # Nobody listens there: it got through.
    for port in (8000, 8005, 8010):
        assert outcome(caller, ADDRESS, port) == "ECONNREFUSED"
    for port in (79, 81, 7999, 8011):
        assert outcome(caller, ADDRESS, port) == ASKED
    # A rule for fewer ports is the more exact one.
    deny("--port", "8005")
    assert outcome(caller, ADDRESS, 8005) == DENIED
    assert outcome(caller, ADDRESS, 8006) == "ECONNREFUSED"


def test_internet_is_what_is_not_near():
    allow("--place", "internet")
    caller = Caller()
    assert outcome(caller, ADDRESS) is None
    assert outcome(caller, ADDRESS6) is None
    assert outcome(caller, LOCAL) == ASKED
    deny("--place", "internet", "--port", "80")
    assert outcome(caller, ADDRESS) == DENIED


def test_datagrams_to_many_are_a_place():
    deny("--place", "multicast")
    caller = Caller()
    assert caller.call("sendto", MULTICAST).errno == "EPERM"
    told = firewall.ctl("test", "--app", PROGRAM, "--addr", MULTICAST, "--protocol", "udp")
    assert told.outcome == "deny", told
    assert outcome(caller, ADDRESS) == ASKED


def test_denied_call_fails_with_the_errno_of_the_rule():
    deny("--addr", ADDRESS, "--errno", "ECONNREFUSED")
    deny("--addr", ADDRESS6, "--errno", "EHOSTUNREACH")
    caller = Caller()
    for _ in range(2):
        # The second time the kernel remembers it.
        assert caller.call("connect", ADDRESS).errno == "ECONNREFUSED"
        assert caller.call("connect", ADDRESS6).errno == "EHOSTUNREACH"
        assert caller.call("sendto", ADDRESS).errno == "ECONNREFUSED"


def test_domain_is_every_name_that_ends_with_it():
    with NameServer() as server, asked_by_all():
        allow("--addr", SERVER)
        names = {"www.shop.example": NAMED, "shop.example": "203.0.113.14"}
        others = {"notshop.example": "203.0.113.15"}
        for name, address in (names | others).items():
            server.says(name, address)
        deny("--domain", "shop.example", "--errno", "ECONNREFUSED")
        caller = Caller()
        assert outcome(caller, NAMED) == ASKED
        for name, address in names.items():
            found = caller.call("names.look_up", name=name, family=4)
            assert found.addresses == [address], found
            assert caller.call("connect", address).errno == "ECONNREFUSED"
        caller.start("names.look_up", name="notshop.example", family=4)
        assert caller.result().addresses == ["203.0.113.15"]
        assert outcome(caller, "203.0.113.15") == ASKED


def test_answer_may_be_for_the_whole_domain():
    with NameServer() as server, asked_by_all():
        allow("--addr", SERVER)
        server.says("www.example.org", NAMED)
        server.says("cdn.example.org", "203.0.113.14")
        caller = Caller()
        caller.call("names.look_up", name="www.example.org", family=4)
        caller.start("connect", NAMED)
        asked = firewall.prompt()
        assert asked.object.domain == "example.org", asked
        assert asked.scopes == ["domain", "host", "host-port", "any"], asked
        firewall.decide(asked, "deny", "always", "domain")
        assert caller.result().errno == "EPERM"
        caller.call("names.look_up", name="cdn.example.org", family=4)
        assert caller.call("connect", "203.0.113.14").errno == "EPERM"
        firewall.no_prompt()
        [rule] = [rule for rule in firewall.rules() if rule.action == "deny"]
        assert (rule.destination, rule.host) == ("domain", "example.org"), rule
