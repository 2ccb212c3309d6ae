"""What waits for an answer holds nobody up: not the kernel's own work, not the computer's sleep."""

import contextlib
import threading
import time
from pathlib import Path

from harness import firewall, stuck
from harness.callers import Caller
from harness.machine import do, tell_host, with_module
from harness.marks import Skipped, slow
from harness.uprobe import uprobe
from harness.wait import until

ADDRESS = "203.0.113.10"
COUNT = 50
# Nobody waits longer for those that are held.
BOUND = 2
# Who waits for a grace period of RCU tasks trace waits longer in an emulated machine with a busy
# host: its thread looks for the last reader after 0.1, 0.3, 0.7, 1.5, 2.5, 3.5 s and so on. Who waited for
# answers would wait as long as the test does.
SLACK = 8
# So often each, because the time since the last breath is any.
ROUNDS = 5
# Seconds in which an emulated machine gets to do what is due.
PATIENCE = 6
SECOND_CPU = Path("/sys/devices/system/cpu/cpu1/online")
CLOCK = Path("/sys/class/rtc/rtc0")
MEM_SLEEP = Path("/sys/power/mem_sleep")
PM_TEST = Path("/sys/power/pm_test")
STATS = Path("/sys/power/suspend_stats")


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
        until(lambda: switches(caller.pid) > before, "a breath", PATIENCE)
    assert caller.is_calling()
    now = firewall.prompt()
    assert (now.id, now.revision, now.attempts) == (question.id, question.revision, 1), now
    firewall.decide(now, "allow")
    assert caller.result().errno is None


def test_cpu_goes_offline_and_online_while_calls_are_held():
    def off_and_on():
        off = seconds(lambda: SECOND_CPU.write_text("0"))
        return off + seconds(lambda: SECOND_CPU.write_text("1"))

    try:
        # The first time, the kernel has more to do.
        alone = off_and_on()
        caller, question = held_calls()
        each = [off_and_on() for _ in range(ROUNDS)]
    finally:
        SECOND_CPU.write_text("1")
    print(f"{max(each):.2f} s, and {alone:.2f} s at first with nobody held", flush=True)
    assert max(each) < BOUND + SLACK, each
    all_allowed(caller, question)


def test_uprobe_goes_away_while_calls_are_held():
    with uprobe() as remove:
        alone = remove()
        caller, question = held_calls()
        each = [remove() for _ in range(ROUNDS)]
    print(f"{max(each):.2f} s, and {alone:.2f} s with nobody held", flush=True)
    assert max(each) < BOUND + SLACK, each
    all_allowed(caller, question)


def test_module_is_unloaded_while_calls_are_held():
    caller, question = held_calls()
    each = []
    for _ in range(ROUNDS):
        with_module("dummy")
        each.append(seconds(lambda: do("modprobe", "--remove", "dummy")))
    print(f"{max(each):.2f} s", flush=True)
    assert max(each) < BOUND + SLACK, each
    all_allowed(caller, question)


def test_program_that_never_comes_keeps_no_other_users_from_breathing():
    """Who is in execve() cannot be traced, nor can any other thread of the process (ptrace_attach() waits)."""
    with stuck.program() as asked, uprobe() as remove:
        others, question = held_calls()
        caller = Caller(user="bob")
        path = str(stuck.PROGRAM)
        caller.start("processes.connect_beside_execution", ADDRESS, program=path)
        assert asked.wait(PATIENCE), "the program is being read"
        firewall.prompt(user="bob")
        each = [remove() for _ in range(ROUNDS)]
        print(f"{max(each):.2f} s", flush=True)
        # Who keeps others waiting is not held for long.
        firewall.prompt(held=0, user="bob")
        assert max(each) < BOUND + SLACK, each
    result = caller.result()
    assert result.errno == "EPERM" and result.seconds < 12, result
    all_allowed(others, question)


def sleep_and_wake():
    """Has logind send the computer to sleep until its clock wakes it."""
    slept = int((STATS / "success").read_text())
    failed = int((STATS / "fail").read_text())
    alarm = CLOCK / "wakealarm"
    alarm.write_text("0")
    alarm.write_text(str(int((CLOCK / "since_epoch").read_text()) + 12))
    tell_host("suspending")
    do("systemctl", "suspend")

    def woken():
        return int((STATS / "success").read_text()) > slept or has_failed()

    def has_failed():
        return int((STATS / "fail").read_text()) > failed

    until(woken, "the computer to sleep and wake", 60)
    tell_host("resumed")
    assert not has_failed(), do("dmesg")


@contextlib.contextmanager
def choice(file, word):
    """Chooses one of the words that a file of the kernel offers, for a time."""
    before = file.read_text() if file.exists() else ""
    if word not in before:
        raise Skipped(f"this kernel has no {word} in {file}")
    file.write_text(word)
    try:
        yield
    finally:
        file.write_text(before[before.index("[") + 1 : before.index("]")])


@slow(minutes=3)
def test_computer_sleeps_while_calls_are_held():
    if "lab.awake" in Path("/proc/cmdline").read_text().split():
        raise Skipped("the emulation has died of it, again and again")
    with choice(MEM_SLEEP, "deep"):
        caller, question = held_calls()
        sleep_and_wake()
        all_allowed(caller, question)


@slow(minutes=3)
def test_computer_idles_in_its_sleep_while_calls_are_held():
    # The clock of an emulated machine does not wake it from this, so the kernel turns round by
    # itself, 5 s after everything is frozen and all devices sleep: just before it would idle.
    with choice(MEM_SLEEP, "s2idle"), choice(PM_TEST, "platform"):
        caller, question = held_calls()
        sleep_and_wake()
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
