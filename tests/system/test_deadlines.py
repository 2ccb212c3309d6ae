"""When time is over the attempt is denied once; the question stays, and a late answer counts."""

from harness import firewall
from harness.callers import PROGRAM, Caller
from harness.wait import until

ADDRESS = "203.0.113.10"


def unanswered(caller):
    """A call that nobody answers in time, and the question that is left of it."""
    caller.start("connect", ADDRESS)
    firewall.prompt()
    result = caller.result()
    assert result.errno == "EPERM", result
    return result, firewall.prompt(held=0)


def test_deadline_denies_once_and_leaves_the_question_open():
    firewall.settings(hold_seconds=2)
    caller = Caller()
    result, question = unanswered(caller)
    assert 1.9 < result.seconds < 4, result
    assert firewall.rules() == []
    assert "deadline=1" in firewall.status().failures
    # The next attempt joins the same question.
    caller.start("connect", ADDRESS)
    again = firewall.prompt(held=1)
    assert again.id == question.id
    assert again.revision > question.revision, "what it says has changed"


def test_nonblocking_call_has_the_shorter_deadline():
    firewall.settings(hold_seconds=60, nonblocking_hold_seconds=1)
    result = Caller().call("connect", ADDRESS, nonblocking=True)
    assert result.errno == "EPERM", result
    assert 0.9 < result.seconds < 3, result
    assert firewall.prompt(held=0)


def test_late_answer_always_counts_from_the_next_attempt():
    firewall.settings(hold_seconds=1)
    caller = Caller()
    _, question = unanswered(caller)
    rule = firewall.decide(question, "allow", "always")
    assert [it.id for it in firewall.rules()] == [rule]
    assert caller.call("connect", ADDRESS).errno is None
    assert firewall.pending() == []


def test_late_answer_once_counts_for_the_next_attempt_only():
    firewall.settings(hold_seconds=1)
    caller = Caller()
    _, question = unanswered(caller)
    firewall.decide(question, "allow", "once")
    assert firewall.pending() == []
    assert caller.call("connect", ADDRESS).errno is None
    assert firewall.rules() == []
    unanswered(caller)


def test_without_agent_a_call_waits_for_one_then_is_denied():
    firewall.settings(agent_wait_seconds=2)
    caller = Caller()
    firewall.agent("stop")
    until(lambda: not firewall.has_agent(), "the agent to be gone")
    result, _ = unanswered(caller)
    assert 1.9 < result.seconds < 4, result
    assert "no-agent=1" in firewall.status().failures
    assert firewall.rules() == []


def test_without_agent_rules_decide():
    caller = Caller()
    firewall.agent("stop")
    until(lambda: not firewall.has_agent(), "the agent to be gone")
    rule = firewall.add_rule(PROGRAM, "allow")
    assert caller.call("connect", ADDRESS).errno is None
    firewall.remove_rule(rule)
    firewall.add_rule(PROGRAM, "deny")
    assert caller.call("connect", ADDRESS).errno == "EPERM"


def test_agent_that_comes_is_given_the_full_time():
    firewall.settings(agent_wait_seconds=30, hold_seconds=300)
    firewall.agent("stop")
    until(lambda: not firewall.has_agent(), "the agent to be gone")
    caller = Caller()
    caller.start("connect", ADDRESS)
    early = firewall.prompt()
    firewall.agent("start")
    firewall.await_agent()
    late = firewall.prompt()
    assert late.id == early.id
    assert late.deadline - early.deadline > 200_000_000, (early, late)
    firewall.decide(late, "allow")
    assert caller.result().errno is None
