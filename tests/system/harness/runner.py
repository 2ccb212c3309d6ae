"""Runs the tests, one after another, each from the same start."""

import importlib
import signal
import time
import traceback
from pathlib import Path

from harness import callers, firewall
from harness.machine import run as run_command

LIMIT = 90  # seconds for one test, and again for getting ready for it


class TimedOut(BaseException):
    """A test has not ended in time. No Exception, so that no handler takes it for its own."""


def _time_out(*_):
    raise TimedOut(f"not ended after {LIMIT} s")


def discover(folder, wanted):
    """The tests whose names contain `wanted`: names and functions, in the order of the files."""
    for file in sorted(Path(folder).glob("test_*.py")):
        module = importlib.import_module(file.stem)
        for name, function in vars(module).items():
            full_name = f"{file.stem}.{name}".replace("test_", "")
            if name.startswith("test_") and wanted.removeprefix("test_") in full_name:
                yield full_name, function


def run(folder, wanted):
    """Runs the tests and prints one line for each; returns how many have passed and failed."""
    signal.signal(signal.SIGALRM, _time_out)
    passed = failed = 0
    for name, function in discover(folder, wanted):
        if _passes(name, function):
            passed += 1
        else:
            failed += 1
    _limited(_make_ready)
    return passed, failed


def _passes(name, function):
    since, failure, seconds = time.time(), None, 0.0
    try:
        _limited(_make_ready)
        begun = time.monotonic()
        try:
            _limited(function)
        finally:
            seconds = time.monotonic() - begun
    except (Exception, TimedOut):
        failure = traceback.format_exc()
    print(f"{'FAIL' if failure else 'PASS'} {seconds:5.1f} s  {name}", flush=True)
    if failure:
        print(failure + _journal(since), flush=True)
    return failure is None


def _make_ready():
    callers.end_all()
    firewall.reset()


def _limited(function):
    """Calls a function that may take so long and no longer."""
    # Again and again, in case the first one is lost where nothing can be raised.
    signal.setitimer(signal.ITIMER_REAL, LIMIT, 5)
    try:
        function()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _journal(since):
    words = ("--no-pager", "--output=short-monotonic", f"--since=@{since:.0f}")
    return run_command("journalctl", f"--unit={firewall.SERVICE}", *words).stdout
