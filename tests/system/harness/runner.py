"""Runs the tests, one after another, each from the same start."""

import importlib
import signal
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

from harness import callers, firewall, progress
from harness.machine import run as run_command
from harness.marks import Skipped
from harness.wait import Late

LIMIT = 180  # seconds for one test, and again for getting ready for it
PASSED, FAILED, EXPECTED, SKIPPED = "passed", "failed", "failed as expected", "skipped"
MARKS = {PASSED: "PASS", FAILED: "FAIL", EXPECTED: "XFAIL", SKIPPED: "SKIP"}


class TimedOut(BaseException):
    """A test has not ended in time. No Exception, so that no handler takes it for its own."""


def _time_out(*_):
    raise TimedOut("not ended in time")


def discover(folder, wanted, slow):
    """The tests whose names contain one of `wanted`, or all, the slow ones or the others: names and
    functions, in the order of the files. Each of `wanted` must be in some name, or what it was to show
    would go unseen."""
    filters = {it.removeprefix("test_") for it in wanted}
    unseen, tests = set(filters), []
    for file in sorted(Path(folder).glob("test_*.py")):
        module = importlib.import_module(file.stem)
        for name, function in list(vars(module).items()):
            full_name = f"{file.stem}.{name}".replace("test_", "")
            found = {it for it in filters if it in full_name}
            if not name.startswith("test_") or hasattr(function, "minutes") != slow:
                continue
            if found or not filters:
                unseen -= found
                tests.append((full_name, function))
    if unseen:
        sys.exit(f"no test has a name with {', '.join(sorted(unseen))} in it")
    return tests


def run(folder, wanted, slow=False):
    """Runs the tests and prints one line for each; returns how many have ended in which way.

    Where the machine has died of its emulation, the tests that had ended before are not run again.
    """
    signal.signal(signal.SIGALRM, _time_out)
    tests = discover(folder, wanted, slow)
    ended, done = progress.before([name for name, _ in tests])
    if done:
        print(f"     goes on after {tests[done - 1][0]}: {summary(ended)} so far", flush=True)
    for name, function in tests[done:]:
        ended[_end(name, function)] += 1
        progress.note(name, ended)
    _limited(_make_ready)
    return ended


def summary(ended):
    """One line on how the tests have ended."""
    return ", ".join(f"{ended[how]} {how}" for how in MARKS if ended[how] or how != SKIPPED)


def _end(name, function):
    """Runs a test, and prints and returns how it has ended."""
    since, failure, seconds = time.time(), None, 0.0
    begun = woken = time.monotonic()
    try:
        _limited(_make_ready)
        begun = time.monotonic()
        try:
            _limited(function, getattr(function, "minutes", 0) * 60 or LIMIT)
        finally:
            seconds = time.monotonic() - begun
    except (Exception, TimedOut) as error:
        failure = error
    reason = getattr(function, "expected_failure", None)
    how, text = _judge(failure, reason)
    print(f"{MARKS[how]} {seconds:5.1f} s {begun - woken:5.1f} s {name}", flush=True)
    if how == FAILED:
        text += _journal(since)
    if text:
        print(text, flush=True)
    return how


def _judge(failure, reason):
    """How a test has ended, and what there is to say about it.

    Only an assertion about what was seen can be expected to fail: anything else is a fault of the
    test, and what has not happened in time may have other reasons.
    """
    if isinstance(failure, Skipped):
        return SKIPPED, f"     {failure}"
    if failure is None and reason:
        return FAILED, f"It passes, but was expected to fail: {reason}\n"
    if reason and isinstance(failure, AssertionError) and not isinstance(failure, Late):
        return EXPECTED, f"     {reason}; seen: {failure or 'a failed assertion'}"
    if failure:
        return FAILED, "".join(traceback.format_exception(failure))
    return PASSED, ""


def _make_ready():
    callers.end_all()
    firewall.reset()


def _limited(function, seconds=LIMIT):
    """Calls a function that may take so long and no longer."""
    # Again and again, in case the first one is lost where nothing can be raised.
    signal.setitimer(signal.ITIMER_REAL, seconds, 5)
    try:
        function()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _journal(since):
    words = ("--no-pager", "--output=short-monotonic", f"--since=@{since:.0f}")
    return run_command("journalctl", f"--unit={firewall.SERVICE}", *words).stdout
