"""The state in which nothing may wait that has no reason to: others of alice's calls are held."""

from contextlib import contextmanager

from harness import firewall
from harness.callers import Caller

ADDRESS = "203.0.113.10"


@contextmanager
def everything_held():
    """Others of alice's calls are held meanwhile, and no question is added to theirs."""
    held = Caller()
    held.start("in_threads", ADDRESS, count=5)
    question = firewall.prompt(held=5)
    yield
    after = firewall.prompt(held=5)
    assert (after.id, after.attempts) == (question.id, question.attempts), after
    assert held.is_calling()
