"""Finds accessible objects by name and role, waiting for them when needed."""

import re
import time

from gi.repository import GLib

from labui import tree

PAUSE = 0.1


class Wanted:
    """A name, exact or /a regular expression/, and perhaps a role."""

    def __init__(self, name, role=None):
        if len(name) > 1 and name.startswith("/") and name.endswith("/"):
            self._names = re.compile(name[1:-1]).search
        else:
            self._names = name.__eq__
        self._role = role

    def matches(self, node):
        return (
            bool(self._names(node.get_name() or ""))
            and self._role in (None, node.get_role_name())
            and "showing" in tree.states(node)
        )


def find(wanted, usable=lambda node: True):
    """The first object on the screen that is wanted and usable, or None."""
    for node, _ in tree.walk():
        try:
            if wanted.matches(node) and usable(node):
                return node
        except GLib.Error:
            continue  # Gone meanwhile.
    return None


def until(look, timeout):
    """Calls `look` until it returns something; None when the time is over."""
    end = time.monotonic() + timeout
    while True:
        found = look()
        if found or time.monotonic() > end:
            return found
        time.sleep(PAUSE)
