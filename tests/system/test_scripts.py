"""A script is a program of its own, if the kernel has run it by a name that nobody else can turn."""

import contextlib
import os
import shutil
from pathlib import Path

from harness import firewall
from harness.callers import PROGRAM, Caller
from harness.confined import ADDRESS
from harness.machine import do
from harness.wait import until

TOOLS = Path("/opt/tools")
HOME = Path("/home/alice")
PYTHON = str(Path("/usr/bin/python3").resolve())
# What makes the calls is told to the script as to any caller.
CODE = 'import runpy, sys\nrunpy.run_path(sys.argv[-1], run_name="__main__")\n'
STRICTLY = "#!/usr/bin/python3 -IS\n"
BY_ENV = "#!/usr/bin/env python3\n"


# Starts a program whose calls of swapoff() somebody else answers, or could: whoever has the descriptor.
SUPERVISED = """
import ctypes, fcntl, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
instructions = [
    struct.pack("=HBBI", 0x20, 0, 0, 0),  # load the call's number
    struct.pack("=HBBI", 0x15, 0, 1, 168),  # swapoff() or not
    struct.pack("=HBBI", 0x06, 0, 0, 0x7FC00000),  # SECCOMP_RET_USER_NOTIF
    struct.pack("=HBBI", 0x06, 0, 0, 0x7FFF0000),  # SECCOMP_RET_ALLOW
]
code = ctypes.create_string_buffer(b"".join(instructions))
program = struct.pack("HxxxxxxP", len(instructions), ctypes.addressof(code))
assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
listener = libc.syscall(317, 1, 8, program)  # seccomp(), SECCOMP_FILTER_FLAG_NEW_LISTENER
assert listener >= 0, os.strerror(ctypes.get_errno())
os.set_inheritable(listener, True)
os.execv(sys.argv[1], sys.argv[1:])
"""


@contextlib.contextmanager
def tools(**lines):
    """Scripts of root's with these first lines, by their paths."""
    TOOLS.mkdir(mode=0o755)
    try:
        yield [script(TOOLS / name, line) for name, line in lines.items()]
    finally:
        shutil.rmtree(TOOLS)


def script(path, line=STRICTLY, code=CODE, owner="root"):
    path.write_text(line + code)
    path.chmod(0o755)
    do("chown", f"{owner}:", path)
    return path


def named(caller, path, interpreter=PYTHON, held=1):
    """The question that a call of a script makes."""
    caller.start("connect", ADDRESS)
    question = firewall.prompt(held=held)
    subject = question.subject
    assert subject.verified and not subject.runs_anything, question
    assert (subject.path, subject.interpreter) == (str(path), interpreter), question
    assert question.lifespans == ["once", "process", "3600s", "logout", "always"], question
    return question


def unnamed(caller, executable=PYTHON, call="connect", **options):
    """A call by an interpreter of whatever it was given: no rule is offered that lasts."""
    caller.start(call, ADDRESS, **options)
    question = firewall.prompt()
    subject = question.subject
    assert subject.runs_anything and subject.interpreter is None, question
    assert subject.path == str(executable), question
    assert question.lifespans == ["once", "process"], question
    refused = firewall.refusal(firewall.decide, question, "allow", "always")
    assert refused.status in (firewall.FAILED, firewall.USAGE), refused
    firewall.decide(question, "deny")
    assert caller.result().errno == "EPERM"
    firewall.no_prompt()


def always(question, caller, action="allow"):
    firewall.decide(question, action, "always", "any")
    assert (caller.result().errno is None) == (action == "allow")


def test_what_a_script_may_is_no_leave_for_others_of_its_interpreter():
    with tools(tool=STRICTLY, other=STRICTLY) as (tool, other):
        caller = Caller(program=tool)
        always(named(caller, tool), caller)
        assert Caller(program=tool).call("connect", ADDRESS).errno is None
        caller = Caller(program=other)
        firewall.decide(named(caller, other), "deny")
        assert caller.result().errno == "EPERM"
        unnamed(Caller(program="/usr/bin/python3"))


def test_rule_for_the_interpreter_is_for_what_has_no_name():
    with tools(tool=STRICTLY) as (tool,):
        firewall.add_rule(PYTHON, "allow")
        assert Caller(program="/usr/bin/python3").call("connect", ADDRESS).errno is None
        caller = Caller(program=tool)
        always(named(caller, tool), caller, "deny")


def test_name_that_root_alone_can_turn_is_followed():
    with tools(tool=STRICTLY) as (tool,):
        (TOOLS / "link").symlink_to("tool")
        always(named(caller := Caller(program=TOOLS / "link"), tool), caller)
        assert Caller(program=tool).call("connect", ADDRESS).errno is None


def test_name_of_a_users_is_a_program_of_its_own():
    own = script(HOME / "own", owner="alice")
    link = HOME / "link"
    with tools(tool=STRICTLY) as (tool,):
        always(named(caller := Caller(program=own), own), caller)
        assert Caller(program=own).call("connect", ADDRESS).errno is None
        always(named(caller := Caller(program=tool), tool), caller)
        # It could lead elsewhere by the time the interpreter opens it.
        link.symlink_to(tool)
        try:
            caller = Caller(program=link)
            firewall.decide(named(caller, link), "deny")
            assert caller.result().errno == "EPERM"
        finally:
            link.unlink()
            own.unlink()


def test_interpreter_that_env_finds():
    with tools(tool=BY_ENV, strict="#!/usr/bin/env -S python3 -IS\n") as (tool, strict):
        for path in (tool, strict):
            always(named(caller := Caller(program=path), path), caller)
            assert Caller(program=path).call("connect", ADDRESS).errno is None


def test_interpreter_that_env_finds_where_the_user_wants():
    own = HOME / "bin"
    own.mkdir()
    try:
        with tools(tool=BY_ENV) as (tool,):
            for target, shown in ((PROGRAM, PROGRAM), (PYTHON, tool)):
                (own / "python3").symlink_to(target)
                caller = Caller(program=tool, inside=("env", f"PATH={own}"))
                caller.start("connect", ADDRESS)
                question = firewall.prompt()
                assert question.subject.path == str(shown), question
                firewall.decide(question, "deny")
                assert caller.result().errno == "EPERM"
                firewall.no_prompt()
                (own / "python3").unlink()
            shutil.copy(PYTHON, own / "python3")
            (own / "python3").chmod(0o755)
            do("chown", "alice:", own / "python3")
            unnamed(Caller(program=tool, inside=("env", f"PATH={own}")), own / "python3")
    finally:
        shutil.rmtree(own)


def test_question_says_what_has_started_the_program():
    with tools(tool=STRICTLY) as (tool,):
        # It does not become what it starts: more is to be done after that.
        caller = Caller(program=tool, inside=("dash", "-c", '"$@"; true', "dash"))
        subject = named(caller, tool).subject
        assert subject.started_by[0] == "/usr/bin/dash", subject


def test_child_runs_its_parents_script():
    with tools(tool=STRICTLY) as (tool,):
        caller = Caller(program=tool)
        caller.start("in_processes", ADDRESS, count=3)
        question = firewall.prompt(held=3)
        assert question.subject.path == str(tool), question
        firewall.decide(question, "allow")
        assert [it.errno for it in caller.result().each] == [None] * 3


def test_script_that_becomes_something_else_leaves_its_name():
    become = f'import os, sys\nos.execv("{PYTHON}", ["python3", "-IS", sys.argv[-1]])\n'
    with tools():
        for name, line in (("by-name", STRICTLY), ("by-env", BY_ENV)):
            unnamed(Caller(program=script(TOOLS / name, line, become)))


def test_name_that_is_another_in_each_process():
    """Relative ones, descriptors, and those that are too long name nothing that lasts."""
    with tools(tool=STRICTLY) as (tool,):
        within = f'cd {TOOLS} && exec "$@"'
        unnamed(Caller(program="./tool", inside=("sh", "-c", within, "sh")))
        # The file that it shows may be another by now.
        within = (
            "import os, sys\n"
            f'fd = os.open("{tool}", os.O_RDONLY)\n'
            "os.set_inheritable(fd, True)\n"
            "os.execve(fd, sys.argv[1:], os.environ)\n"
        )
        unnamed(Caller(program=tool, inside=("python3", "-c", within)))
        deep = TOOLS.joinpath(*["x" * 100] * 3)
        deep.mkdir(parents=True)
        unnamed(Caller(program=script(deep / "tool")))


def test_name_within_another_view_of_the_files():
    with tools(tool=STRICTLY) as (tool,):
        always(named(caller := Caller(program=tool), tool), caller)
        evil = script(HOME / "evil", owner="alice")
        mount = f'mount --bind {evil} {tool} && exec "$@"'
        try:
            unnamed(Caller(program=tool, inside=("unshare", "-Urm", "sh", "-c", mount, "sh")))
            unnamed(Caller(program=tool, inside=("unshare", "-Ur")))
        finally:
            evil.unlink()


def test_name_within_a_mount_whose_owners_are_not_believed():
    """As the disks have it that users may bring: whatever is on them, and whoever it says it is of."""
    with tools(tool=STRICTLY) as (tool,):
        always(named(caller := Caller(program=tool), tool), caller)
        brought = TOOLS / "brought"
        brought.mkdir()
        do("mount", "-t", "tmpfs", "-o", "nosuid,mode=755", "none", brought)
        try:
            link = brought / "link"
            link.symlink_to(tool)
            caller = Caller(program=link)
            firewall.decide(named(caller, link), "deny")
            assert caller.result().errno == "EPERM"
        finally:
            do("umount", "--lazy", brought)


def test_script_whose_calls_another_process_answers_is_asked_about():
    with tools(tool=STRICTLY) as (tool,):
        always(named(caller := Caller(program=tool), tool), caller)
        caller = Caller(program=tool, inside=("python3", "-c", SUPERVISED))
        caller.start("connect", ADDRESS)
        question = firewall.prompt()
        assert question.subject.alterations == ["controlled"], question
        assert question.lifespans == ["once", "process"], question
        firewall.decide(question, "deny")
        assert caller.result().errno == "EPERM"


def test_processes_that_run_what_they_are_given_are_asked_about_one_by_one():
    one, other = (Caller(program="/usr/bin/python3") for _ in range(2))
    one.start("connect", ADDRESS)
    first = firewall.prompt()
    other.start("connect", ADDRESS)
    both = until(lambda: prompts if len(prompts := firewall.pending()) == 2 else None, "two", 30)
    assert len({it.subject.key for it in both}) == 2, both
    firewall.decide(first, "allow", "process")
    assert one.result().errno is None
    second = firewall.prompt()
    assert second.subject.pid == other.pid, second
    firewall.decide(second, "deny")
    assert other.result().errno == "EPERM"


def test_script_keeps_its_name_when_the_broker_is_killed():
    with tools(tool=STRICTLY) as (tool,):
        caller = Caller(program=tool)
        named(caller, tool)
        firewall.kill()
        question = firewall.prompt_of_next()
        assert question.subject.path == str(tool), question
        always(question, caller)
