"""A held call leaves its program as open to signals as an unheld one does."""

import signal
import time
from pathlib import Path

from harness import firewall
from harness.callers import Caller
from harness.wait import until

ADDRESS = "203.0.113.10"
AT_ONCE = 1.0  # seconds: the 200 ms, and room for an emulated machine


def held_caller(**alarm):
    """A caller that is held, and the question about it."""
    caller = Caller()
    if alarm:
        caller.call("handle_alarm", **alarm)
    caller.start("connect", ADDRESS)
    return caller, firewall.prompt()


def interrupt(caller):
    """Sends the signal that the caller has a handler for; waits until it has gone there and the call is
    held again: as another attempt, or as the same if the thread was out for a breath just then."""
    caller.signal(signal.SIGALRM)
    status = Path(f"/proc/{caller.pid}/status")

    def is_pending():
        words = dict(line.split(":\t", 1) for line in status.read_text().splitlines())
        pending = int(words["SigPnd"], 16) | int(words["ShdPnd"], 16)
        return pending >> signal.SIGALRM - 1 & 1

    until(lambda: not is_pending(), "the signal to be taken")
    return until(
        lambda: next((it for it in firewall.pending() if it.held == 1), None),
        "the call to be held again",
    )


def kill(caller, number):
    """Sends the signal that ends a caller; returns the seconds that took."""
    sent = time.monotonic()
    caller.signal(number)
    assert caller.end(seconds=10) == -number
    return time.monotonic() - sent


def test_sigint_ends_a_held_caller_and_withdraws_its_prompt():
    caller, _ = held_caller()
    seconds = kill(caller, signal.SIGINT)
    assert seconds < AT_ONCE, f"took {seconds:.3f} s"
    firewall.no_prompt()
    assert firewall.rules() == []


def test_sigkill_ends_a_held_caller_and_withdraws_its_prompt():
    caller, _ = held_caller()
    seconds = kill(caller, signal.SIGKILL)
    print(f"     gone {seconds * 1000:.0f} ms after SIGKILL")
    assert seconds < AT_ONCE, f"took {seconds:.3f} s"
    firewall.no_prompt()
    assert firewall.rules() == []


def test_handler_without_sa_restart_runs_and_the_call_ends_in_eintr():
    caller, _ = held_caller(restart=False)
    sent = time.monotonic()
    caller.signal(signal.SIGALRM)
    result = caller.result()
    assert result.errno == "EINTR", result
    assert result.end - sent < AT_ONCE, result
    assert len(result.handled) == 1, result
    assert result.handled[0] - sent < AT_ONCE, result
    # The program goes on and may try again: the question is still the same.
    caller.start("connect", ADDRESS)
    firewall.decide(firewall.prompt(), "allow")
    assert caller.result().errno is None


def test_handler_with_sa_restart_runs_and_the_call_is_held_again():
    caller, question = held_caller(restart=True)
    sent = time.monotonic()
    again = interrupt(caller)
    assert again.id == question.id, "another prompt"
    assert caller.is_calling()
    firewall.decide(again, "allow")
    result = caller.result()
    assert result.errno is None, result
    assert len(result.handled) == 1, result
    assert result.handled[0] - sent < AT_ONCE, result
    firewall.no_prompt()


def test_many_signals_with_sa_restart_leave_one_prompt():
    caller, question = held_caller(restart=True)
    for _ in range(10):
        interrupt(caller)
    assert firewall.prompt().id == question.id
    firewall.decide(firewall.prompt(), "deny")
    assert caller.result().errno == "EPERM"
