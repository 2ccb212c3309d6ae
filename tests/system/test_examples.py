"""What the book shows works: another program than Portreeve's own asks, by the bus."""

import contextlib
from pathlib import Path

from harness import firewall
from harness.callers import PROGRAM, Caller
from harness.terminal import Terminal
from harness.wait import until

EXAMPLE, ADDRESS, ALICE = "/lab/docs/examples/agent.py", "203.0.113.10", "1000"
MOST_LINES = 60


@contextlib.contextmanager
def example(*words, user=None):
    it = Terminal("python3", EXAMPLE, *words, user=user)
    try:
        yield it
    finally:
        it.kill()


def times_asked(it, caller):
    """How often the example has asked about calls of the caller's."""
    return it.written().count(f"{PROGRAM}, process {caller.pid}, wants to connect: ")


def answered(it, caller, answer):
    """Has the example ask about a call, and answers, again if what is asked has changed; returns how it ended."""
    caller.start("connect", ADDRESS)
    before = 0

    def ended():
        nonlocal before
        if times_asked(it, caller) > before:
            before = times_asked(it, caller)
            it.type(f"{answer}\n")
        return not caller.is_calling()

    until(ended, "the end of the call", 50)
    return caller.result().errno


def test_example_is_short():
    assert len(Path(EXAMPLE).read_text().splitlines()) <= MOST_LINES


def test_root_answers_for_alice_by_the_example():
    with example(ALICE) as it:
        assert answered(it, Caller(), "deny") == "EPERM"
        # The next broker does not know who watches. Silence would deny.
        firewall.kill()
        firewall.await_agent()
        assert answered(it, Caller(), "allow") is None
    assert firewall.rules() == []


def test_alice_needs_a_password_for_the_example():
    with example(user="alice") as it:
        caller = Caller()
        caller.start("connect", ADDRESS)
        until(lambda: times_asked(it, caller), "the question", 60)
        it.type("allow\n")
        # There is nothing that could ask for it.
        until(lambda: "AccessDenied" in it.written(), "the refusal", 60)
        assert caller.is_calling()
        firewall.decide(firewall.prompt(), "deny")
        assert caller.result().errno == "EPERM"
