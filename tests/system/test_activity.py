"""What programs did, and what they were told, can be read: by their user, and by root."""

import hashlib
import json
import stat
import threading
from pathlib import Path
from queue import SimpleQueue

from harness import firewall
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.machine import run, start
from harness.marks import slow
from harness.wait import until

ADDRESS, OTHER, THIRD = "203.0.113.10", "203.0.113.11", "203.0.113.12"
MANY = 3000
HISTORY = Path("/var/lib/portreeve/history.db")


def forgotten():
    """Nothing is recorded of anybody."""
    until(lambda: firewall.status().history == "ok", "the history")
    for user in firewall.USERS:
        firewall.ctl("log", "--clear", user=user)


def log(*words, user="alice"):
    """What was recorded of the callers of a user, the oldest first."""
    rows = firewall.ctl("log", *words, user=user)
    return [it for it in rows if it.subject.path in (PROGRAM, OTHER_PROGRAM)]


def told(rows):
    """Where to, what was said, and why."""
    return [(it.object.address, it.action, it.reason) for it in rows]


def test_what_was_told_is_recorded_with_the_reason():
    forgotten()
    allowed = firewall.add_rule(PROGRAM, "allow", "--addr", ADDRESS)
    denied = firewall.add_rule(PROGRAM, "deny", "--addr", OTHER)
    caller = Caller()
    assert caller.call("connect", ADDRESS).errno is None
    assert caller.call("connect", OTHER).errno == "EPERM"
    caller.start("connect", THIRD)
    firewall.decide(firewall.prompt(), "allow", "once")
    assert caller.result().errno is None
    rows = log()
    expected = [(ADDRESS, "allow", "rule"), (OTHER, "deny", "rule"), (THIRD, "allow", "answer")]
    assert told(rows) == expected, rows
    assert [it.rule for it in rows] == [allowed, denied, None], rows
    assert [it.errno for it in rows] == [None, 1, None], rows
    assert {it.subject.verified for it in rows} == {True}
    assert told(log("--denied")) == expected[1:2]
    assert told(log("--program", PROGRAM, "--limit", 2)) == expected[1:]
    assert log("--program", OTHER_PROGRAM) == []
    assert told(log("--since", "1h")) == expected
    assert told(log("is:denied", f"host:{OTHER}", "dir:out")) == expected[1:2]
    assert log("is:unanswered") == []
    programs = [it for it in firewall.ctl("programs") if it.path == PROGRAM]
    assert [(it.allowed, it.denied) for it in programs] == [(2, 1)], programs


@slow(minutes=3)
def test_what_nobody_answers_is_recorded_with_the_reason():
    firewall.settings(hold_seconds=1, agent_wait_seconds=1)
    forgotten()
    caller = Caller()
    assert caller.call("connect", ADDRESS).errno == "EPERM"
    firewall.agent("stop")
    until(lambda: not firewall.has_agent(), "the agent to be gone")
    assert caller.call("connect", OTHER).errno == "EPERM"
    expected = [(ADDRESS, "deny", "deadline"), (OTHER, "deny", "no-agent")]
    assert told(log()) == expected


@slow(minutes=3)
def test_what_the_kernel_answers_is_recorded_with_the_first_call_only():
    forgotten()
    firewall.add_rule(PROGRAM, "allow")
    caller = Caller()
    for _ in range(5):
        assert caller.call("connect", ADDRESS).errno is None
    assert [it.count for it in log()] == [1]
    # Each process is another one to the kernel: they are one row.
    for _ in range(3):
        assert Caller().call("connect", ADDRESS).errno is None
    assert [it.count for it in log()] == [4]


@slow(minutes=3)
def test_much_at_once_is_recorded_and_cleared():
    forgotten()
    lost = firewall.failures().get("history-lost", 0)
    firewall.add_rule(PROGRAM, "deny")
    caller = Caller()
    # Of the network that RFC 2544 gives to tests.
    caller.start("crowd.walk", "198.18.0.0", count=MANY)
    assert caller.result(120).outcomes == [["EPERM", MANY]]
    # The broker is confined: whatever SQLite needs beside the file, it must not want on the disk.
    until(lambda: len(log("--limit", 2 * MANY)) == MANY, "all of it")
    assert firewall.status().history == "ok"
    assert firewall.failures().get("history-lost", 0) == lost
    firewall.ctl("log", "--clear")
    assert log() == []
    assert firewall.status().history == "ok"


def test_users_see_their_own():
    forgotten()
    for user in firewall.USERS:
        firewall.add_rule(PROGRAM, "allow", user=user)
    assert Caller("alice").call("connect", ADDRESS).errno is None
    assert Caller("bob").call("connect", OTHER).errno is None
    assert told(log(user="alice")) == [(ADDRESS, "allow", "rule")]
    of_bob = firewall.ctl_as("bob", "log")
    assert {it.object.address for it in of_bob if it.subject.path == PROGRAM} == {OTHER}
    for words in (("log",), ("programs",), ("log", "--clear")):
        refused = firewall.refusal(firewall.ctl_as, "bob", "--user", "alice", *words)
        assert refused.status == firewall.ACCESS_DENIED, (words, refused)
    # What a program did, programs of the same user do not hide.
    refused = firewall.refusal(firewall.ctl_as, "bob", "log", "--clear")
    assert refused.status == firewall.ACCESS_DENIED, refused
    firewall.ctl("log", "--clear", user="bob")
    assert log(user="bob") == []
    assert len(log(user="alice")) == 1


def test_the_file_is_roots_alone():
    assert stat.filemode(HISTORY.stat().st_mode) == "-rw-------"
    assert run("cat", str(HISTORY), user="alice").returncode != 0


@slow(minutes=3)
def test_it_outlives_brokers():
    forgotten()
    firewall.add_rule(PROGRAM, "allow")
    caller = Caller()
    expected = []

    def records(address):
        assert caller.call("connect", address).errno is None
        expected.append((address, "allow", "rule"))
        assert told(log()) == expected

    records(ADDRESS)
    firewall.kill()
    records(OTHER)
    firewall.service("restart")
    until(firewall.is_up, "the next broker")
    records(THIRD)
    # A broker that is told to end has written all before.
    assert Caller().call("connect", ADDRESS).errno is None
    firewall.service("restart")
    until(firewall.is_up, "the next broker")
    assert sum(it.count for it in log()) == 4


class Following:
    """`portreevectl log --follow`."""

    def __init__(self):
        words = ("portreevectl", "--json", "--user", "alice", "log", "--follow", "--limit", "0")
        self._process = start(*words)
        self._lines = SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(json.loads(line))

    def next(self):
        """The rows of the next line that has some of the callers."""
        while True:
            rows = self._lines.get(timeout=30)
            rows = [it for it in rows if it["subject"]["path"] == PROGRAM]
            if rows:
                return rows

    def begun(self):
        assert self._lines.get(timeout=30) == []

    def end(self):
        self._process.kill()
        self._process.wait()


@slow(minutes=3)
def test_following_shows_what_happens():
    forgotten()
    firewall.add_rule(PROGRAM, "allow", "--addr", ADDRESS)
    firewall.add_rule(PROGRAM, "deny", "--addr", OTHER)
    following = Following()
    try:
        following.begun()
        assert Caller().call("connect", ADDRESS).errno is None
        (row,) = following.next()
        assert (row["object"]["address"], row["action"]) == (ADDRESS, "allow"), row
        assert Caller().call("connect", OTHER).errno == "EPERM"
        (row,) = following.next()
        assert (row["object"]["address"], row["action"]) == (OTHER, "deny"), row
        # The same again is the same row.
        assert Caller().call("connect", OTHER).errno == "EPERM"
        (again,) = following.next()
        assert (again["id"], again["count"]) == (row["id"], 2), again
    finally:
        following.end()


@slow(minutes=3)
def test_damaged_history_is_left_alone():
    firewall.service("stop")
    for file in HISTORY.parent.glob(f"{HISTORY.name}*"):
        file.unlink()
    HISTORY.write_bytes(b"dear diary\n" * 1000)
    before = hashlib.sha256(HISTORY.read_bytes()).hexdigest()
    try:
        firewall.service("start")
        firewall.await_agent()
        until(lambda: "database" in firewall.status().history, "the problem to be said")
        assert firewall.status().store == "ok"
        rule = firewall.add_rule(PROGRAM, "allow")
        assert Caller().call("connect", ADDRESS).errno is None
        firewall.remove_rule(rule)
        refused = firewall.refusal(firewall.ctl, "log")
        assert refused.error.name == "io.github.portreeve.Error.StoreUnavailable", refused
        assert firewall.failures()["history-lost"] > 0
    finally:
        firewall.service("stop")
        after = hashlib.sha256(HISTORY.read_bytes()).hexdigest()
        HISTORY.unlink()
        firewall.service("start")
    assert after == before, "the file was changed"
    until(lambda: firewall.status().history == "ok", "a new history")
