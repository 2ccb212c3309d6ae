#!/usr/bin/python3
"""Asks on this terminal what Portreeve asks: `agent.py UID` as root, for that user; `agent.py` for oneself, where
polkit wants a password for answers. docs/bus.md goes through it. Needs python3-gi."""

import contextlib
import signal
import sys
import termios

from gi.repository import Gio, GLib

NAME, PATH, PROMPTS = "io.github.portreeve.Broker1", "/io/github/portreeve/Broker1", "io.github.portreeve.Prompts1"
OWN, PATIENCE = 0xFFFFFFFF, 120_000  # the caller's own uid; milliseconds: polkit may ask for a password
INTERACTIVE = Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION
QUESTION = "{path}, process {pid}, wants to {operation}: {host} port {port}, {protocol} ({remarks})\n"


class Agent:
    def __init__(self, uid):
        self.uid, self.left = uid, set()
        self.bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
        # The loop below looks after every signal, and whenever a broker comes: there is nothing to do in one.
        self.bus.signal_subscribe(NAME, PROMPTS, "Changed", PATH, None, Gio.DBusSignalFlags.NONE, lambda *_: None)
        Gio.bus_watch_name_on_connection(self.bus, NAME, Gio.BusNameWatcherFlags.NONE, lambda *_: None, None)

    def call(self, method, signature, *words):
        arguments = (NAME, PATH, PROMPTS, method, GLib.Variant(signature, words), None, INTERACTIVE, PATIENCE)
        return self.bus.call_sync(*arguments).unpack()

    def look(self):
        try:
            self.call("Watch", "(u)", self.uid)  # another broker than last time knows of nobody who watches
            for prompt in self.call("List", "(u)", self.uid)[0]:
                if (prompt["id"], prompt["revision"]) not in self.left:
                    return self.ask(prompt)
        except GLib.Error as error:
            print(error.message)
            GLib.timeout_add_seconds(5, lambda: None)

    def ask(self, prompt):
        # What programs call themselves does not get to steer the terminal.
        said = {key: "".join(c if c.isprintable() else "?" for c in str(it)) for key, it in prompt.items()}
        remarks = [*prompt["alterations"], *(key for key in ("changed", "runs_anything") if prompt.get(key))]
        with contextlib.suppress(termios.error):  # keys that were meant for something else are no answer
            termios.tcflush(sys.stdin, termios.TCIFLUSH)
        said = {"host": said["address"], **said, "remarks": ", ".join(remarks) or "nothing unusual"}
        answer = input(QUESTION.format_map(said) + "allow or deny, this once? ")
        if answer in ("allow", "deny"):
            self.call("Answer", "(tusss)", prompt["id"], prompt["revision"], answer, prompt["scopes"][0], "once")
        elif not answer:
            self.left.add((prompt["id"], prompt["revision"]))
        GLib.idle_add(lambda: None)  # there may be more


signal.signal(signal.SIGINT, signal.SIG_DFL)
agent = Agent(int(sys.argv[1]) if len(sys.argv) > 1 else OWN)
while True:
    GLib.MainContext.default().iteration(may_block=True)
    agent.look()
