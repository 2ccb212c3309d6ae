"""A program that is not Portreeve's and calls its methods all the same.

    intruder.py ID REVISION

Registers itself as the agent, answers prompt ID, adds a rule, all by one connection to the bus;
prints the name of the error that each method failed with, or null, as one JSON object.
"""

import json
import sys

from gi.repository import Gio, GLib

NAME = "io.github.portreeve.Broker1"
PATH = "/io/github/portreeve/Broker1"
OWN_UID = 0xFFFF_FFFF


def attempt(interface, method, arguments):
    """Calls a method; returns the name of its error, or None if it succeeded."""
    try:
        bus.call_sync(
            NAME,
            PATH,
            f"io.github.portreeve.{interface}",
            method,
            arguments,
            None,
            Gio.DBusCallFlags.NONE,
            30_000,
            None,
        )
    except GLib.Error as error:
        return Gio.DBusError.get_remote_error(error)
    return None


prompt, revision = int(sys.argv[1]), int(sys.argv[2])
rule = {
    "program": GLib.Variant("s", "/usr/local/bin/caller"),
    "operations": GLib.Variant("as", ["connect"]),
    "action": GLib.Variant("s", "allow"),
}
changes = {"add": GLib.Variant("aa{sv}", [rule])}
bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
answer = GLib.Variant("(tusss)", (prompt, revision, "allow", "any", "always"))
print(
    json.dumps(
        {
            "RegisterAgent": attempt("Broker1", "RegisterAgent", None),
            "PromptShown": attempt(
                "Broker1", "PromptShown", GLib.Variant("(tu)", (prompt, revision))
            ),
            "Answer": attempt("Prompts1", "Answer", answer),
            "Change": attempt("Rules1", "Change", GLib.Variant("(ua{sv})", (OWN_UID, changes))),
            "Undo": attempt("Rules1", "Undo", GLib.Variant("(ut)", (OWN_UID, 1))),
        }
    )
)
