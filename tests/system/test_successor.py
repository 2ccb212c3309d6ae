"""A broker is killed, restarted or replaced by a newer one: nobody notices."""

import json
import os
import random
import signal
import threading
from pathlib import Path

from harness import firewall
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.machine import do
from harness.wait import until

ADDRESS, KNOWN = "203.0.113.10", "203.0.113.11"
COUNT = 10
KILLS = 5
# So that an emulated machine has time for the rest.
PAUSE = 0.05
BROKER = Path("/usr/libexec/portreeved")
NEWER = Path("/usr/libexec/portreeved-newer")
CHANGE = Path("/run/systemd/system/portreeved.service.d/newer.conf")


class Traffic:
    """Calls of a denied and of an allowed program, again and again."""

    def __init__(self):
        firewall.add_rule(OTHER_PROGRAM, "deny")
        firewall.add_rule(PROGRAM, "allow", "--addr", KNOWN)
        self._denied, self._allowed = Caller(program=OTHER_PROGRAM), Caller()
        assert self._denied.call("connect", KNOWN).errno == "EPERM"
        assert self._allowed.call("connect", KNOWN).errno is None
        self.wrong, self.calls, self._over = [], 0, False
        self._threads = [
            threading.Thread(target=self._repeat, args=it, daemon=True)
            for it in ((self._denied, "EPERM"), (self._allowed, None))
        ]
        for thread in self._threads:
            thread.start()

    def _repeat(self, caller, expected):
        while not self._over:
            try:
                result = caller.call("connect", KNOWN)
            except (AssertionError, ValueError) as error:
                self.wrong.append(error)
                return
            self.calls += 1
            threading.Event().wait(PAUSE)
            if result.errno != expected:
                self.wrong.append(result)

    def end(self):
        """Checks that each call went as the rules say."""
        self._over = True
        for thread in self._threads:
            thread.join()
        assert not self.wrong, self.wrong
        assert self.calls > 20, f"only {self.calls} calls"


def held_calls():
    caller = Caller()
    caller.start("in_processes", ADDRESS, count=COUNT)
    firewall.prompt(held=COUNT)
    return caller


def all_allowed(caller):
    firewall.await_agent()
    question = firewall.prompt(held=COUNT)
    assert caller.is_calling()
    firewall.decide(question, "allow")
    results = caller.result().each
    assert [it.errno for it in results] == [None] * COUNT, results


def kept():
    """Names of the descriptors that systemd keeps."""
    count = do("systemctl", "show", "--property=NFileDescriptorStore", "--value", firewall.SERVICE)
    if int(count) == 0:
        return []
    descriptors = json.loads(do("systemd-analyze", "--json=short", "fdstore", firewall.SERVICE))
    return sorted(it["fdname"] for it in descriptors)


def test_killed_broker_leaves_calls_held_for_the_next():
    traffic = Traffic()
    caller, before = held_calls(), firewall.main_pid()
    os.kill(before, signal.SIGKILL)
    until(lambda: firewall.main_pid() not in (0, before) and firewall.is_up(), "the next broker")
    all_allowed(caller)
    traffic.end()


def test_broker_killed_at_random_moments_loses_nothing():
    firewall.settings(agent_wait_seconds=300, hold_seconds=300)
    traffic = Traffic()
    caller, moments = held_calls(), random.Random(1)
    for _ in range(KILLS):
        before = until(firewall.main_pid, "the next broker")
        # Not a wait for something: the moment is to be any.
        threading.Event().wait(moments.uniform(0, 1.5))
        os.kill(before, signal.SIGKILL)
        do("systemctl", "reset-failed", firewall.SERVICE)
        until(lambda: firewall.main_pid() not in (0, before), "the next broker")
    until(firewall.is_up, "the last broker", 40)
    all_allowed(caller)
    traffic.end()


def test_restart_leaves_calls_held():
    traffic, caller, before = Traffic(), held_calls(), kept()
    firewall.service("restart")
    all_allowed(caller)
    traffic.end()
    assert kept() == before


def test_newer_broker_replaces_the_programs_without_a_gap():
    probes = [it for it in kept() if it.startswith("probe-")]
    # Another object to the broker, the same to the kernel: its compiler's name is spelt otherwise.
    code = BROKER.read_bytes().replace(b"clang version", b"clang Version")
    assert code != BROKER.read_bytes()
    NEWER.write_bytes(code)
    NEWER.chmod(0o755)
    traffic, caller = Traffic(), held_calls()
    try:
        CHANGE.parent.mkdir(exist_ok=True)
        CHANGE.write_text(f"[Service]\nExecStart=\nExecStart={NEWER}\n")
        do("systemctl", "daemon-reload")
        firewall.service("restart")
        all_allowed(caller)
        traffic.end()
        newer = [it for it in kept() if it.startswith("probe-")]
        assert len(newer) == len(probes) and not set(newer) & set(probes), newer
    finally:
        CHANGE.unlink()
        NEWER.unlink()
        do("systemctl", "daemon-reload")
        firewall.service("restart")


def test_stop_leaves_nothing_and_no_error():
    since = do("date", "+%s").strip()
    firewall.service("stop")
    assert kept() == []
    until(lambda: not do("sh", "-c", "pgrep --exact portreeve-gate || true"), "its gatekeeper's end")
    words = (f"--unit={firewall.SERVICE}", f"--since=@{since}", "--priority=err", "--output=cat")
    errors = do("journalctl", *words)
    firewall.service("start")
    assert not errors.strip() or "No entries" in errors, errors
