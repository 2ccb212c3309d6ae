"""Looking names up is a right of its own: allowed by a built-in rule, unless the user has that say otherwise."""

import socket

from harness import bus, firewall
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.nameserver import SERVER, STRANGER, NameServer, asked_by_all
from harness.wait import until

NAME, ADDRESS = "www.lookup.example", "203.0.113.13"
# Where systemd-resolved answers, whether it is there or not.
RESOLVED = "127.0.0.53"
DNS = 53
DATAGRAMS, STREAM = socket.SOCK_DGRAM.value, socket.SOCK_STREAM.value


def start(caller, address, kind=DATAGRAMS, port=DNS):
    caller.start("connect", address, port=port, kind=kind)


def told(caller, address, kind=DATAGRAMS, port=DNS):
    """What becomes of a connection about which nobody is asked: the errno."""
    start(caller, address, kind, port)
    errno = caller.result().errno
    assert firewall.pending() == []
    return errno


def asked(caller, address, kind=DATAGRAMS):
    """The question about a connection; it still waits."""
    start(caller, address, kind)
    question = firewall.prompt()
    assert question.object.address == address, question
    return question


def refused(caller, question):
    firewall.decide(question, "deny")
    assert caller.result().errno == "EPERM"
    firewall.no_prompt()


def test_names_are_looked_up_without_a_question():
    with NameServer() as server, asked_by_all():
        server.says(NAME, ADDRESS)
        for program in (PROGRAM, OTHER_PROGRAM):
            caller = Caller(program=program)
            assert caller.call("names.look_up", name=NAME, family=4).addresses == [ADDRESS]
            assert told(caller, SERVER, STREAM) is None
            assert told(caller, RESOLVED) is None
            # Nobody listens there, or somebody does: it got through.
            assert told(caller, RESOLVED, STREAM) in (None, "ECONNREFUSED")
    assert firewall.rules() == []


def test_name_servers_of_others_are_peers_like_any():
    with NameServer(), NameServer(STRANGER), asked_by_all():
        caller = Caller()
        question = asked(caller, STRANGER)
        assert not question.object.name_server, question
        assert "name-servers" not in question.scopes, question
        refused(caller, question)


def test_who_wants_to_be_asked_about_lookups_is_and_the_answer_counts():
    firewall.built_in("name-lookups", "ask")
    with NameServer() as server, asked_by_all():
        server.says(NAME, ADDRESS)
        caller = Caller()
        for address in (RESOLVED, SERVER):
            question = asked(caller, address)
            assert question.object.name_server, question
            assert question.scopes == ["name-servers", "host", "host-port", "any"], question
            refused(caller, question)
        question = asked(caller, RESOLVED)
        firewall.decide(question, "allow", "always", "name-servers")
        assert caller.result().errno is None
        [rule] = firewall.rules()
        assert (rule.destination, rule.ports, rule.protocol) == ("name-servers", None, None), rule
        # It is for all of them, and by either protocol; and for this program alone.
        assert told(caller, SERVER, STREAM) is None
        assert caller.call("names.look_up", name=NAME, family=4).addresses == [ADDRESS]
        assert firewall.pending() == []
        other = Caller(program=OTHER_PROGRAM)
        refused(other, asked(other, RESOLVED))
        # Nobody else is asked.
        assert Caller("bob").call("connect", RESOLVED, port=DNS, kind=DATAGRAMS).errno is None


def test_nothing_else_on_this_computer_is_a_lookup():
    firewall.built_in("name-lookups", "deny")
    with NameServer(), asked_by_all():
        caller = Caller()
        for address, port in ((RESOLVED, 5353), ("127.0.0.1", DNS), ("127.0.0.1", 631)):
            assert told(caller, address, port=port) is None, (address, port)
        assert told(caller, RESOLVED) == "EPERM"


def test_lookups_that_are_denied_fail_and_a_rule_for_the_program_counts_for_more():
    firewall.built_in("name-lookups", "deny")
    with NameServer() as server, asked_by_all():
        server.says(NAME, ADDRESS)
        caller = Caller()
        for address in (RESOLVED, SERVER):
            for kind in (DATAGRAMS, STREAM):
                assert told(caller, address, kind) == "EPERM", (address, kind)
        assert caller.call("names.look_up", name=NAME, family=4).addresses == []
        assert NAME not in {it[0] for it in server.asked}
        bus.add_rule(PROGRAM, "allow", place="name-servers")
        assert caller.call("names.look_up", name=NAME, family=4).addresses == [ADDRESS]
        assert told(Caller(program=OTHER_PROGRAM), RESOLVED) == "EPERM"


def test_what_is_set_counts_for_what_is_remembered_and_outlives_the_broker():
    caller = Caller()
    for _ in range(2):
        assert told(caller, RESOLVED) is None
    firewall.built_in("name-lookups", "deny")
    assert told(caller, RESOLVED) == "EPERM"
    firewall.service("restart")
    until(firewall.is_up, "the next broker")
    firewall.await_agent()
    assert told(caller, RESOLVED) == "EPERM"
    said = {it.rule: it.action for it in firewall.ctl("rules", "built-in")}
    assert said == {"this-computer": "allow", "name-lookups": "deny"}, said


def test_name_server_that_is_none_any_more_is_asked_about():
    with NameServer(), NameServer(STRANGER):
        caller = Caller()
        with asked_by_all():
            assert told(caller, SERVER, STREAM) is None
        with asked_by_all(STRANGER):
            assert told(caller, STRANGER, STREAM) is None
            refused(caller, asked(caller, SERVER, STREAM))


def test_user_needs_leave_for_what_lets_more_happen_alone():
    for action in ("ask", "deny"):
        said = firewall.ctl_as("alice", "rules", "built-in", "name-lookups", action)
        assert said.action == action, said
    for action in ("ask", "allow"):
        words = ("rules", "built-in", "name-lookups", action)
        refusal = firewall.refusal(firewall.ctl_as, "alice", *words)
        assert refusal.status == firewall.ACCESS_DENIED, refusal
    assert told(Caller(), RESOLVED) == "EPERM"


def test_this_computer_can_be_denied_and_lookups_go_on():
    firewall.built_in("this-computer", "deny")
    caller = Caller()
    assert told(caller, "127.0.0.1", port=631) == "EPERM"
    assert told(caller, RESOLVED) is None
    assert caller.call("listen", "127.0.0.1").errno == "EPERM"
