"""What a user has let a program do was for the file that was there: another in its place is asked about."""

import errno
import shutil
from contextlib import contextmanager
from pathlib import Path

from harness import bus, firewall
from harness.callers import PROGRAM, Caller
from harness.confined import ADDRESS, ELSEWHERE
from harness.machine import do

HOME = Path("/home/alice")
TOOL = HOME / "tool"


@contextmanager
def own_program():
    """A program of alice's own."""
    put(PROGRAM)
    try:
        yield str(TOOL)
    finally:
        TOOL.unlink(missing_ok=True)


def put(source, more=b""):
    """Puts a file in the program's place; what is behind an executable does not run."""
    new = TOOL.with_suffix(".new")
    shutil.copy(source, new)
    with new.open("ab") as file:
        file.write(more)
    do("chown", "alice:", new)
    new.rename(TOOL)


def digest():
    return do("sha256sum", TOOL).split()[0]


def calls_freely(address=ADDRESS):
    """Whether a new process of the program is let connect without a question."""
    caller = Caller(program=str(TOOL))
    result = caller.call("streams.connect", address)
    assert not firewall.pending()
    return result.errno is None


def paused():
    """Which of alice's rules are said to be paused."""
    return [rule.paused for rule in firewall.rules()]


def asked(address=ADDRESS):
    """A new process of the program that waits for an answer, and the question."""
    caller = Caller(program=str(TOOL))
    caller.start("streams.connect", address)
    question = firewall.prompt()
    assert question.subject.path == str(TOOL), question
    assert question.subject.sha256 == digest(), question
    return caller, question


def test_another_file_in_a_programs_place_is_asked_about_until_it_is_trusted():
    with own_program():
        caller, question = asked()
        assert question.subject.alterations == [], question
        firewall.decide(question, "allow", "always", "any")
        assert caller.result().errno is None
        assert calls_freely()
        assert paused() == [False]

        put(PROGRAM, b"evil")
        caller, question = asked()
        assert paused() == [True]
        assert question.subject.alterations == ["changed"], question
        assert question.lifespans == ["once", "process", "always"], question
        refused = firewall.refusal(firewall.decide, question, "allow", "1h")
        assert refused.status in (firewall.FAILED, firewall.USAGE), refused
        firewall.decide(question, "deny")
        assert caller.result().errno == "EPERM"

        # A broker that starts anew knows which file it was.
        firewall.service("restart")
        firewall.await_agent()
        caller, question = asked(ELSEWHERE)
        assert question.subject.alterations == ["changed"], question
        firewall.decide(question, "allow", "always", "any")
        assert caller.result().errno is None
        assert len(firewall.rules()) == 1, "the rule was there"
        assert calls_freely()
        put(PROGRAM)
        assert calls_freely(), "the one before is trusted still"


def test_denied_program_is_denied_from_any_file():
    with own_program():
        firewall.add_rule(TOOL, "deny")
        assert not calls_freely()
        put(PROGRAM, b"evil")
        assert not calls_freely()


def test_first_file_that_a_rule_lets_connect_is_the_one():
    with own_program():
        firewall.add_rule(TOOL, "allow")
        assert calls_freely()
        put(PROGRAM, b"evil")
        caller, question = asked()
        assert question.subject.alterations == ["changed"], question
        firewall.decide(question, "deny")
        assert caller.result().errno == "EPERM"


def test_nobody_writes_to_what_runs():
    with own_program():
        firewall.add_rule(TOOL, "allow")
        assert calls_freely()
        _running = Caller(program=str(TOOL))
        try:
            TOOL.open("r+b").close()
        except OSError as error:
            assert error.errno == errno.ETXTBSY, error
        else:
            raise AssertionError("a file is written to while it runs")


def test_trusted_file_put_back_beside_what_runs_is_no_leave_for_that():
    with own_program():
        firewall.add_rule(TOOL, "allow")
        assert calls_freely()
        put(PROGRAM, b"evil")
        evil = Caller(program=str(TOOL))
        put(PROGRAM)
        evil.start("streams.connect", ADDRESS)
        question = firewall.prompt()
        assert not question.subject.verified, question
        firewall.decide(question, "deny")
        assert evil.result().errno == "EPERM"


def test_program_of_roots_may_be_replaced_by_root():
    program = Path("/usr/local/bin/tool")
    shutil.copy(PROGRAM, program)
    try:
        bus.add_rule(program, "allow")
        for more in (b"", b"newer"):
            with program.open("ab") as file:
                file.write(more)
            caller = Caller(program=str(program))
            assert caller.call("streams.connect", ADDRESS).errno is None
            caller.kill()
        assert not firewall.pending()
    finally:
        program.unlink()


def test_server_is_reached_from_its_own_file_alone():
    with own_program():
        firewall.add_rule(TOOL, "allow", operation="listen")
        caller = Caller(program=str(TOOL))
        assert caller.call("listen", "0.0.0.0", port=8080).errno is None
        put(PROGRAM, b"evil")
        other = Caller(program=str(TOOL))
        other.start("listen", "0.0.0.0", port=8081)
        question = firewall.prompt()
        assert question.subject.alterations == ["changed"], question
        firewall.decide(question, "deny")
        assert other.result().errno == "EPERM"
