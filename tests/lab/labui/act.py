"""Acts on accessible objects."""

from gi.repository import GLib

from labui import tree

CLICKS = ("click", "activate", "press", "toggle")


def click_action(node):
    """The number of the action that a click stands for, or None."""
    try:
        names = [node.get_action_name(at) for at in range(node.get_n_actions())]
    except GLib.Error:
        return None
    return next((names.index(name) for name in CLICKS if name in names), None)


def can_click(node):
    """Whether a click would do something."""
    return "sensitive" in tree.states(node) and click_action(node) is not None


def click(node):
    """Does what a click would do."""
    return node.do_action(click_action(node))


def can_set_text(node):
    """Whether the object takes text."""
    return "editable" in tree.states(node) and node.get_editable_text_iface() is not None


def set_text(node, text):
    """Replaces the object's text."""
    return node.set_text_contents(text)
