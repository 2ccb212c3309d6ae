"""Many calls with one question make one prompt, and one answer is enough for all of them."""

from harness import firewall
from harness.callers import Caller

ADDRESS = "203.0.113.10"


def test_one_answer_releases_fifty_processes():
    caller = Caller()
    caller.start("in_processes", ADDRESS, count=50)
    question = firewall.prompt(held=50)
    assert firewall.status().held == 50
    firewall.decide(question, "allow")
    results = caller.result().each
    assert len(results) == 50
    assert {result.errno for result in results} == {None}
    # All of them at once: none ended before the last had begun.
    assert max(it.begin for it in results) < min(it.end for it in results)
    firewall.no_prompt()


def test_fifty_processes_denied_at_once():
    caller = Caller()
    caller.start("in_processes", ADDRESS, count=50)
    firewall.decide(firewall.prompt(held=50), "deny")
    assert {result.errno for result in caller.result().each} == {"EPERM"}


def test_two_hundred_calls_make_one_prompt_and_one_rule():
    caller = Caller()
    caller.start("in_threads", ADDRESS, count=200)
    question = firewall.prompt(held=200)
    assert question.attempts == 200, question
    rule = firewall.decide(question, "allow", "always")
    results = caller.result().each
    assert [result.errno for result in results] == [None] * 200
    assert [it.id for it in firewall.rules()] == [rule]
    firewall.no_prompt()
