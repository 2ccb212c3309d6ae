"""Calls are held for long: the kernel does not find that they have hung, and they get a verdict."""

import contextlib
import os
import signal
import threading
import time
from pathlib import Path

from harness import firewall
from harness.callers import Caller
from harness.complaints import complaints, no_complaints_but
from harness.machine import setting
from harness.marks import slow
from harness.uprobe import uprobe
from harness.wait import until

ADDRESS = "203.0.113.10"
COUNT = 50
STALL = Path("/sys/module/rcupdate/parameters/rcu_task_stall_timeout")
# Seconds after which the kernel complains of a grace period of RCU tasks: as it is, and for the
# test, where an hour is so much shorter. And of a sleeper that no signal wakes: not sooner, for who
# waits for a grace period is one.
STALL_SECONDS, SOON = 600, 8
# How often somebody waits for a grace period while calls are held for long.
REMOVALS = 15
HOUR = 3600 * SOON / STALL_SECONDS


@contextlib.contextmanager
def soon_complaining():
    """The kernel complains much sooner than it would, and as often as it has reason to."""
    before = int(STALL.read_text())
    # In jiffies.
    STALL.write_text(str(before * SOON // STALL_SECONDS))
    try:
        with (
            setting("kernel.hung_task_timeout_secs", SOON),
            setting("kernel.hung_task_warnings", -1),
        ):
            yield
    finally:
        STALL.write_text(str(before))


def held_calls():
    firewall.settings(hold_seconds=3600)
    caller = Caller()
    caller.start("in_processes", ADDRESS, count=COUNT)
    firewall.prompt(held=COUNT)
    return caller


def all_allowed(caller):
    assert caller.is_calling()
    firewall.decide(firewall.prompt(held=COUNT), "allow")
    results = caller.result().each
    assert [it.errno for it in results] == [None] * COUNT, results
    return min(it.seconds for it in results)


def hold_for(seconds, remove):
    """Holds calls for so long, while somebody waits again and again for them to leave the hook."""
    caller, before = held_calls(), complaints()
    begun, said, each = time.monotonic(), 0, []
    while (past := time.monotonic() - begun) < seconds:
        # Not all the time: it is the calls that are to be held.
        if len(each) <= past * REMOVALS / seconds:
            each.append(remove())
        threading.Event().wait(0.1)
        if past // 60 > said:
            said = past // 60
            print(f"held for {said:.0f} min", flush=True)
    no_complaints_but(before)
    held = all_allowed(caller)
    assert held >= seconds, held
    no_complaints_but(before)
    print(f"{COUNT} calls held for {held:.0f} s; {len(each)} removals of a uprobe meanwhile, "
          f"{max(each):.2f} s at most", flush=True)


@slow(minutes=3)
def test_an_hour_is_nothing_to_the_kernel():
    with soon_complaining(), uprobe() as remove:
        hold_for(HOUR, remove)


@slow(minutes=3)
def test_kernel_complains_of_calls_that_do_not_breathe():
    """That the above would be seen."""
    with soon_complaining(), uprobe() as remove:
        caller, before = held_calls(), complaints()
        broker = firewall.broker()
        os.kill(broker, signal.SIGSTOP)
        waiting = threading.Thread(target=remove)
        waiting.start()
        try:
            until(lambda: complaints() != before, "a complaint", 25)
        finally:
            os.kill(broker, signal.SIGCONT)
            waiting.join()
        all_allowed(caller)


@slow(minutes=20)
def test_quarter_of_an_hour_is_nothing_to_the_kernel():
    with uprobe() as remove:
        hold_for(15 * 60, remove)
