"""Who has no desktop is asked on a terminal."""

import contextlib
import pathlib
import subprocess
import time

from harness import firewall
from harness.callers import PROGRAM, Caller, end_all
from harness.machine import do, run
from harness.terminal import Terminal
from harness.wait import until

ADDRESS, NAME = "203.0.113.10", "server.example"
AGENT = "/usr/bin/portreevectl"
AGENT_EXISTS = 6
SESSION = "lab-bob.service"
SCOPES = pathlib.Path("/sys/fs/cgroup/user.slice/user-1001.slice")


def has_session():
    return any(SCOPES.glob("session-*.scope"))


@contextlib.contextmanager
def logged_in():
    """Bob has a session without a desktop, in which his commands run."""
    do(
        *("systemd-run", "--quiet", "--collect", f"--unit={SESSION}"),
        *("--property=User=bob", "--property=PAMName=login"),
        *("--setenv=XDG_SESSION_TYPE=tty", "--setenv=XDG_SESSION_CLASS=user"),
        *("sleep", "infinity"),
    )
    try:
        until(has_session, "bob's session")
        yield
    finally:
        # It lasts as long as anything runs in it.
        end_all()
        run("systemctl", "stop", SESSION)
        until(lambda: not has_session(), "the end of bob's session", 40)


@contextlib.contextmanager
def terminal(*command, user="bob", session=True):
    with logged_in() if user == "bob" and session else contextlib.nullcontext():
        it = Terminal(*command, user=user)
        try:
            yield it
        finally:
            it.kill()
            until(lambda: not firewall.status(user).agent, f"the end of {user}'s agent")


def held_caller():
    caller = Caller("bob")
    caller.start("connect", ADDRESS)
    return caller


def test_bob_answers_on_a_terminal():
    with terminal(AGENT, "agent") as it:
        it.await_text("No questions.")
        assert firewall.status("bob").agent
        assert not it.echoes()
        caller = held_caller()
        it.await_text(f"Allow “caller” to connect to {NAME}?")
        assert PROGRAM in it.screen() and f"{NAME} ({ADDRESS}), port" in it.screen(), it.screen()
        it.await_text("Press a key.")
        assert caller.is_calling()
        it.type("a")
        assert caller.result().errno is None
        it.await_text("Allowed “caller”")
        rules = firewall.rules("bob")
        assert [(rule.program, rule.action) for rule in rules] == [(PROGRAM, "allow")], rules
        # It is no answer any more.
        it.await_text("No questions.")
        time.sleep(1.5)
        it.type("q")
        assert it.end() == 0
        assert it.echoes()


def test_bob_denies_a_held_curl():
    with terminal(AGENT, "agent") as it:
        it.await_text("No questions.")
        curl = subprocess.Popen(
            ["as-user", "bob", "curl", "--silent", "--show-error", f"http://{ADDRESS}/"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        it.await_text(f"Allow “curl” to connect to {NAME}?")
        it.await_text("Press a key.")
        it.type("d")
        said, _ = curl.communicate(timeout=30)
        assert curl.returncode == 7, (curl.returncode, said)
        assert [rule.action for rule in firewall.rules("bob")] == ["deny"]


def test_what_was_typed_ahead_or_mashed_answers_nothing():
    with terminal(AGENT, "agent") as it:
        it.await_text("No questions.")
        it.type("aaaaaaaa\n")
        caller = held_caller()
        it.await_text("Allow “caller”")
        for _ in range(20):
            it.type("a")
            time.sleep(0.05)
        assert caller.is_calling()
        assert firewall.rules("bob") == []
        it.await_text("Press a key.")
        it.type("d")
        assert caller.result().errno == "EPERM"


def test_bob_has_one_agent():
    with terminal(AGENT, "agent") as it:
        it.await_text("No questions.")
        with_another = Terminal(AGENT, "agent", user="bob")
        try:
            assert with_another.end() == AGENT_EXISTS
        finally:
            with_another.kill()
        assert firewall.status("bob").agent


def test_who_has_a_desktop_is_not_asked_on_a_terminal():
    kinds = do("loginctl", "show-user", "alice", "--property=Sessions", "--value").split()
    kinds = [do("loginctl", "show-session", it, "--property=Type", "--value") for it in kinds]
    assert any(kind.strip() in ("x11", "wayland") for kind in kinds), kinds
    firewall.agent("stop")
    until(lambda: not firewall.has_agent(), "the end of alice's agent")
    with terminal(AGENT, "agent", user="alice") as it:
        assert it.end() == firewall.ACCESS_DENIED, it.written()
        until(lambda: "desktop session" in it.written(), "the reason")
        assert not firewall.status().agent


def test_what_is_in_no_session_gets_no_answers():
    assert not has_session()
    with terminal(AGENT, "agent", session=False) as it:
        assert it.end() == firewall.ACCESS_DENIED, it.written()
        until(lambda: "in no session" in it.written(), "the reason")
        assert not firewall.status("bob").agent


def test_what_has_stayed_after_the_log_out_gets_no_answers():
    with terminal(AGENT, "agent") as it:
        it.await_text("No questions.")
        assert firewall.status("bob").agent
        # The agent is still there, in what is left of the session.
        do("systemctl", "stop", SESSION)
        assert it.end() == firewall.ACCESS_DENIED, it.written()
        until(lambda: "in no session" in it.written(), "the reason")
        assert not firewall.status("bob").agent


def test_a_copy_of_the_agent_and_one_with_foreign_code_are_refused():
    copy = "/usr/local/bin/portreevectl-copy"
    do("cp", AGENT, copy)
    for reason, command in (
        ("another executable", (copy, "agent")),
        ("LD_PRELOAD", ("env", "LD_PRELOAD=libm.so.6", AGENT, "agent")),
    ):
        with terminal(*command) as it:
            assert it.end() == firewall.ACCESS_DENIED, it.written()
            until(lambda reason=reason, it=it: reason in it.written(), reason)
    do("rm", copy)


def test_the_terminals_agent_outlives_the_broker():
    with terminal(AGENT, "agent") as it:
        it.await_text("No questions.")
        firewall.service("restart")
        until(lambda: firewall.has_agent("bob"), "bob's agent", 40)
        caller = held_caller()
        it.await_text("Allow “caller”")
        it.await_text("Press a key.")
        it.type("d")
        assert caller.result().errno == "EPERM"
