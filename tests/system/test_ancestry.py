"""Rules by who has started a program: that is known whoever is alive, and nobody can shake it off."""

import os
import shutil
from pathlib import Path

from harness import firewall
from harness.arrivals import Arrivals
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.confined import ADDRESS
from harness.marks import slow
from harness.wait import until

STARTER = "/usr/local/bin/starter"
# More than there are places in what the kernel keeps of a process.
LINKS = [f"/usr/local/bin/link-{number}" for number in range(20)]
# What the starter is told: to be another program, to start one and wait, or to start one that nobody
# is the parent of.
BECOME = "import os, sys; os.execv(sys.argv[1], sys.argv[1:])"
START = """
import os, sys
if os.fork() == 0:
    os.execv(sys.argv[1], sys.argv[1:])
os.wait()
"""
LET_GO = """
import os, sys
if os.fork() == 0:
    parent = os.getpid()
    os.setsid()
    if os.fork() == 0:
        while os.getppid() == parent:
            pass
        os.execv(sys.argv[1], sys.argv[1:])
"""


def install():
    """Puts the starter in place. It stays there: another file would be another program."""
    if not Path(STARTER).exists():
        shutil.copy(PROGRAM, STARTER)


def started(how, program=PROGRAM, links=()):
    """A program that the starter has started in some way, with others in between."""
    install()
    for link in links:
        shutil.copy("/usr/bin/env", link)
    return Caller(program=program, inside=(STARTER, "-ISc", how, *links))


def is_denied(caller):
    with Arrivals() as arrivals:
        result = caller.call("streams.connect", ADDRESS)
        assert result.errno == "EPERM", result
        assert arrivals.take() == []


def is_asked_about(caller):
    caller.start("streams.connect", ADDRESS)
    firewall.decide(firewall.prompt(), "deny")
    assert caller.result().errno == "EPERM"
    firewall.no_prompt()


def deny_what_it_starts():
    install()
    return firewall.add_rule(STARTER, "deny", "--and-what-it-starts")


def test_what_a_program_starts_is_denied_and_nothing_else():
    deny_what_it_starts()
    is_denied(Caller(program=STARTER))
    for how in (BECOME, START):
        is_denied(started(how))
    is_asked_about(Caller())


def test_dead_parents_are_remembered():
    deny_what_it_starts()
    is_denied(started(LET_GO))


def test_program_executed_by_another_thread_comes_from_the_first():
    deny_what_it_starts()
    caller = Caller(program=STARTER)
    assert caller.call("processes.execute_from_a_thread", program=PROGRAM).ready == caller.pid
    is_denied(caller)


def test_long_way_is_no_way_out():
    deny_what_it_starts()
    for how in (BECOME, LET_GO):
        is_denied(started(how, links=LINKS))


def test_program_is_allowed_where_another_has_started_it_and_nowhere_else():
    install()
    firewall.add_rule(PROGRAM, "allow", "--started-by", STARTER)
    for how in (BECOME, START, LET_GO):
        assert started(how).call("streams.connect", ADDRESS).errno is None, how
    is_asked_about(Caller())
    is_asked_about(started(BECOME, program=OTHER_PROGRAM))
    is_asked_about(Caller(program=STARTER))


def test_more_exact_rule_counts():
    deny_what_it_starts()
    firewall.add_rule(PROGRAM, "allow")
    caller = started(BECOME)
    assert caller.call("streams.connect", ADDRESS).errno is None
    firewall.add_rule(PROGRAM, "deny", "--started-by", STARTER)
    is_denied(caller)
    assert Caller().call("streams.connect", ADDRESS).errno is None


def test_rule_that_comes_later_counts_for_who_is_there():
    caller = started(LET_GO)
    is_asked_about(caller)
    rule = deny_what_it_starts()
    is_denied(caller)
    firewall.remove_rule(rule)
    is_asked_about(caller)


def test_what_comes_to_be_at_the_path_counts_at_once():
    deny_what_it_starts()
    is_denied(started(BECOME))
    newer = Path(f"{STARTER}-newer")
    shutil.copy(PROGRAM, newer)
    newer.rename(STARTER)
    is_denied(started(BECOME))


def test_next_broker_knows_what_has_started_whom():
    deny_what_it_starts()
    caller = started(LET_GO)
    firewall.kill()
    is_denied(caller)


@slow(minutes=3)
def test_who_is_older_than_the_service_is_told_by_living_parents_and_let_do_nothing():
    firewall.service("stop")
    child, orphan = started(START), started(LET_GO)
    firewall.service("start")
    until(firewall.is_up, "the broker")
    firewall.await_agent()
    firewall.add_rule(PROGRAM, "allow", "--started-by", STARTER)
    is_asked_about(child)
    deny_what_it_starts()
    firewall.add_rule(PROGRAM, "deny", "--started-by", STARTER)
    is_denied(child)
    # Nobody knows any more.
    is_asked_about(orphan)


def test_interpreters_and_scripts_start_anything():
    script = Path("/usr/local/bin/starting-script")
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    for program, word in (("/usr/bin/python3", "whatever it is given"), (script, "script")):
        refused = firewall.refusal(firewall.add_rule, PROGRAM, "allow", "--started-by", program)
        assert word in refused.error.message, refused
        refused = firewall.refusal(firewall.add_rule, program, "allow", "--and-what-it-starts")
        assert word in refused.error.message, refused
