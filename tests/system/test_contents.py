"""Programs to which no path of the computer leads are known by what is in their files, and rules can name that."""

import contextlib
import shutil
from pathlib import Path

from harness import firewall
from harness.callers import PROGRAM, Caller
from harness.confined import ADDRESS, ELSEWHERE
from harness.machine import do
from harness.marks import slow
from harness.wait import until

HOME = Path("/home/alice")
WHERE = HOME / "where"
PYTHON = Path("/usr/bin/python3").resolve().name
LASTING = ["once", "process", "3600s", "logout", "always"]
BRIEF = ["once", "process"]


def digest(path):
    return do("sha256sum", path).split()[0]


def key(path):
    return f"sha256:{digest(path)}"


def put(path, more):
    """Puts a copy of the program there; what is behind an executable does not run."""
    shutil.copy(PROGRAM, path)
    with path.open("ab") as file:
        file.write(more)


@contextlib.contextmanager
def image(more, name="tool"):
    """The program of an image of alice's, which her containers see at a place of their own."""
    directory = HOME / f"image-{name}-{more.decode()}"
    directory.mkdir()
    WHERE.mkdir(exist_ok=True)
    put(directory / name, more)
    do("chown", "-R", "alice:", directory, WHERE)
    try:
        yield directory / name
    finally:
        shutil.rmtree(directory)


def contained(program, where=WHERE):
    """A process of the program in mounts of its own."""
    mount = f'mount --rbind {program.parent} {where} && exec "$@"'
    inside = ("unshare", "-Urm", "sh", "-c", mount, "sh")
    return Caller(program=Path(where) / program.name, inside=inside)


def asked(caller, lifespans=LASTING, address=ADDRESS):
    caller.start("connect", address)
    question = firewall.prompt()
    assert not question.subject.verified, question
    assert question.lifespans == lifespans, question
    return question


def may(caller, address=ADDRESS):
    assert caller.call("connect", address).errno is None
    assert firewall.pending() == []


def may_not(caller, address=ADDRESS):
    assert caller.call("connect", address).errno == "EPERM"
    assert firewall.pending() == []


def test_answer_is_for_what_is_in_the_file_wherever_that_is():
    with image(b"one") as one, image(b"one", "other") as same, image(b"two") as two:
        caller = contained(one)
        question = asked(caller)
        subject = question.subject
        assert (subject.key, subject.sha256) == (key(one), digest(one)), question
        assert subject.by_contents and not subject.runs_anything, question
        assert (subject.path, subject.name) == (str(WHERE / "tool"), "tool"), question
        firewall.decide(question, "allow", "always", "any")
        assert caller.result().errno is None
        (rule,) = firewall.rules()
        assert (rule.program, rule.called) == (key(one), str(WHERE / "tool")), rule

        # Another container, another place, another name, and none at all.
        may(contained(one))
        may(contained(same, "/mnt"), ELSEWHERE)
        may(Caller(program=same))
        # One byte is another.
        caller = contained(two)
        question = asked(caller)
        assert question.subject.key == key(two), question
        firewall.decide(question, "deny", "always", "any")
        assert caller.result().errno == "EPERM"
        may_not(contained(two, "/mnt"), ELSEWHERE)
        may(contained(one))

        # A broker that starts anew knows them, and what they were called.
        firewall.service("restart")
        firewall.await_agent()
        may(contained(one), ELSEWHERE)
        assert {it.called for it in firewall.rules()} == {str(WHERE / "tool")}
        seen = {it.key: it.verified for it in firewall.ctl("programs")}
        assert seen[key(one)] is False, seen


def test_same_file_makes_one_question():
    with image(b"one") as one, image(b"one", "other") as same:
        callers = [contained(one), contained(same, "/mnt")]
        for caller in callers:
            caller.start("connect", ADDRESS)
        question = firewall.prompt(held=2)
        firewall.decide(question, "deny")
        for caller in callers:
            assert caller.result().errno == "EPERM"


def test_interpreter_is_asked_about_for_each_process():
    with image(b"one", PYTHON) as interpreter:
        caller = contained(interpreter)
        question = asked(caller, BRIEF)
        assert question.subject.runs_anything, question
        refused = firewall.refusal(firewall.decide, question, "allow", "always")
        assert refused.status in (firewall.FAILED, firewall.USAGE), refused
        firewall.decide(question, "allow", "process", "any")
        assert caller.result().errno is None
        may(caller, ELSEWHERE)
        caller = contained(interpreter)
        question = asked(caller, BRIEF)
        firewall.decide(question, "deny")
        assert caller.result().errno == "EPERM"


@contextlib.contextmanager
def on_host(more):
    """A program of root's, at a path of the computer."""
    program = Path("/usr/local/bin/pinned")
    put(program, more)
    try:
        yield program
    finally:
        program.unlink()


@slow(minutes=3)
def test_denied_contents_are_denied_at_a_path_too():
    with on_host(b"one") as program:
        firewall.add_rule(program, "allow")
        firewall.add_rule(PROGRAM, "allow")
        running, other = Caller(program=program), Caller()
        may(running)
        may(other)
        rule = firewall.add_rule(key(program), "deny")
        # What was known before is void, also of who had been looked at.
        may_not(running)
        may_not(Caller(program=program))
        may_not(Caller(program=program, inside=("unshare", "-Urm")))
        may(other)
        may(Caller())
        firewall.remove_rule(rule)
        may(running)


def test_pinned_rule_of_administrators_is_for_no_other_file():
    with on_host(b"one") as program:
        firewall.RULES.mkdir(parents=True, exist_ok=True)
        lines = ("[[rule]]", f'program = "{key(program)}"', 'operations = ["connect"]')
        text = "\n".join([*lines, 'action = "allow"', ""])
        (firewall.RULES / "10-lab.toml").write_text(text)
        until(lambda: firewall.rules(), "the administrators' rule")
        may(Caller(program=program))
        put(program.with_suffix(".new"), b"two")
        program.with_suffix(".new").rename(program)
        caller = Caller(program=program)
        caller.start("connect", ADDRESS)
        question = firewall.prompt()
        assert question.subject.path == str(program), question
        firewall.decide(question, "deny")
        assert caller.result().errno == "EPERM"


def test_rule_names_what_a_digest_can_be():
    for word in ("sha256:", "sha256:0123", f"sha256:{'g' * 64}"):
        refused = firewall.refusal(firewall.add_rule, word, "allow")
        assert refused.status == firewall.USAGE, refused
        assert word in refused.error.message, refused.error
