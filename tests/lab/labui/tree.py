"""Walks the windows' accessible objects and prints them."""

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402

# Said of most objects, so worth nothing in print.
DULL = {"visible", "enabled", "sensitive", "focusable", "horizontal", "vertical"}


def children(node):
    """The children of an object; none when it is gone."""
    try:
        found = [node.get_child_at_index(at) for at in range(node.get_child_count())]
    except GLib.Error:
        return []
    return [child for child in found if child is not None]


def walk(node=None, depth=0):
    """All objects below the desktop, each with its depth, parents first."""
    for child in children(node or Atspi.get_desktop(0)):
        yield child, depth
        yield from walk(child, depth + 1)


def states(node):
    """The names of an object's states."""
    return {state.value_nick for state in node.get_state_set().get_states()}


def line(node, depth):
    """One line about an object."""
    said = states(node)
    words = sorted(said - DULL)
    if "sensitive" not in said:
        words.append("insensitive")
    return f"{'  ' * depth}{node.get_role_name()} “{node.get_name() or ''}” {' '.join(words)}"


def show():
    """The whole tree as text."""
    lines = []
    for node, depth in walk():
        try:
            lines.append(line(node, depth))
        except GLib.Error:
            continue  # Gone meanwhile.
    return "\n".join(lines)
