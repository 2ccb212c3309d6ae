"""What waits for an answer holds nobody up: not the kernel's own work, not the computer's sleep."""

import threading
import time
from pathlib import Path

from harness import firewall
from harness.callers import Caller
from harness.machine import do, tell_host
from harness.wait import until

ADDRESS = "203.0.113.10"
COUNT = 20
# A breath is due after 2 s at most; the rest is for a slow machine.
BOUND = 6
SECOND_CPU = Path("/sys/devices/system/cpu/cpu1/online")
TRACING = Path("/sys/kernel/tracing")
CLOCK = Path("/sys/class/rtc/rtc0")


def held_calls(count=COUNT):
    caller = Caller()
    caller.start("in_processes", ADDRESS, count=count)
    return caller, firewall.prompt(held=count)


def all_allowed(caller, question):
    """Checks that the same calls still wait, and go on."""
    assert caller.is_calling()
    now = firewall.prompt(held=COUNT)
    assert (now.id, now.revision, now.attempts) == (question.id, question.revision, COUNT), now
    firewall.decide(now, "allow")
    results = caller.result().each
    assert [it.errno for it in results] == [None] * COUNT, results


def seconds(action):
    begun = time.monotonic()
    action()
    return time.monotonic() - begun


def switches(pid):
    """How often a process has gone to sleep."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("voluntary_ctxt_switches"):
            return int(line.split()[1])
    raise AssertionError(f"nothing is known of process {pid}")


def test_held_call_breathes_and_nobody_notices():
    caller = Caller()
    caller.start("connect", ADDRESS)
    question = firewall.prompt()
    for _ in range(3):
        before = switches(caller.pid)
        until(lambda: switches(caller.pid) > before, "a breath", BOUND)
    assert caller.is_calling()
    now = firewall.prompt()
    assert (now.id, now.revision, now.attempts) == (question.id, question.revision, 1), now
    firewall.decide(now, "allow")
    assert caller.result().errno is None


def test_cpu_goes_offline_while_calls_are_held():
    caller, question = held_calls()
    try:
        taken = seconds(lambda: SECOND_CPU.write_text("0"))
    finally:
        SECOND_CPU.write_text("1")
    assert taken < BOUND, f"{taken:.1f} s"
    all_allowed(caller, question)


def test_uprobe_goes_away_while_calls_are_held():
    if not (TRACING / "uprobe_events").exists():
        print("this kernel has no uprobes", flush=True)
        return
    # Any instruction of any program: the first one that runs.
    header = Path("/usr/bin/true").read_bytes()[24:32]
    entry = int.from_bytes(header, "little")
    (TRACING / "uprobe_events").write_text(f"p:lab/entry /usr/bin/true:{entry}\n")
    enable = TRACING / "events/lab/entry/enable"
    enable.write_text("1")
    caller, question = held_calls()
    try:
        taken = seconds(lambda: enable.write_text("0"))
    finally:
        enable.write_text("0")
        # Opening it to write anew removes what is there.
        (TRACING / "uprobe_events").write_text("")
    assert taken < BOUND, f"{taken:.1f} s"
    all_allowed(caller, question)


def test_computer_sleeps_while_calls_are_held():
    slept = int(Path("/sys/power/suspend_stats/success").read_text())
    caller, question = held_calls()
    alarm = CLOCK / "wakealarm"
    alarm.write_text("0")
    alarm.write_text(str(int((CLOCK / "since_epoch").read_text()) + 12))
    tell_host("suspending")
    do("systemctl", "suspend")
    stats = Path("/sys/power/suspend_stats")

    def woken():
        return int((stats / "success").read_text()) > slept or int((stats / "fail").read_text())

    until(woken, "the computer to sleep and wake", 60)
    tell_host("resumed")
    assert int((stats / "fail").read_text()) == 0, do("dmesg")
    all_allowed(caller, question)


def test_debugged_caller_is_held_for_a_short_time_only():
    caller = Caller()
    tracer = threading.Thread(
        target=lambda: do("timeout", "20", "strace", "-qq", "-o", "/dev/null", "-p", str(caller.pid))
    )
    tracer.start()
    until(lambda: "TracerPid:\t0" not in Path(f"/proc/{caller.pid}/status").read_text(), "a tracer")
    caller.start("connect", ADDRESS)
    result = caller.result()
    assert result.errno == "EPERM" and result.seconds < 12, result
    assert firewall.prompt(held=0), "the question stays open"
    caller.kill()
    tracer.join()
