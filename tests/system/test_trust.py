"""Only Portreeve's own windows answer and change rules; others that run as the user do not."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

from harness import firewall
from harness.callers import PROGRAM, Caller
from harness.machine import run, start
from harness.wait import until

ADDRESS = "203.0.113.10"
AGENT = "/usr/libexec/portreeve-agent"
APPLICATION = "/usr/bin/portreeve"
DENIED = "io.github.portreeve.Error.AccessDenied"
SCRIPTS = Path("/usr/local/lib/lab")


def held_caller():
    caller = Caller()
    caller.start("connect", ADDRESS)
    return caller, firewall.prompt()


def script(name):
    """A script of this folder, where users can read it."""
    shutil.copyfile(Path(__file__).parent / name, SCRIPTS / name)
    (SCRIPTS / name).chmod(0o644)
    return str(SCRIPTS / name)


def intrude(user, question):
    """The errors that a foreign program of the user gets from the methods it calls."""
    words = (script("intruder.py"), str(question.id), str(question.revision))
    result = run("python3", *words, user=user)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def borrow(way, program, *method):
    """The error that alice gets over a connection of a process that has become another."""
    result = run("python3", script("borrower.py"), way, program, *method, user="alice")
    assert result.stdout, result.stderr
    return SimpleNamespace(**json.loads(result.stdout))


def without_agent():
    firewall.agent("stop")
    until(lambda: not firewall.has_agent(), "the agent to be gone")


def agent_is_refused(reason, *command):
    """Starts alice's agent by this command; it has to be refused for the reason."""
    without_agent()
    with start(*command, user="alice") as agent:
        try:
            said = agent.stdout.readline()
            while "cannot register" not in said:
                said = agent.stdout.readline()
                assert said, "the agent has ended"
            assert reason in said, said
            assert not firewall.status().agent
        finally:
            agent.kill()


def test_foreign_program_of_the_user_is_refused():
    caller, question = held_caller()
    errors = intrude("alice", question)
    assert errors == {
        "RegisterAgent": DENIED,
        "PromptShown": "io.github.portreeve.Error.NoSuchPrompt",
        "Answer": DENIED,
        "Change": DENIED,
        "Undo": DENIED,
    }, errors
    assert caller.is_calling()
    assert firewall.rules() == []
    assert firewall.prompt().id == question.id


def test_foreign_program_is_refused_while_there_is_no_agent():
    without_agent()
    caller, question = held_caller()
    errors = intrude("alice", question)
    assert None not in errors.values(), errors
    assert not firewall.status().agent
    assert caller.is_calling() or caller.result().errno == "EPERM"


def test_agent_with_foreign_code_in_it_is_refused():
    agent_is_refused("LD_PRELOAD", "env", "LD_PRELOAD=libm.so.6", AGENT)


def test_agent_with_words_of_others_is_refused():
    # Its buttons could say the contrary of what they do.
    agent_is_refused("LANGUAGE", "env", "LANGUAGE=../../../home/alice/words", AGENT)


def test_agent_that_was_told_of_another_bus_is_refused():
    # It does not go there, or it would not even be refused.
    bus = "DBUS_SYSTEM_BUS_ADDRESS"
    agent_is_refused(bus, "env", f"{bus}=unix:path=/nowhere", AGENT)


def test_agent_that_somebody_had_hold_of_is_refused():
    for what, reason in (
        ("tracing", "it is traced"),
        ("memory", "code that is in no file"),
        ("code", "its code was changed"),
    ):
        agent_is_refused(reason, "python3", script("debugger.py"), what, AGENT)


def test_connection_of_what_became_the_agent_is_not_the_agents():
    without_agent()
    for way, reason in (
        ("running", "is not its own"),
        ("stopped", "may write to its memory"),
        ("lied-to", "namespace"),
    ):
        error = borrow(way, AGENT, "Broker1", "RegisterAgent")
        assert error.name == DENIED and reason in error.text, (way, error)
        until(lambda: not firewall.has_agent(), "the end of the agent")


def test_connection_of_what_became_the_window_is_not_the_windows():
    for way in ("running", "stopped", "lied-to"):
        error = borrow(way, APPLICATION, "Rules1", "Change")
        assert error.name == DENIED, (way, error)
        assert firewall.rules() == []


def test_own_shell_may_list_but_not_answer_or_change():
    caller, question = held_caller()
    rule = firewall.add_rule(PROGRAM, "deny", "--addr", "192.0.2.1")
    assert rule in [it.id for it in firewall.ctl_as("alice", "rules", "list")]
    assert [it.id for it in firewall.ctl_as("alice", "pending")] == [question.id]
    adding = ("rules", "add", "--app", PROGRAM, "--op", "connect", "--action", "allow")
    for words in (
        ("decide", question.id, "allow"),
        adding,
        ("rules", "remove", rule),
        ("rules", "disable", rule),
    ):
        refused = firewall.refusal(firewall.ctl_as, "alice", *words)
        assert refused.status == firewall.ACCESS_DENIED, (words, refused)
    assert [(it.id, it.enabled) for it in firewall.rules()] == [(rule, True)]
    assert caller.is_calling()


def test_prompts_are_not_broadcast():
    spies = [start("dbus-monitor", "--system", user=user) for user in ("bob", "alice")]
    for spy in spies:
        # It is connected and listens when it has been given its name.
        until(lambda: "NameAcquired" in spy.stdout.readline(), "dbus-monitor")
    caller, question = held_caller()
    firewall.decide(question, "allow", "always")
    assert caller.result().errno is None
    firewall.no_prompt()
    # Something that everybody is told comes last, so that all before it has been seen.
    firewall.service("restart")
    until(firewall.is_up, "the broker")
    for spy in spies:
        heard = ""
        while "io.github.portreeve.Broker1" not in heard:
            heard += spy.stdout.readline()
        spy.kill()
        heard += spy.stdout.read()
        for word in ("Agent1", "Prompts1", PROGRAM, ADDRESS, str(question.id)):
            assert word not in heard, heard


def test_nobody_becomes_a_monitor_of_the_bus():
    for user in ("bob", "alice"):
        result = run("timeout", "20", "busctl", "monitor", "--system", user=user)
        assert result.returncode not in (0, 124), result
        assert "ccess denied" in result.stderr or "not authorized" in result.stderr, result
