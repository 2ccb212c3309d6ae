"""Rules end: at a time, with their process, or when their user logs out; whatever the broker does."""

import contextlib
import os
import signal
import time

from harness import bus, firewall
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.machine import do, run
from harness.marks import slow
from harness.wait import until

ADDRESS, OTHER = "203.0.113.10", "203.0.113.11"
SESSION = "lab-session.service"


def boottime():
    """Microseconds on the clock of rules that end."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) * 1e6


def only_rule():
    [rule] = firewall.rules()
    return rule


def is_listed(rule):
    return rule in bus.own_rules("alice")


def asked(caller, address=ADDRESS):
    """Starts a call that must be asked about; returns the question."""
    caller.start("connect", address)
    return firewall.prompt()


def not_asked(caller, address=ADDRESS):
    """How a call ends that must not be asked about."""
    result = caller.call("connect", address)
    assert firewall.pending() == []
    return result.errno


def killed():
    """Kills the broker, and waits for the next one."""
    broker = firewall.broker()
    os.kill(broker, signal.SIGKILL)
    until(lambda: firewall.broker() not in (0, broker), "the next broker")
    firewall.await_agent()


def test_time_ends_what_it_allowed_at_the_next_send():
    bus.add_rule(PROGRAM, "deny")
    rule = bus.add_rule(PROGRAM, "allow", ADDRESS, lifespan="8s")
    caller = Caller()
    mine = caller.call("kept.keep", ADDRESS).descriptor
    assert caller.call("kept.send", descriptor=mine).errno is None
    [ends] = (it.ends for it in firewall.rules() if it.id == rule)
    while boottime() < ends - 1e6:
        assert caller.call("kept.send", descriptor=mine).errno is None
    until(lambda: not is_listed(rule), "the rule's end")
    assert boottime() >= ends
    assert caller.call("kept.send", descriptor=mine).errno == "EPERM"
    assert not_asked(caller) == "EPERM"


def test_nobody_has_to_look_for_a_time_to_end():
    rule = bus.add_rule(PROGRAM, "allow", lifespan="6s")
    caller = Caller()
    assert not_asked(caller) is None
    [ends] = (it.ends for it in firewall.rules() if it.id == rule)
    # Only the kernel is asked meanwhile, which remembers; the broker has to come by itself.
    until(lambda: boottime() > ends + 1e6, "the time to pass")
    question = asked(caller)
    assert question.subject.path == PROGRAM
    assert not is_listed(rule)


def test_answer_for_an_hour_is_a_rule_that_says_when_it_ends():
    caller = Caller()
    question = asked(caller)
    assert question.lifespans == ["once", "process", "3600s", "logout", "always"], question
    before = boottime()
    firewall.decide(question, "allow", "1h")
    assert caller.result().errno is None
    rule = only_rule()
    assert (rule.lifespan, rule.pid) == ("until", None)
    assert before + 3600e6 <= rule.ends <= boottime() + 3600e6
    listed = ("portreevectl", "--user", "alice", "rules", "list")
    until(lambda: "ends in 59m" in do(*listed), "the first second to be over")


def test_time_that_cannot_be_is_named():
    for words in (["--for", "soon"], ["--for", "0s"], ["--for", "400days"]):
        refused = firewall.refusal(firewall.add_rule, PROGRAM, "allow", *words)
        assert refused.status == firewall.USAGE, refused
        assert f"“{words[1]}”" in refused.error.message, refused


@slow(minutes=3)
def test_time_goes_on_while_the_broker_is_killed():
    rule = firewall.add_rule(PROGRAM, "allow", "--for", "25s")
    ends = only_rule().ends
    killed()
    assert only_rule().ends == ends
    caller = Caller()
    assert not_asked(caller) is None
    until(lambda: not is_listed(rule), "the rule's end", 40)
    assert boottime() >= ends
    asked(caller)


def test_rule_of_a_process_survives_a_killed_broker_and_ends_with_the_process():
    caller = Caller()
    firewall.decide(asked(caller), "allow", "process", scope="any")
    assert caller.result().errno is None
    rule = only_rule().id
    killed()
    # Not what the kernel remembers: nobody has been there yet.
    assert not_asked(caller, OTHER) is None
    assert (only_rule().id, only_rule().pid) == (rule, caller.pid)
    firewall.decide(asked(Caller()), "deny")
    caller.kill()
    until(lambda: not is_listed(rule), "the rule's end")


def test_rule_of_a_process_that_ends_without_a_broker_is_gone():
    caller = Caller()
    firewall.decide(asked(caller), "allow", "process")
    assert caller.result().errno is None
    os.kill(firewall.broker(), signal.SIGSTOP)
    caller.kill()
    killed()
    assert firewall.rules() == []


@contextlib.contextmanager
def logged_out():
    """alice logs out, and in again in the end. Her programs go on."""
    do("systemctl", "stop", SESSION)
    try:
        yield
    finally:
        run("loginctl", "terminate-user", "alice")
        until(lambda: run("systemctl", "is-active", "user@1000").returncode != 0, "her manager's end")
        do("systemctl", "start", SESSION)
        firewall.await_agent()


def test_until_logout_ends_at_logout_though_a_program_stays():
    always = firewall.add_rule(PROGRAM, "allow", "--addr", OTHER)
    rule = firewall.add_rule(PROGRAM, "deny", "--until-logout")
    caller = Caller()
    firewall.decide(asked(Caller(program=OTHER_PROGRAM)), "allow", "logout")
    assert [it.lifespan for it in firewall.rules()].count("logout") == 2
    assert not_asked(caller) == "EPERM"
    killed()
    assert is_listed(rule), "she is still there"
    with logged_out():
        until(lambda: bus.own_rules("alice") == [always], "the rules' end")
        firewall.settings(agent_wait_seconds=3600)
        question = asked(caller)
        assert "logout" not in question.lifespans, question
        caller.kill()
    assert bus.own_rules("alice") == [always]


def test_who_is_not_logged_in_cannot_log_out():
    words = ("allow", "--until-logout")
    refused = firewall.refusal(firewall.add_rule, PROGRAM, *words, user="bob")
    assert refused.status == firewall.USAGE, refused
    assert "logs out" in refused.error.message, refused
