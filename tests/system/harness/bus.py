"""The broker's interface on the bus, for what happens around each test: starting portreevectl for
it would take longer than most tests do.
"""

import functools
import pwd
from types import SimpleNamespace

from gi.repository import Gio, GLib

NAME = "io.github.portreeve"
BROKER, PATH = f"{NAME}.Broker1", "/io/github/portreeve/Broker1"
SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket"
PATIENCE = 30_000  # milliseconds


class Failed(Exception):
    """The broker, or the bus, has answered with an error."""


class Gone(Failed):
    """There is no such rule any more."""


def status(user):
    """The state of the firewall for a user."""
    return SimpleNamespace(**_call("Broker1", "Status", user)[0])


def rules(user):
    """The ids of the user's own rules."""
    return [it["id"] for it in _call("Rules1", "List", user)[0] if it["origin"] != "built-in"]


def add_rule(program, action, address=None, user="alice", operation="connect", **words):
    """Adds a rule, about one address or all, or with other words; returns its id."""
    words |= {"program": str(program), "action": action, "network": address}
    rule = {key: GLib.Variant("s", word) for key, word in words.items() if word}
    rule["operations"] = GLib.Variant("as", [operation])
    _, added = _change(user, add=GLib.Variant("aa{sv}", [rule]))
    return added[0]


def remove_rule(rule, user="alice"):
    _change(user, remove=GLib.Variant("at", [rule]))


def _change(user, **changes):
    """Changes a user's rules; returns the number of the change, and the ids of what it has added."""
    return _call("Rules1", "Change", user, changes, signature="(ua{sv})")


def remove_lists(user):
    """Removes the user's lists, if there are any, with the rules that are left, in force or not."""
    names = [it["name"] for it in _call("Lists1", "List", user)[0]]
    if names:
        changes = {"remove": GLib.Variant("at", rules(user))}
        _call("Lists1", "Change", user, changes, [], names, signature="(ua{sv}a(ssh)as)")


def set_built_in(rule, action, user="alice"):
    """Has a built-in rule say something else to the user, as root."""
    _call("Rules1", "SetBuiltIn", user, rule, action, signature="(uss)")


def set_mode(mode, user="alice", **more):
    """Sets a mode as root, with `seconds` and `snooze` if they are given."""
    kinds = {"mode": "s", "seconds": "u", "snooze": "b"}
    words = {"mode": mode, **more}
    spec = {key: GLib.Variant(kinds[key], word) for key, word in words.items() if word is not None}
    _call("Modes1", "Set", user, spec, signature="(ua{sv})")


def mode(user="alice"):
    """The user's mode, with `ends` and `before` if it has them."""
    return _call("Modes1", "Get", user)[0]


def _call(interface, method, user, *arguments, signature="(u)"):
    """Calls a method about a user; returns what it returns."""
    words = GLib.Variant(signature, (pwd.getpwnam(user).pw_uid, *arguments))
    where = (BROKER, PATH, f"{NAME}.{interface}", method)
    how = (None, Gio.DBusCallFlags.NO_AUTO_START, PATIENCE, None)
    try:
        return _connection().call_sync(*where, words, *how).unpack()
    except GLib.Error as error:
        gone = Gio.DBusError.get_remote_error(error) == f"{NAME}.Error.NoSuchRule"
        raise (Gone if gone else Failed)(f"{method}: {error.message}") from None


@functools.cache
def _connection():
    """A connection to the bus, which outlives every test."""
    flags = Gio.DBusConnectionFlags
    flags = flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION
    return Gio.DBusConnection.new_for_address_sync(SYSTEM_BUS, flags, None, None)
