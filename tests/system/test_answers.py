"""An answer counts as long as it says, for the program it was given about, and no longer."""

from harness import firewall
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.wait import until

ADDRESS, OTHER = "203.0.113.10", "203.0.113.11"


def asked(caller, address=ADDRESS):
    """Starts a call that must be asked about; returns the question."""
    caller.start("connect", address)
    return firewall.prompt()


def answered(caller, action, lifespan, scope="host-port"):
    """Answers the question about a call; returns how that ended."""
    firewall.decide(asked(caller), action, lifespan, scope)
    return caller.result().errno


def not_asked(caller, address=ADDRESS):
    """How a call ends that must not be asked about."""
    result = caller.call("connect", address)
    assert firewall.pending() == []
    return result.errno


def test_once_is_asked_about_again():
    caller = Caller()
    assert answered(caller, "allow", "once") is None
    assert firewall.rules() == []
    assert answered(caller, "deny", "once") == "EPERM"
    asked(caller)


def test_process_covers_this_process_and_no_other():
    caller = Caller()
    assert answered(caller, "allow", "process") is None
    assert not_asked(caller) is None
    [rule] = firewall.rules()
    assert (rule.lifespan, rule.pid) == ("process", caller.pid)
    asked(Caller())


def test_denied_process_is_not_asked_about_again():
    caller = Caller()
    assert answered(caller, "deny", "process") == "EPERM"
    assert not_asked(caller) == "EPERM"
    asked(Caller())


def test_always_covers_later_processes_of_the_program():
    assert answered(Caller(), "allow", "always") is None
    assert not_asked(Caller()) is None


def test_denied_always_fails_at_once():
    caller = Caller()
    assert answered(caller, "deny", "always") == "EPERM"
    assert not_asked(caller) == "EPERM"
    assert not_asked(Caller()) == "EPERM"


def test_always_does_not_cover_another_program():
    assert answered(Caller(), "allow", "always") is None
    caller = Caller(program=OTHER_PROGRAM)
    assert asked(caller).subject.path == OTHER_PROGRAM


def test_always_survives_a_restart_of_the_broker():
    assert answered(Caller(), "allow", "always") is None
    firewall.service("restart")
    firewall.await_agent()
    assert not_asked(Caller()) is None


def test_scope_host_port_covers_no_other_host():
    caller = Caller()
    assert answered(caller, "allow", "always", scope="host-port") is None
    asked(caller, OTHER)


def test_scope_any_covers_other_hosts():
    caller = Caller()
    assert answered(caller, "allow", "always", scope="any") is None
    assert not_asked(caller, OTHER) is None


def test_one_answer_settles_every_open_question_it_covers():
    one, other = Caller(), Caller()
    first = asked(one)
    other.start("connect", OTHER)
    until(lambda: len(firewall.pending()) == 2, "a question for each host")
    firewall.decide(first, "allow", "always", scope="any")
    assert one.result().errno is None
    assert other.result().errno is None
    firewall.no_prompt()


def test_stale_revision_is_refused():
    firewall.settings(hold_seconds=1)
    caller = Caller()
    question = asked(caller)
    caller.result()
    assert firewall.prompt(held=0).revision > question.revision
    refused = firewall.refusal(firewall.decide, question, "allow", "always")
    assert refused.status == firewall.STALE, refused
    assert refused.error.name == "io.github.portreeve.Error.StaleRevision", refused
    assert firewall.rules() == []
    assert firewall.prompt(held=0)


def test_prompt_is_answered_once():
    caller = Caller()
    question = asked(caller)
    firewall.decide(question, "allow")
    refused = firewall.refusal(firewall.decide, question, "deny")
    assert refused.status == firewall.NOT_FOUND, refused
    assert caller.result().errno is None


def test_removed_rule_is_asked_about_again_at_once():
    rule = firewall.add_rule(PROGRAM, "allow")
    caller = Caller()
    for _ in range(3):
        assert not_asked(caller) is None
    firewall.remove_rule(rule)
    # The same process, whose verdict the kernel had remembered.
    asked(caller)


def test_rule_added_meanwhile_overrides_what_is_remembered():
    firewall.add_rule(PROGRAM, "allow")
    caller = Caller()
    assert not_asked(caller) is None
    firewall.add_rule(PROGRAM, "deny", "--addr", ADDRESS)
    assert not_asked(caller) == "EPERM"


def test_rule_switched_off_and_on_counts_at_once():
    rule = firewall.add_rule(PROGRAM, "deny")
    caller = Caller()
    assert not_asked(caller) == "EPERM"
    firewall.ctl("rules", "disable", rule)
    question = asked(caller)
    firewall.ctl("rules", "enable", rule)
    assert caller.result().errno == "EPERM"
    assert question.id not in [it.id for it in firewall.pending()]


def test_rule_added_meanwhile_answers_who_is_held():
    caller = Caller()
    asked(caller)
    firewall.add_rule(PROGRAM, "allow")
    assert caller.result().errno is None
    firewall.no_prompt()
