#!/usr/bin/python3
"""Asks on this terminal what Portreeve asks: `agent.py UID` as root, for that user; `agent.py` for oneself, where
polkit wants a password for answers. docs/bus.md goes through it."""

import contextlib
import sys
import termios

from gi.repository import Gio, GLib

NAME, PATH, PROMPTS = "io.github.portreeve.Broker1", "/io/github/portreeve/Broker1", "io.github.portreeve.Prompts1"
OWN, PATIENCE = 0xFFFFFFFF, 120_000  # the caller's own uid; milliseconds: polkit may ask for a password
INTERACTIVE = Gio.DBusCallFlags.ALLOW_INTERACTIVE_AUTHORIZATION
QUESTION = "{name} ({path}, process {pid}) wants to {operation}: {host} port {port}, {protocol}\n"


class Agent:
    def __init__(self, uid):
        self.uid, self.done = uid, set()
        self.bus = Gio.bus_get_sync(Gio.BusType.SYSTEM)
        self.bus.signal_subscribe(NAME, PROMPTS, "Changed", PATH, None, Gio.DBusSignalFlags.NONE, self.look)
        # Whenever a broker comes, the first one or the next, it does not know yet who watches.
        Gio.bus_watch_name_on_connection(self.bus, NAME, Gio.BusNameWatcherFlags.NONE, self.watch, None)

    def call(self, method, signature, *words):
        arguments = (NAME, PATH, PROMPTS, method, GLib.Variant(signature, words), None, INTERACTIVE, PATIENCE)
        return self.bus.call_sync(*arguments).unpack()

    def watch(self, *_):
        self.call("Watch", "(u)", self.uid)
        self.look()

    def look(self, *_):
        def todo():
            prompts = self.call("List", "(u)", self.uid)[0]
            return [it for it in prompts if (it["id"], it["revision"]) not in self.done]

        while prompts := todo():
            self.ask(prompts[0])

    def ask(self, prompt):
        # What programs call themselves does not get to steer the terminal.
        said = {key: "".join(c if c.isprintable() else "?" for c in str(it)) for key, it in prompt.items()}
        said.setdefault("host", said["address"])
        # Keys that were meant for something else are no answer.
        with contextlib.suppress(termios.error):
            termios.tcflush(sys.stdin, termios.TCIFLUSH)
        answer = input(QUESTION.format_map(said) + "allow or deny, this once? ")
        self.done.add((prompt["id"], prompt["revision"]))
        if answer in ("allow", "deny"):
            words = prompt["id"], prompt["revision"], answer, prompt["scopes"][0], "once"
            try:
                self.call("Answer", "(tusss)", *words)
            except GLib.Error as error:
                # StaleRevision: what is asked is something else by now; the next look sees it.
                print(error.message)


Agent(int(sys.argv[1]) if len(sys.argv) > 1 else OWN)
GLib.MainLoop().run()
