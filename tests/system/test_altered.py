"""What a program may is no leave for other code inside it."""

import os
import shutil
from pathlib import Path

from harness import bus, firewall
from harness.arrivals import Arrivals
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.confined import ADDRESS, BOTH, ELSEWHERE
from harness.machine import do
from harness.marks import slow

HOME = Path("/home/alice")
LIBRARY = HOME / "evil.so"
# What is said of where foreign code comes from.
FILES = {"foreign-code": [str(LIBRARY)], "controlled": None}
WAYS = ("tracing", "memory", "descriptor")


def library():
    """A library that a user could have written; what is in it makes no difference."""
    shutil.copyfile(next(Path("/usr/lib").glob("*-linux-gnu/libutil.so.1")), LIBRARY)
    do("chown", "alice:", LIBRARY)
    return LIBRARY


def preloaded(program=PROGRAM):
    """A program with a library of the user's."""
    return Caller(program=program, inside=("env", f"LD_PRELOAD={library()}"))


def allowed():
    """A program that may do everything, and has: its verdicts are remembered."""
    bus.add_rule(PROGRAM, "allow")
    caller = Caller()
    assert caller.call("streams.connect", ADDRESS).errno is None
    return caller


def get_hold_of(caller, way):
    """Another program of the user's gets hold of this one."""
    caller.call("kept.let_be_taken")
    mine = caller.call("kept.keep", address=ADDRESS).descriptor
    other = Caller(program=OTHER_PROGRAM)
    other.call("inside.get_hold_of", pid=caller.pid, way=way, descriptor=mine)


def is_asked_about(caller, alteration, call="streams.connect", address=ADDRESS, **options):
    """What the rules allow is asked about, and can be allowed to this process alone."""
    with Arrivals() as arrivals:
        caller.start(call, address, **options)
        question = firewall.prompt()
        assert question.subject.alterations == [alteration], question
        assert question.subject.foreign_code == FILES[alteration], question
        assert question.lifespans == ["once", "process"], question
        refused = firewall.refusal(firewall.decide, question, "allow", "always")
        assert refused.status in (firewall.FAILED, firewall.USAGE), refused
        assert arrivals.take() == []
        firewall.decide(question, "deny")
        assert caller.result().errno == "EPERM"
        assert arrivals.take() == []
    caller.start(call, address, **options)
    firewall.decide(firewall.prompt(), "allow", "process")
    assert caller.result().errno is None
    # From now on it is not asked about.
    assert caller.call(call, address, **options).errno is None


def test_preloaded_library_is_asked_about():
    bus.add_rule(PROGRAM, "allow")
    is_asked_about(preloaded(), "foreign-code")
    assert Caller().call("streams.connect", ADDRESS).errno is None


def test_file_with_a_name_that_is_no_text_hides_no_other():
    nameless = os.fsdecode(b"/home/alice/\xff.so")
    shutil.copyfile(library(), nameless)
    do("chown", "alice:", nameless)
    bus.add_rule(PROGRAM, "allow")
    both = Caller(inside=("env", f"LD_PRELOAD={nameless}:{LIBRARY}"))
    is_asked_about(both, "foreign-code")


@slow(minutes=3)
def test_code_that_comes_later_is_asked_about():
    for later in (False, True):
        caller = allowed()
        caller.call("inside.map_code", path=str(library()), later=later)
        is_asked_about(caller, "foreign-code")


def test_code_of_roots_is_the_programs_own():
    caller = allowed()
    for later in (False, True):
        path = str(Path("/usr/bin/env").resolve())
        assert caller.call("inside.map_code", path=path, later=later).errno is None
        assert caller.call("streams.connect", ADDRESS).errno is None
        assert caller.call("streams.connect", ELSEWHERE).errno is None


def test_programs_of_the_user_have_libraries_of_the_user():
    own = HOME / "own-caller"
    shutil.copy(PROGRAM, own)
    do("chown", "alice:", own)
    bus.add_rule(own, "allow")
    caller = preloaded(program=own)
    for address in BOTH:
        assert caller.call("streams.connect", address).errno is None


@slow(minutes=3)
def test_whoever_is_got_hold_of_is_asked_about():
    for way in WAYS:
        caller = allowed()
        get_hold_of(caller, way)
        is_asked_about(caller, "controlled")


def test_program_that_began_under_a_debugger_is_asked_about():
    bus.add_rule(PROGRAM, "allow")
    caller = Caller()
    for action, errno in (("deny", "EPERM"), ("allow", None)):
        words = {"program": PROGRAM, "made": "streams.connect", "address": ADDRESS}
        caller.start("inside.spawn_traced", **words)
        question = firewall.prompt()
        assert question.subject.alterations == ["controlled"], question
        firewall.decide(question, action)
        assert caller.result().errno == errno


def test_children_are_altered_too_until_they_become_another_program():
    caller = allowed()
    caller.call("inside.map_code", path=str(library()))
    caller.start("in_processes", ADDRESS, count=1)
    question = firewall.prompt()
    assert question.subject.alterations == ["foreign-code"], question
    firewall.decide(question, "deny")
    assert [it.errno for it in caller.result().each] == ["EPERM"]
    assert caller.call("processes.execute", program=PROGRAM).ready == caller.pid
    assert caller.call("streams.connect", ADDRESS).errno is None


def test_open_connection_is_judged_anew():
    caller = allowed()
    mine = caller.call("kept.keep", kind="tcp", address=ADDRESS).descriptor
    assert caller.call("kept.send", descriptor=mine).errno is None
    caller.call("inside.map_code", path=str(library()))
    caller.start("kept.send", descriptor=mine)
    question = firewall.prompt()
    assert (question.operation, question.object.address) == ("connect", ADDRESS), question
    assert question.subject.alterations == ["foreign-code"], question
    firewall.decide(question, "deny")
    assert caller.result().errno == "EPERM"


def test_denied_program_stays_denied():
    bus.add_rule(PROGRAM, "deny")
    with Arrivals() as arrivals:
        for address in BOTH:
            assert preloaded().call("streams.connect", address).errno == "EPERM"
        assert arrivals.take() == []


def test_process_that_was_denied_stays_denied():
    caller = Caller()
    caller.start("streams.connect", ADDRESS)
    firewall.decide(firewall.prompt(), "deny", "process")
    assert caller.result().errno == "EPERM"
    caller.call("inside.map_code", path=str(library()))
    assert caller.call("streams.connect", ADDRESS).errno == "EPERM"
    caller.start("streams.connect", ELSEWHERE)
    question = firewall.prompt()
    assert question.subject.alterations == ["foreign-code"], question
    firewall.decide(question, "deny")
    assert caller.result().errno == "EPERM"
