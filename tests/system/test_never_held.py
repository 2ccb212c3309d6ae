"""What the prompt itself needs is never held: it would wait for a question that it has to show."""

import time
from contextlib import contextmanager
from pathlib import Path

from harness import firewall
from harness.arrivals import Arrivals
from harness.held import everything_held
from harness.machine import do, run, start
from harness.wire import TCP, Wire

ADDRESS = "203.0.113.10"
HERE = "203.0.113.1"
PLACES = (ADDRESS, "2001:db8:113::10")
RESOLVER = Path("/etc/resolv.conf")
AT_ONCE = 10  # seconds, in an emulated machine; a call is held for 60
FREEDESKTOP = "org.freedesktop"


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


def test_agent():
    refused_at_once("/usr/libexec/portreeve-agent")
    assert firewall.pending() == []
    assert firewall.rules() == []


def test_window_manager_is_asked_about():
    refused_at_once("openbox")
    question = firewall.prompt(held=0)
    assert question.subject.path == "/usr/bin/openbox"
    assert question.object.port == 6000


def test_display_server():
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


@contextmanager
def resolver(address):
    """Names are looked up at this address."""
    before = RESOLVER.read_bytes() if RESOLVER.exists() else None
    RESOLVER.unlink(missing_ok=True)
    RESOLVER.write_text(f"nameserver {address}\noptions timeout:1 attempts:1\n")
    try:
        yield
    finally:
        RESOLVER.unlink()
        if before is not None:
            RESOLVER.write_bytes(before)


def bus_at_far_example(program):
    """A message bus that looks up the name of where it is to listen; it does no more by network."""
    return (program, "--session", "--nofork", "--address=tcp:host=far.example,port=0")


def queries(arrivals):
    """Who has asked for the name. Others may look up names of their own meanwhile."""
    return [it for it in arrivals.take() if b"\x03far\x07example" in it.payload]


def test_message_bus():
    firewall.built_in("name-lookups", "ask")
    calls = "trace=connect,sendto,sendmsg,sendmmsg"
    for address in (*PLACES, "127.0.0.53"):
        with resolver(address), Arrivals() as arrivals:
            traced = ("timeout", "40", "strace", "-f", "-T", "-e", calls)
            said = run(*traced, *bus_at_far_example("dbus-daemon"), user="alice").stderr
            attempts = [it for it in said.splitlines() if address in it]
            assert attempts, said
            assert all("EPERM" in it for it in attempts), attempts
            longest = max(float(it.rpartition("<")[2].rstrip(">")) for it in attempts)
            assert longest < 1, attempts
            assert queries(arrivals) == [], said
    assert firewall.pending() == []
    assert firewall.rules() == []


def test_copy_of_the_message_bus_is_a_program_like_others():
    copy = Path("/usr/local/bin/not-the-bus")
    copy.write_bytes(Path("/usr/bin/dbus-daemon").read_bytes())
    copy.chmod(0o755)
    firewall.built_in("name-lookups", "ask")
    with resolver(ADDRESS), Arrivals() as arrivals:
        daemon = start(*bus_at_far_example(copy), user="alice")
        question = firewall.prompt()
        assert question.subject.path == str(copy), question
        assert queries(arrivals) == [], question
        daemon.kill()
        daemon.wait()


def test_service_manager_of_the_user():
    # It listens for the services that it starts when somebody connects.
    words = ("--user", "--quiet", "--unit=lab-listener", "--socket-property")
    begin = time.monotonic()
    result = run("systemd-run", *words, f"ListenStream={HERE}:9000", "true", user="alice")
    seconds = time.monotonic() - begin
    assert result.returncode != 0, result
    assert seconds < AT_ONCE, result
    do("journalctl", "--sync")
    said = do("journalctl", "--no-pager", "--boot", "USER_UNIT=lab-listener.socket")
    assert "Operation not permitted" in said, said
    assert firewall.pending() == []


def in_time(*command, user=None):
    begin = time.monotonic()
    said = do(*command, user=user)
    seconds = time.monotonic() - begin
    assert seconds < AT_ONCE, f"{command} took {seconds:.1f} s"
    return said


def test_services_of_the_system_and_of_the_session():
    with everything_held():
        for name, path in (("login1", "login1"), ("PolicyKit1", "PolicyKit1/Authority")):
            where = (f"{FREEDESKTOP}.{name}", f"/org/freedesktop/{path}")
            in_time("busctl", "call", *where, f"{FREEDESKTOP}.DBus.Peer", "Ping")
        assert "alice" in in_time("loginctl", "list-sessions", "--no-legend")
        in_time("systemctl", "--user", "show-environment", user="alice")
        in_time("busctl", "--user", "list", user="alice")
        word = f"heard-{time.monotonic_ns()}"
        in_time("logger", word, user="alice")
        in_time("journalctl", "--sync")
        heard = in_time("journalctl", "--no-pager", "--boot", "--output=cat", f"--grep={word}")
        assert word in heard, heard
