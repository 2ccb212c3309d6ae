"""Who has locked the screen is shown no windows, and has them when it is open again."""

import json
from contextlib import contextmanager

from harness import firewall
from harness.callers import Caller
from harness.machine import do

ADDRESS = "203.0.113.10"
LOGIND = "org.freedesktop.login1"


def session():
    """logind's name of alice's desktop session."""
    sessions = json.loads(do("loginctl", "list-sessions", "--output=json"))
    for found in sessions:
        shown = do("loginctl", "show-session", found["session"], "--property=Type", "--value")
        if found["user"] == "alice" and shown.strip() == "x11":
            return do(
                "busctl", "--json=short", "call", LOGIND, "/org/freedesktop/login1",
                f"{LOGIND}.Manager", "GetSession", "s", found["session"],
            )
    raise AssertionError(f"alice has no desktop: {sessions}")


@contextmanager
def locked():
    """The screen is locked, as the desktop tells logind."""
    path = json.loads(session())["data"][0]

    def hint(word):
        do("busctl", "call", LOGIND, path, f"{LOGIND}.Session", "SetLockedHint", "b", word, user="alice")

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
