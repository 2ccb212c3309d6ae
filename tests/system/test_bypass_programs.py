"""Whatever a program does to its processes, its calls stay its own."""

import shutil
from pathlib import Path

from harness import bus, firewall
from harness.arrivals import Arrivals
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.confined import (
    ADDRESS,
    BOTH,
    ELSEWHERE,
    ELSEWHERE6,
    confine,
    refused_unless_allowed,
)
from harness.machine import do
from harness.wait import until


def test_vfork():
    refused_unless_allowed("processes.vfork")


def test_threads_with_different_calls_at_once():
    confine()
    addresses = [ELSEWHERE, ADDRESS, ELSEWHERE6, BOTH[1]] * 2
    with Arrivals() as arrivals:
        result = Caller().call("processes.mixed_threads", addresses=addresses, rounds=50)
        assert result.each == [["None"], ["EPERM"]] * 4, result
        arrived = {it.address for it in arrivals.take()}
        assert arrived == {ELSEWHERE, ELSEWHERE6}, arrived


def test_spawned_program_is_judged_as_itself():
    confine()
    bus.add_rule(OTHER_PROGRAM, "allow")
    caller = Caller(program=OTHER_PROGRAM)
    with Arrivals() as arrivals:
        for address in BOTH:
            words = {"program": PROGRAM, "made": "streams.connect"}
            denied = caller.call("processes.spawn", address, **words)
            assert denied.errno == "EPERM", denied
            assert address not in {it.address for it in arrivals.take()}
            words = {"program": OTHER_PROGRAM, "made": "streams.connect"}
            allowed = caller.call("processes.spawn", address, **words)
            assert allowed.errno is None, allowed
            arrivals.take_until(lambda it: it.address == address, "the connection")


def allowed_and_remembered():
    """A program that may do what the confined one may not, and has: its verdicts are remembered."""
    confine()
    bus.add_rule(OTHER_PROGRAM, "allow")
    caller = Caller(program=OTHER_PROGRAM)
    for address in BOTH:
        assert caller.call("streams.connect", address).errno is None
    return caller


def test_program_executed_in_the_same_process_is_judged_as_itself():
    # What is remembered of the process is not of the program that comes after it.
    caller = allowed_and_remembered()
    assert caller.call("processes.execute", program=PROGRAM).ready == caller.pid
    with Arrivals() as arrivals:
        for address in BOTH:
            assert caller.call("streams.connect", address).errno == "EPERM"
            assert caller.call("datagrams.sendto", address).errno == "EPERM"
        assert arrivals.take() == []
    assert caller.call("processes.execute", program=OTHER_PROGRAM).ready == caller.pid
    for address in BOTH:
        assert caller.call("streams.connect", address).errno is None


def test_program_executed_by_another_thread_is_judged_as_itself():
    caller = allowed_and_remembered()
    assert caller.call("processes.execute_from_a_thread", program=PROGRAM).ready == caller.pid
    with Arrivals() as arrivals:
        for address in BOTH:
            assert caller.call("streams.connect", address).errno == "EPERM"
            assert caller.call("datagrams.sendto", address).errno == "EPERM"
        assert arrivals.take() == []
    again = caller.call("processes.execute_from_a_thread", program=OTHER_PROGRAM)
    assert again.ready == caller.pid
    for address in BOTH:
        assert caller.call("streams.connect", address).errno is None


def test_process_whose_first_thread_has_ended_is_judged_as_before():
    caller = allowed_and_remembered()
    other = Caller(program=PROGRAM)
    for process in (caller, other):
        process.call("processes.go_on_without_first_thread")
        status = Path(f"/proc/{process.pid}/status")
        until(lambda status=status: "Z (zombie)" in status.read_text(), "the thread's end")
    with Arrivals() as arrivals:
        for address in BOTH:
            assert other.call("streams.connect", address).errno == "EPERM"
        assert arrivals.take() == []
    # One place it knows, one the broker is asked about.
    for address in (*BOTH, ELSEWHERE):
        assert caller.call("streams.connect", address).errno is None


def test_setuid_program_is_its_users():
    program = Path("/usr/local/bin/setuid-caller")
    shutil.copyfile(PROGRAM, program)
    program.chmod(0o4755)
    caller = Caller(program=program)
    status = Path(f"/proc/{caller.pid}/status").read_text()
    assert "Uid:\t1000\t0\t0\t0" in status, status
    bus.add_rule(program, "deny")
    with Arrivals() as arrivals:
        for address in BOTH:
            assert caller.call("streams.connect", address).errno == "EPERM"
            assert caller.call("datagrams.sendto", address).errno == "EPERM"
        assert arrivals.take() == []
        bus.add_rule(program, "allow", ADDRESS)
        assert caller.call("streams.connect", ADDRESS).errno is None


def test_32_bit_connect():
    ways = ("connect", "socketcall")
    refused_unless_allowed("i386.connect", variants=[{"by": way} for way in ways])


def test_32_bit_sends():
    ways = ("sendto", "sendmsg", "sendmmsg", "socketcall sendto", "socketcall sendmsg")
    refused_unless_allowed("i386.send", variants=[{"by": way} for way in ways])


def test_sandboxed_program():
    caller = Caller()
    modules = ["streams", "datagrams"]
    assert caller.call("sandbox.enter", modules=modules).errno is None
    refused_unless_allowed("streams.connect", caller=caller)


def test_sandboxed_program_is_held():
    caller = Caller()
    caller.call("sandbox.enter", modules=["streams"])
    assert "Seccomp:\t2" in Path(f"/proc/{caller.pid}/status").read_text()
    for action, errno in (("deny", "EPERM"), ("allow", None)):
        caller.start("streams.connect", ADDRESS)
        firewall.decide(firewall.prompt(), action)
        assert caller.result().errno == errno


def only_once(caller, *paths):
    """A program that nobody will find again: it is asked about, and gets no lasting rule."""
    for address in BOTH:
        with Arrivals() as arrivals:
            caller.start("streams.connect", address)
            question = firewall.prompt()
            assert not question.subject.verified, question
            assert question.subject.path not in paths, question
            assert "always" not in question.lifespans, question
            refused = firewall.refusal(firewall.decide, question, "allow", "always")
            assert refused.status in (firewall.FAILED, firewall.USAGE), refused
            assert firewall.rules() == []
            assert caller.is_calling()
            assert arrivals.take() == []
            firewall.decide(question, "allow")
            assert caller.result().errno is None
            arrivals.take_until(lambda it: it.address == address, "the connection")
        firewall.no_prompt()
        assert firewall.rules() == []


def test_program_in_memory_gets_no_lasting_rule():
    caller = Caller()
    assert caller.call("processes.execute_in_memory").ready == caller.pid
    only_once(caller, PROGRAM)


def test_deleted_program_gets_no_rule_for_its_path():
    program = Path("/usr/local/bin/short-lived")
    shutil.copy(PROGRAM, program)
    with program.open("ab") as file:
        file.write(b"short-lived")
    digest = do("sha256sum", program).split()[0]
    caller = Caller(program=program)
    program.unlink()
    caller.start("streams.connect", ADDRESS)
    question = firewall.prompt()
    subject = question.subject
    assert not subject.verified and subject.by_contents, question
    assert subject.path != str(program), question
    assert (subject.key, subject.sha256) == (f"sha256:{digest}", digest), question
    firewall.decide(question, "allow", "always", "any")
    assert caller.result().errno is None
    (rule,) = firewall.rules()
    assert rule.program == subject.key, rule
    # Another file at the path is another program.
    shutil.copy(PROGRAM, program)
    other = Caller(program=program)
    other.start("streams.connect", ADDRESS)
    question = firewall.prompt()
    assert question.subject.verified, question
    firewall.decide(question, "deny")
    assert other.result().errno == "EPERM"


def test_deleted_program_is_not_the_one_that_came_after_it():
    program = Path("/usr/local/bin/replaced")
    shutil.copy(PROGRAM, program)
    caller = Caller(program=program)
    program.unlink()
    shutil.copy(PROGRAM, program)
    bus.add_rule(program, "allow")
    with Arrivals() as arrivals:
        caller.start("streams.connect", ADDRESS)
        question = firewall.prompt()
        assert not question.subject.verified, question
        assert arrivals.take() == []
        firewall.decide(question, "deny")
        assert caller.result().errno == "EPERM"


def reused(pid, program):
    """A new process that has the process id of one that has ended."""

    def started():
        Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        caller = Caller(program=program)
        if caller.pid == pid:
            return caller
        caller.kill()
        return None

    return until(started, f"a process with the id {pid}")


def test_reused_process_id_inherits_no_remembered_verdict():
    first = allowed_and_remembered()
    first.kill()
    second = reused(first.pid, PROGRAM)
    with Arrivals() as arrivals:
        for address in BOTH:
            assert second.call("streams.connect", address).errno == "EPERM"
        assert arrivals.take() == []


def test_reused_process_id_inherits_no_rule_of_the_process():
    first = Caller()
    first.start("streams.connect", ADDRESS)
    firewall.decide(firewall.prompt(), "allow", "process")
    assert first.result().errno is None
    assert first.call("streams.connect", ADDRESS).errno is None
    first.kill()
    second = reused(first.pid, PROGRAM)
    with Arrivals() as arrivals:
        second.start("streams.connect", ADDRESS)
        question = firewall.prompt()
        assert arrivals.take() == []
        firewall.decide(question, "deny")
        assert second.result().errno == "EPERM"
