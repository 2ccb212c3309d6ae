"""The broker is killed at random moments, again and again: nobody notices."""

import os
import random
import signal
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from harness import bus, firewall
from harness.callers import PROGRAM, Caller
from harness.complaints import complaints, no_complaints_but
from harness.machine import do
from harness.marks import slow
from harness.traffic import Traffic
from harness.wait import until

ALLOWED, DENIED = "203.0.113.10", "203.0.113.12"
# Calls held of each of two questions.
COUNT = 25
# Known calls each second.
RATE = 500
# Seconds of a broker's life, in which it starts, takes over and goes on.
LIFE = 3.0
# Seconds for what an emulated machine has to do beside the traffic.
PATIENCE = 60
UNLIMITED = Path("/run/systemd/system/portreeved.service.d/unlimited.conf")


@contextmanager
def unlimited_starts():
    """systemd starts the broker as often as it ends."""
    UNLIMITED.parent.mkdir(exist_ok=True)
    UNLIMITED.write_text("[Unit]\nStartLimitIntervalSec=0\n")
    do("systemctl", "daemon-reload")
    try:
        yield
    finally:
        UNLIMITED.unlink()
        do("systemctl", "daemon-reload")


def held_calls(address):
    caller = Caller()
    caller.start("in_processes", address, count=COUNT)
    return caller


def questions():
    """The two questions by address, once they hold all calls; None until then."""
    if not firewall.is_up():
        return None
    pending = firewall.pending()
    assert len(pending) <= 2, pending
    return len(pending) == 2 and all(it.held == COUNT for it in pending) and {
        it.object.address: it for it in pending
    }


def answer(address, action):
    """Answers the question about an address as it is then: it changes when more is known of who asks."""

    def answered():
        [question] = [it for it in firewall.pending() if it.object.address == address]
        with suppress(bus.Stale):
            firewall.decide(question, action)
            return True
        return False

    until(answered, "an answer to the question as it is")


def loses_nothing(kills):
    firewall.settings(agent_wait_seconds=3600, hold_seconds=3600)
    traffic, seed = Traffic(RATE), random.Random(1)
    undisturbed = traffic.undisturbed()
    callers = {address: held_calls(address) for address in (ALLOWED, DENIED)}
    until(questions, "all calls to be held", PATIENCE)
    before, complained = firewall.failures(), complaints()
    with unlimited_starts():
        for number in range(kills):
            broker = until(firewall.broker, "the next broker")
            # Not a wait for something: the moment is to be any.
            threading.Event().wait(seed.uniform(0, LIFE))
            os.kill(broker, signal.SIGKILL)
            until(lambda: firewall.broker() != broker, "the broker's end")
            if number % 20 == 19:
                print(f"{number + 1} brokers killed", flush=True)
        until(questions, "all calls to be held again", PATIENCE)
    assert all(it.is_calling() for it in callers.values())
    after = firewall.failures()
    # Those that the kernel counts are of all brokers together.
    for reason in ("gate-unreachable", "hold-table-full"):
        assert after.get(reason) == before.get(reason), after
    answered = time.monotonic()
    for address, action, errno in ((ALLOWED, "allow", None), (DENIED, "deny", "EPERM")):
        answer(address, action)
        results = callers[address].result().each
        assert [it.errno for it in results] == [errno] * COUNT, results
        assert min(it.end for it in results) > answered, "one has ended before"
    no_complaints_but(complained)
    held = min(it.seconds for it in results)
    print(f"{kills} kills in {held:.0f} s; {traffic.end()}; undisturbed the longest took "
          f"{undisturbed * 1000:.0f} ms", flush=True)


@slow(minutes=3)
def test_broker_killed_at_random_moments_loses_nothing():
    loses_nothing(10)


class Rules:
    """Rules of alice's that are added one after another, until the end."""

    def __init__(self):
        self._ended = threading.Event()
        self.acknowledged = set()
        self._thread = threading.Thread(target=self._add, daemon=True)
        self._thread.start()

    def _add(self):
        port = 0
        while not self._ended.is_set():
            port += 1
            words = ("--addr", DENIED, "--port", port)
            # While there is no broker, there is nobody to acknowledge anything.
            with suppress(firewall.Refused):
                self.acknowledged.add(firewall.add_rule(PROGRAM, "deny", *words))

    def end(self):
        self._ended.set()
        self._thread.join()


def test_no_acknowledged_rule_is_lost():
    rules, seed = Rules(), random.Random(2)
    with unlimited_starts():
        try:
            for number in range(1, 11):
                wanted = 2 * number
                until(lambda wanted=wanted: len(rules.acknowledged) > wanted, "more rules", PATIENCE)
                broker = until(firewall.broker, "the next broker")
                # Not a wait for something: the moment is to be any.
                threading.Event().wait(seed.uniform(0, 0.5))
                os.kill(broker, signal.SIGKILL)
                until(lambda broker=broker: firewall.broker() != broker, "the broker's end")
            until(firewall.is_up, "the last broker", PATIENCE)
        finally:
            rules.end()
    found = {it.id for it in firewall.rules()}
    lost = rules.acknowledged - found
    assert not lost, f"{sorted(lost)} of {len(rules.acknowledged)} are lost"
    print(f"{len(rules.acknowledged)} rules acknowledged, {len(found)} found", flush=True)


@slow(minutes=45)
def test_broker_killed_two_hundred_times_loses_nothing():
    loses_nothing(200)
