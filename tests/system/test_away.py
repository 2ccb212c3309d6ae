"""Who has locked the screen is shown no windows, and has them when it is open again."""

import json
from contextlib import contextmanager

from harness import firewall
from harness.callers import Caller
from harness.machine import do

ADDRESS = "203.0.113.10"
LOGIND = "org.freedesktop.login1"


def session():
    """logind's path of alice's desktop session."""
    call = ("busctl", "--json=short", "call", LOGIND, "/org/freedesktop/login1", f"{LOGIND}.Manager")
    [sessions] = json.loads(do(*call, "ListSessions"))["data"]
    for _, _, user, _, path in sessions:
        kind = do("busctl", "get-property", LOGIND, path, f"{LOGIND}.Session", "Type")
        if user == "alice" and '"x11"' in kind:
            return path
    raise AssertionError(f"alice has no desktop: {sessions}")


@contextmanager
def locked():
    """The screen is locked, as the desktop tells logind."""
    call = ("busctl", "call", LOGIND, session(), f"{LOGIND}.Session", "SetLockedHint", "b")

    def hint(word):
        do(*call, word, user="alice")

    hint("true")
    try:
        yield
    finally:
        hint("false")


def test_locked_screen_has_no_windows():
    caller = Caller()
    caller.start("connect", ADDRESS)
    question = firewall.prompt()
    do("lab-wait", "/caller/", "alert")
    with locked():
        do("lab-wait", "--gone", "/caller/", "alert")
        assert caller.is_calling(), "it waits on"
    do("lab-wait", "/caller/", "alert")
    firewall.decide(question, "allow")
    assert caller.result().errno is None
    do("lab-wait", "--gone", "/caller/", "alert")
