"""Rules that want their user to be asked: each time, or after the call has failed."""

from harness import firewall
from harness.callers import PROGRAM, Caller
from harness.wait import until

ADDRESS, OTHER, ADDRESS6 = "203.0.113.10", "203.0.113.11", "2001:db8:113::10"


def foretold(address):
    """What `test` says of a connection."""
    return firewall.ctl("test", "--app", PROGRAM, "--addr", address, "--port", 80)


def answered(caller, address, action, *how):
    """A connection that waits until it is answered so."""
    caller.start("connect", address)
    question = firewall.prompt()
    assert question.object.address == address, question
    rule = firewall.decide(question, action, *how)
    return caller.result().errno, rule


def test_what_is_to_be_asked_is_asked_each_time():
    firewall.add_rule(PROGRAM, "allow")
    rule = firewall.add_rule(PROGRAM, "ask", "--addr", ADDRESS)
    caller = Caller()
    # The kernel remembers what is allowed elsewhere, and nothing of this.
    for _ in range(2):
        assert caller.call("connect", ADDRESS6).errno is None
        told = foretold(ADDRESS)
        assert (told.outcome, told.rule) == ("ask", rule), told
        assert answered(caller, ADDRESS, "allow") == (None, None)
        assert answered(caller, ADDRESS, "deny") == ("EPERM", None)
    assert {it.action for it in firewall.rules()} == {"allow", "ask"}


def test_last_word_counts_between_leave_and_the_wish_to_be_asked():
    firewall.add_rule(PROGRAM, "ask", "--addr", ADDRESS)
    caller = Caller()
    errno, rule = answered(caller, ADDRESS, "allow", "always", "host")
    assert errno is None
    assert caller.call("connect", ADDRESS).errno is None
    assert firewall.pending() == []
    firewall.remove_rule(rule)
    assert answered(caller, ADDRESS, "deny") == ("EPERM", None)


def test_connection_that_was_allowed_goes_on_and_the_next_is_asked_about():
    firewall.add_rule(PROGRAM, "ask")
    caller = Caller()
    for _ in range(2):
        caller.start("kept.keep", ADDRESS, kind="udp")
        firewall.decide(firewall.prompt(), "allow")
        mine = caller.result().descriptor
        for _ in range(2):
            assert caller.call("kept.send", descriptor=mine).errno is None
        assert firewall.pending() == []


def test_call_fails_at_once_and_the_answer_is_for_the_next():
    rule = firewall.add_rule(PROGRAM, "deny-and-ask", "--errno", "ECONNREFUSED")
    caller = Caller()
    told = foretold(ADDRESS)
    assert (told.outcome, told.errno, told.rule) == ("deny-and-ask", 111, rule), told
    result = caller.call("connect", ADDRESS)
    assert result.errno == "ECONNREFUSED" and result.seconds < 2, result
    question = firewall.prompt(held=0)
    # Each attempt until then, and they are one question.
    assert caller.call("connect", ADDRESS).errno == "ECONNREFUSED"
    question = firewall.prompt(held=0)
    assert question.attempts == 2, question
    firewall.decide(question, "allow", "once")
    assert caller.call("connect", ADDRESS).errno is None
    assert caller.call("connect", ADDRESS).errno == "ECONNREFUSED"
    firewall.decide(firewall.prompt(held=0), "allow", "always", "host")
    for _ in range(2):
        assert caller.call("connect", ADDRESS).errno is None
    assert firewall.pending() == []
    assert caller.call("connect", OTHER).errno == "ECONNREFUSED"


def test_nobody_is_asked_who_wants_silence_and_nothing_goes_on_unasked():
    firewall.add_rule(PROGRAM, "ask", "--addr", ADDRESS)
    caller = Caller()
    firewall.ctl("mode", "deny")
    assert foretold(ADDRESS).outcome == "deny"
    assert caller.call("connect", ADDRESS).errno == "EPERM"
    assert firewall.pending() == []
    firewall.ctl("mode", "allow")
    assert caller.call("connect", OTHER).errno != "EPERM"
    assert answered(caller, ADDRESS, "deny") == ("EPERM", None)


def test_nobody_can_be_asked_about_who_connects():
    refused = firewall.refusal(firewall.add_rule, PROGRAM, "ask", operation="accept")
    assert "cannot ask about who connects" in refused.error.message, refused
    firewall.add_rule(PROGRAM, "allow", operation="listen")
    firewall.add_rule(PROGRAM, "ask", operation="listen")
    caller = Caller()
    caller.start("listen", "0.0.0.0", port=8080)
    firewall.decide(firewall.prompt(), "deny")
    assert caller.result().errno == "EPERM"


def test_what_an_administrator_wants_asked_no_answer_settles():
    firewall.RULES.mkdir(parents=True, exist_ok=True)
    rule = f'[[rule]]\nprogram = "{PROGRAM}"\noperations = ["connect"]\naction = "ask"\n'
    (firewall.RULES / "10-lab.toml").write_text(rule)
    firewall.add_rule(PROGRAM, "allow", "--addr", ADDRESS)
    until(lambda: foretold(ADDRESS).outcome == "ask", "the administrator's rule")
    caller = Caller()
    caller.start("connect", ADDRESS)
    question = firewall.prompt()
    assert question.lifespans == ["once"], question
    refused = firewall.refusal(firewall.decide, question, "allow", "always")
    assert "asked each time" in refused.error.message, refused
    firewall.decide(question, "allow")
    assert caller.result().errno is None
    assert answered(caller, ADDRESS, "deny") == ("EPERM", None)
