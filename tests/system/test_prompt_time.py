"""How soon the question about a held call is on the screen: the broker's part of that time, and the agent's."""

import contextlib
import subprocess
import threading
import time
from statistics import median

from harness import firewall
from harness.callers import Caller
from harness.wait import until

ADDRESS = "203.0.113.10"
ROUNDS = 20
# Seconds, in an emulated machine on a host that does other things too: there, a window takes some twenty times as long.
BROKER, AGENT = 0.5, 8
# What the bus tells who looks on: a question that is sent, and that it is on the screen.
SENT, SHOWN = "Show", "PromptShown"
MONITOR = ("dbus-monitor", "--system", "--profile")
METHODS = [f"type='method_call',member='{method}'" for method in (SENT, SHOWN)]


class Bus:
    """When methods were called, by their names."""

    def __init__(self):
        self.times = {SENT: [], SHOWN: []}
        self._monitor = subprocess.Popen([*MONITOR, *METHODS], stdout=subprocess.PIPE, text=True)
        begins = threading.Event()
        threading.Thread(target=self._look_on, args=(begins,), daemon=True).start()
        until(begins.is_set, "the monitor")

    def _look_on(self, begins):
        for line in self._monitor.stdout:
            # Its first lines are about the lines.
            words = line.split()
            # Who looks on has no name on the bus any more.
            if words[-1] == "NameLost":
                begins.set()
            if words[0] == "mc" and words[-1] in self.times:
                self.times[words[-1]].append(float(words[1]))

    def close(self):
        self._monitor.kill()
        self._monitor.wait()


def one(caller, bus, number):
    """When a call was made, when its question was sent, and when it was shown."""
    # From the clock of the caller to that of the bus.
    ahead = time.time() - time.monotonic()
    caller.start("connect", ADDRESS)
    until(lambda: len(bus.times[SHOWN]) == number, f"question {number} on the screen", 30)
    firewall.decide(firewall.prompt(), "deny")
    begun = caller.result().begin + ahead
    firewall.no_prompt()
    return begun, bus.times[SENT][number - 1], bus.times[SHOWN][number - 1]


def test_a_held_call_is_on_the_screen_soon():
    caller = Caller()
    with contextlib.closing(Bus()) as bus:
        # The first is shown by an agent that has never shown any.
        times = [one(caller, bus, number) for number in range(1, ROUNDS + 2)][1:]
    broker = median(sent - begun for begun, sent, _ in times)
    agent = median(shown - sent for _, sent, shown in times)
    said = f"the broker's part: {broker * 1000:.0f} ms, the agent's: {agent * 1000:.0f} ms"
    print(f"     {said}", flush=True)
    assert broker < BROKER and agent < AGENT, said
