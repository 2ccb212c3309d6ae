"""What is none of the firewall's business goes on, even while everything else is held."""

from contextlib import contextmanager

from harness import firewall
from harness.callers import Caller
from harness.machine import run, start
from harness.wire import TCP, Wire

ADDRESS = "203.0.113.10"


@contextmanager
def everything_held():
    """Others of alice's calls are held meanwhile, and no question is added to theirs."""
    held = Caller()
    held.start("in_threads", ADDRESS, count=5)
    question = firewall.prompt(held=5)
    yield
    after = firewall.prompt(held=5)
    assert (after.id, after.attempts) == (question.id, question.attempts), after
    assert held.is_calling()


def test_unix_sockets():
    with everything_held():
        result = Caller().call("unix")
        assert result.reply == "datagram"
        assert result.seconds < 1, result


def test_netlink():
    with everything_held():
        result = Caller().call("netlink")
        assert result.value > 100, result
        assert result.seconds < 1, result


def test_loopback_needs_no_rule():
    with everything_held():
        assert Caller().call("loopback").seconds < 5


def test_dissolving_an_association_reaches_nobody():
    with everything_held():
        assert Caller().call("connect", ADDRESS, unspec=True).errno is None


def test_root_is_never_asked():
    with everything_held():
        assert Caller("root").call("connect", ADDRESS).errno is None


def test_system_users_are_never_asked():
    with everything_held():
        result = run("setpriv", "--reuid=nobody", "curl", "--silent", f"http://{ADDRESS}/")
        assert result.stdout.startswith("hello"), result


def refused_at_once(*command):
    """A program that wants to reach a display by TCP: it must be refused without being held."""
    where = f"{ADDRESS}:0"
    words = ("env", f"DISPLAY={where}", "DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent")
    traced = ("timeout", "40", "strace", "-f", "-e", "trace=connect", *command)
    with Wire() as wire:
        said = run(*words, *traced, user="alice").stderr
        assert wire.sent(TCP, ADDRESS, 6000) == 0
    # The agent keeps its memory to itself: of an IPv4 address only the length is seen then.
    attempts = [it for it in said.splitlines() if ADDRESS in it or ", 16) = " in it]
    assert attempts, said
    assert all("EPERM" in it for it in attempts), attempts


def test_agent_is_never_held():
    refused_at_once("/usr/libexec/portreeve-agent")
    assert firewall.pending() == []
    assert firewall.rules() == []


def test_window_manager_is_asked_about_but_never_held():
    refused_at_once("openbox")
    question = firewall.prompt(held=0)
    assert question.subject.path == "/usr/bin/openbox"
    assert question.object.port == 6000


def test_display_server_is_never_held():
    with everything_held():
        words = ("--kill-on-exit", "-e", "trace=network", "Xvfb", ":7", "-query", ADDRESS)
        server = start("strace", *words, user="alice")
        said = ""
        while ADDRESS not in said:
            line = server.stdout.readline()
            assert line, f"it has ended: {said}"
            said += line
        server.terminate()
        server.wait()
        assert "EPERM" in line, said
