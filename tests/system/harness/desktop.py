"""Alice's desktop session, as logind has it."""

import json
from contextlib import contextmanager

from harness.machine import do

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
