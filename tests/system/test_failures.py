"""Whatever part of the firewall ends: held calls end too, nothing hangs, and it comes back."""

import os
import signal
import time
from pathlib import Path

from harness import firewall
from harness.callers import Caller
from harness.machine import do
from harness.wait import until

ADDRESS = "203.0.113.10"
BOUND = 5  # seconds in which held calls must have ended


def enforces():
    """Checks that unknown calls are held again, and can be answered."""
    firewall.await_agent()
    caller = Caller()
    caller.start("connect", ADDRESS)
    firewall.decide(firewall.prompt(), "allow")
    assert caller.result().errno is None


def uninterruptible():
    """The processes of users that sleep and cannot be woken."""
    found = []
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            lines = dict(line.split(":\t", 1) for line in status.read_text().splitlines())
        except OSError:
            continue
        if lines["State"].startswith("D") and int(lines["Uid"].split()[0]) >= 1000:
            found.append(lines["Name"])
    return found


def gatekeeper():
    """The process id of the gatekeeper, or 0."""
    found = do("sh", "-c", "pgrep --exact portreeve-gate || true").split()
    assert len(found) <= 1, found
    return int(found[0]) if found else 0


def test_stopped_broker_denies_who_is_held_and_lets_go():
    caller = Caller()
    caller.start("in_processes", ADDRESS, count=10)
    firewall.prompt(held=10)
    stopped = time.monotonic()
    firewall.service("stop")
    results = caller.result().each
    assert [result.errno for result in results] == ["EPERM"] * 10, results
    assert max(result.end for result in results) - stopped < BOUND
    # Off means off: nothing is left of it in the kernel, and it says so.
    assert Caller().call("connect", ADDRESS).errno is None
    assert firewall.refusal(firewall.status).status == firewall.UNREACHABLE
    until(lambda: not uninterruptible(), "nobody to hang")
    firewall.service("start")
    enforces()


def test_killed_gatekeeper_is_replaced_and_held_calls_stay_held():
    held = Caller()
    held.start("connect", ADDRESS)
    question = firewall.prompt()
    broker, before = firewall.main_pid(), gatekeeper()
    assert before, "there is no gatekeeper"
    os.kill(before, signal.SIGKILL)
    until(lambda: gatekeeper() not in (0, before), "another gatekeeper")
    assert firewall.main_pid() == broker
    assert held.is_calling()
    firewall.decide(question, "allow")
    assert held.result().errno is None
    enforces()


def test_settings_that_cannot_be_understood_are_named():
    firewall.SETTINGS.write_text("hold_seconds = 0\n")
    since = time.time()
    firewall.service("stop")
    do("sh", "-c", f"systemctl start {firewall.SERVICE} || true")
    said = do("journalctl", f"--unit={firewall.SERVICE}", f"--since=@{since:.0f}", "--output=cat")
    assert "hold_seconds = 0" in said, said
    status = do("systemctl", "show", "--property=ExecMainStatus", "--value", firewall.SERVICE)
    assert status.strip() == "78", "a wrong setting is not worth another try"
