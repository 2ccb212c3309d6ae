"""The broker's interface on the bus, for what tests do and see again and again: starting portreevectl for
each would take an emulated machine longer than all the rest. What it reads is named as portreevectl's JSON
has it.
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


class Stale(Failed):
    """The prompt is another than the one that was seen."""


class Absent(Failed):
    """There is no broker."""


FAILURES = {
    f"{NAME}.Error.NoSuchRule": Gone,
    f"{NAME}.Error.StaleRevision": Stale,
    "org.freedesktop.DBus.Error.ServiceUnknown": Absent,
    "org.freedesktop.DBus.Error.NameHasNoOwner": Absent,
}


# What the broker leaves out where there is nothing to say.
STATUS = dict(mode_ends=None, mode_before=None, mode_undecided=False, networks=(), services=None)
PROMPT = dict(unanswered=None)
SUBJECT = dict.fromkeys(
    "application interpreter sha256 foreign_code unit service".split()
) | dict(by_contents=False)
OBJECT = dict(host=None, host_source=None, domain=None, name_server=False)
RULE = dict.fromkeys(
    "uid program started_by called host network list entries ports protocol errno pid ends only_in only_in_name "
    "built_in note".split()
) | dict.fromkeys(("and_what_it_starts", "away", "paused"), False)


def status(user):
    """The state of the firewall for a user."""
    said = SimpleNamespace(**STATUS | _call("Broker1", "Status", user)[0])
    said.networks = [SimpleNamespace(**it) for it in said.networks]
    return said


def prompts(user):
    """The user's open prompts."""
    return [_prompt(it) for it in _call("Prompts1", "List", user)[0]]


def _prompt(said):
    subject = "name path verified runs_anything alterations started_by pid uid command".split()
    subject = SUBJECT | {"key": said["subject"]} | {it: said[it] for it in subject}
    subject |= {it: said[it] for it in SUBJECT if it in said}
    place = OBJECT | {it: said[it] for it in ("address", "port", "protocol")}
    place |= {it: said[it] for it in OBJECT if it in said}
    words = "id revision uid operation held attempts deadline scopes lifespans suggested_lifespan"
    words = PROMPT | {it: said[it] for it in words.split()}
    words |= {it: said[it] for it in PROMPT if it in said}
    return SimpleNamespace(
        subject=SimpleNamespace(**subject), object=SimpleNamespace(**place), **words
    )


def answer(question, action, lifespan, scope):
    """Answers a prompt; returns the id of the rule made, if one was."""
    words = (question.id, question.revision, action, scope, lifespan)
    return _called("Prompts1", "Answer", GLib.Variant("(tusss)", words))[0] or None


def rules(user):
    """The user's rules, and those of all users that count for this one."""
    return [SimpleNamespace(**RULE | it) for it in _call("Rules1", "List", user)[0]]


def own_rules(user):
    """The ids of the user's rules."""
    return [it.id for it in rules(user) if it.origin != "built-in"]


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
        changes = {"remove": GLib.Variant("at", own_rules(user))}
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
    return _called(interface, method, words)


def _called(interface, method, words):
    where = (BROKER, PATH, f"{NAME}.{interface}", method)
    how = (None, Gio.DBusCallFlags.NO_AUTO_START, PATIENCE, None)
    try:
        return _connection().call_sync(*where, words, *how).unpack()
    except GLib.Error as error:
        failure = FAILURES.get(Gio.DBusError.get_remote_error(error), Failed)
        raise failure(f"{method}: {error.message}") from None


@functools.cache
def _connection():
    """A connection to the bus, which outlives every test."""
    flags = Gio.DBusConnectionFlags
    flags = flags.AUTHENTICATION_CLIENT | flags.MESSAGE_BUS_CONNECTION
    return Gio.DBusConnection.new_for_address_sync(SYSTEM_BUS, flags, None, None)
