"""Whatever part of the firewall ends: held calls end too, nothing hangs, and it comes back."""

import os
import signal
import time
from pathlib import Path

from harness import firewall
from harness.callers import Caller
from harness.machine import do
from harness.marks import slow
from harness.traffic import Traffic
from harness.wait import until

ADDRESS = "203.0.113.10"
COUNT = 50
GATEKEEPERS = 2
CONNECTIONS = Path("/sys/fs/fuse/connections")
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


def gatekeepers():
    """The process ids of all gatekeepers."""
    return {int(it) for it in do("sh", "-c", "pgrep --exact portreeve-gate || true").split()}


def kill(victims):
    """Kills gatekeepers, once they have lived so long that others are started for them; waits for those."""
    before = gatekeepers()
    assert len(before) == GATEKEEPERS, before
    # One that ends sooner is thought to be unable to live.
    until(lambda: all(seconds_lived(it) > 2 for it in before), "gatekeepers that have lived")
    killed = victims(sorted(before))
    for victim in killed:
        os.kill(victim, signal.SIGKILL)
    survivors = before.difference(killed)

    def replaced():
        now = gatekeepers()
        return len(now) == GATEKEEPERS and now & before == survivors

    until(replaced, "other gatekeepers")


def seconds_lived(pid):
    return int(do("ps", "-o", "etimes=", "-p", str(pid)))


@slow(minutes=3)
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


def held_calls():
    caller = Caller()
    caller.start("in_processes", ADDRESS, count=COUNT)
    return caller, firewall.prompt(held=COUNT)


def outcomes(caller):
    """The errnos that its calls have ended with."""
    each = caller.result().each
    assert len(each) == COUNT, each
    return {it.errno for it in each}


def test_killed_gatekeeper_is_replaced_and_held_calls_stay_held():
    traffic = Traffic()
    held, question = held_calls()
    broker = firewall.main_pid()
    unreachable = firewall.failures().get("gate-unreachable", 0)
    # Whichever it is, the gate is found through the other.
    for place in (0, 1, 0, 1):
        kill(lambda found, place=place: [found[place]])
        assert firewall.main_pid() == broker
        assert held.is_calling()
    firewall.decide(question, "allow")
    assert outcomes(held) == {None}
    enforces()
    print(traffic.end(), flush=True)
    assert firewall.failures().get("gate-unreachable", 0) == unreachable


@slow(minutes=3)
def test_gatekeepers_killed_at_once_are_replaced_and_nobody_gets_through():
    traffic = Traffic()
    held, question = held_calls()
    broker = firewall.main_pid()
    unreachable = firewall.failures().get("gate-unreachable", 0)
    kill(lambda found: found)
    assert firewall.main_pid() == broker
    firewall.decide(question, "allow")
    errnos = [result.errno for result in held.result().each]
    # Those whose threads were out for a breath in that instant have found no gate.
    denied = errnos.count("EPERM")
    assert len(errnos) == COUNT and set(errnos) <= {None, "EPERM"}, errnos
    assert denied <= firewall.failures().get("gate-unreachable", 0) - unreachable
    assert denied <= COUNT // 5, errnos
    enforces()
    print(traffic.end(), flush=True)


def abort_connection():
    """Ends the connection of the gate's file system, as its administrator can."""
    if not any(CONNECTIONS.iterdir()):
        do("mount", "-t", "fusectl", "none", str(CONNECTIONS))
    number = os.minor(os.stat(f"/proc/{min(gatekeepers())}/exe").st_dev)
    (CONNECTIONS / str(number) / "abort").write_text("1")


@slow(minutes=3)
def test_aborted_connection_denies_who_is_held_and_is_replaced():
    traffic = Traffic()
    held, _ = held_calls()
    broker, before = firewall.main_pid(), gatekeepers()
    unreachable = firewall.failures().get("gate-unreachable", 0)
    abort_connection()
    aborted = time.monotonic()
    assert outcomes(held) == {"EPERM"}
    until(lambda: firewall.broker() not in (0, broker), "the next broker")
    until(firewall.is_up, "the next broker to answer", 60)
    until(
        lambda: len(gatekeepers()) == GATEKEEPERS and not gatekeepers() & before,
        "other gatekeepers alone",
    )
    print(f"it answers again {time.monotonic() - aborted:.1f} s later", flush=True)
    assert firewall.failures()["gate-unreachable"] >= unreachable + COUNT
    enforces()
    # All of it is kept: the broker after this one goes on with the same.
    broker, replaced = firewall.broker(), gatekeepers()
    os.kill(broker, signal.SIGKILL)
    until(lambda: firewall.broker() not in (0, broker), "the broker after it")
    enforces()
    assert gatekeepers() == replaced
    print(traffic.end(), flush=True)


def test_settings_that_cannot_be_understood_are_named():
    firewall.SETTINGS.parent.mkdir(exist_ok=True)
    firewall.SETTINGS.write_text("hold_seconds = 0\n")
    since = time.time()
    firewall.service("stop")
    do("sh", "-c", f"systemctl start {firewall.SERVICE} || true")
    said = do("journalctl", f"--unit={firewall.SERVICE}", f"--since=@{since:.0f}", "--output=cat")
    assert "hold_seconds = 0" in said, said
    status = do("systemctl", "show", "--property=ExecMainStatus", "--value", firewall.SERVICE)
    assert status.strip() == "78", "a wrong setting is not worth another try"
