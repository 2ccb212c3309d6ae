"""The first start: nobody has chosen yet what is to become of calls, so nobody is stopped."""

import sqlite3
from contextlib import closing

from harness import firewall
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.wait import until

ADDRESS, OTHER = "203.0.113.10", "203.0.113.11"


def begin():
    """The broker as it is when nobody has chosen anything yet."""
    firewall.service("stop")
    with closing(sqlite3.connect(firewall.DATABASE)) as database, database:
        database.execute("DELETE FROM mode")
    firewall.settings_alone()
    firewall.await_agent()
    until(lambda: firewall.status().history == "ok", "the history")
    firewall.ctl("log", "--clear")


def test_nobody_is_stopped_until_somebody_chooses():
    begin()
    for user in firewall.USERS:
        mode = firewall.ctl("mode", user=user)
        assert (mode.mode, mode.undecided) == ("allow", True), mode
    caller = Caller()
    assert caller.call("connect", ADDRESS).errno is None
    assert firewall.pending() == []
    # It is noted down, so that one can look at it before.
    [row] = until(lambda: firewall.ctl("log"), "what was told")
    assert (row.subject.path, row.reason) == (PROGRAM, "mode-allow"), row
    # Rules count all the same.
    firewall.add_rule(OTHER_PROGRAM, "deny")
    assert Caller(program=OTHER_PROGRAM).call("connect", ADDRESS).errno == "EPERM"

    # Alice chooses, by herself; bob is watched on, and so is everybody after a restart.
    assert firewall.ctl_as("alice", "mode", "ask").undecided is False
    firewall.service("restart")
    firewall.await_agent()
    caller.start("connect", OTHER)
    firewall.decide(firewall.prompt(), "deny")
    assert caller.result().errno == "EPERM"
    assert firewall.ctl("mode", user="bob").undecided is True
    assert firewall.doctor()["mode"].ok


def test_what_is_told_of_a_choice_that_is_to_be_made():
    begin()
    finding = firewall.doctor()["mode"]
    assert not finding.ok and "portreevectl mode ask" in finding.fix, finding
    firewall.settings(mode='"deny"')
    assert firewall.doctor()["mode"].ok
    assert firewall.ctl("mode").undecided is False
