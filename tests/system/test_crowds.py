"""Very many calls are held at once: each gets its verdict, and what it costs is bounded."""

import os
import time
from pathlib import Path

from harness import firewall
from harness.callers import Caller
from harness.machine import do, setting
from harness.marks import slow
from harness.wait import until

ADDRESS = "203.0.113.10"
THREADS = 512
# As in abi/src/lib.rs and broker/src/gate/table.rs.
MAX_HOLDS = 16384
USER_SHARE = MAX_HOLDS * 3 // 4
MANY = 10000
# Seconds for very many things that each take a moment.
PATIENCE = 400
# What the broker may use of memory, and of a processor while nothing happens but breathing: a
# twentieth by its own account, and what the kernel does for it.
MEGABYTES, SHARE = 64, 0.15
WATCHED = 20


def unlimited():
    """The system lets everybody have as many threads as they like."""
    for unit in ("user-1000.slice", "user-1001.slice", "lab-run.service"):
        do("systemctl", "set-property", "--runtime", unit, "TasksMax=infinity")
    return setting("kernel.threads-max", 100000)


def newcomer(user="alice"):
    """A program of a user's who has as many threads as there may be already."""
    return Caller(user, outside=("prlimit", "--nproc=unlimited"))


def crowd(user, processes, threads=THREADS):
    """So many calls of a user's, at once."""
    caller = newcomer(user)
    caller.start("crowd.hold", ADDRESS, processes=processes, threads=threads)
    return caller


def outcomes(caller):
    return dict(caller.result(PATIENCE).outcomes)


def memory():
    """The broker's memory in MB: now, and the most it has had."""
    lines = Path(f"/proc/{firewall.broker()}/status").read_text().splitlines()
    words = dict(it.split(":\t", 1) for it in lines)
    return [int(words[it].split()[0]) / 1024 for it in ("VmRSS", "VmHWM")]


def processor_seconds():
    """Seconds of a processor that the broker has used."""
    words = Path(f"/proc/{firewall.broker()}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


@slow(minutes=20)
def test_ten_thousand_calls_are_held_and_released_by_one_answer():
    firewall.settings(hold_seconds=3600)
    failed = firewall.failures()
    before, used, begun = memory(), processor_seconds(), time.monotonic()
    with unlimited():
        caller = crowd("alice", MANY // 500, 500)
        question = firewall.prompt(held=MANY, seconds=PATIENCE)
        held, busy = time.monotonic(), processor_seconds()
        print(f"{MANY} calls held after {held - begun:.0f} s, {busy - used:.1f} s of a processor; "
              f"memory {before[0]:.0f} MB before, {memory()[0]:.0f} MB now", flush=True)
        until(lambda: time.monotonic() > held + WATCHED, "some breaths", WATCHED + 5)
        share = (processor_seconds() - busy) / (time.monotonic() - held)
        # The same calls all the while: none was asked about twice.
        assert firewall.prompt(held=MANY).attempts == question.attempts == MANY
        answered = time.monotonic()
        firewall.decide(question, "allow")
        assert outcomes(caller) == {"success": MANY}
    released = time.monotonic() - answered
    print(f"held, {share:.0%} of a processor; released in {released:.1f} s; at most "
          f"{memory()[1]:.0f} MB", flush=True)
    assert memory()[1] < MEGABYTES and share < SHARE
    assert firewall.status().held == 0
    assert firewall.failures() == failed, firewall.failures()


@slow(minutes=20)
def test_full_hold_table_denies_who_comes_and_keeps_who_is_there():
    firewall.settings(hold_seconds=3600, agent_wait_seconds=3600)
    full_before = firewall.failures().get("hold-table-full", 0)
    with unlimited():
        alices = crowd("alice", USER_SHARE // THREADS)
        mine = firewall.prompt(held=USER_SHARE, seconds=PATIENCE)
        # More is not for one user, and the others are served.
        assert newcomer().call("connect", ADDRESS).errno == "EPERM"
        assert firewall.failures()["user-share"] == 1
        bobs = crowd("bob", (MAX_HOLDS - USER_SHARE) // THREADS)
        until(
            lambda: firewall.status("alice").held + firewall.status("bob").held == MAX_HOLDS,
            "the table to be full",
            PATIENCE,
        )
        for user in ("alice", "bob"):
            assert newcomer(user).call("connect", ADDRESS).errno == "EPERM"
        print(", ".join(firewall.status().failures), flush=True)
        assert firewall.failures()["hold-table-full"] >= full_before + 2
        firewall.decide(mine, "allow")
        assert outcomes(alices) == {"success": USER_SHARE}
        asked = firewall.prompt(user="bob", held=MAX_HOLDS - USER_SHARE)
        firewall.decide(asked, "deny", user="bob")
        assert outcomes(bobs) == {"EPERM": MAX_HOLDS - USER_SHARE}
    caller = Caller()
    caller.start("connect", ADDRESS)
    firewall.decide(firewall.prompt(), "allow")
    assert caller.result().errno is None
