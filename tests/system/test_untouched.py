"""What is none of the firewall's business goes on, even while everything else is held."""

import socket
from pathlib import Path

from harness import bus
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.held import everything_held
from harness.machine import run

ADDRESS = "203.0.113.10"


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


def test_dynamic_users_are_never_asked():
    words = ("--pipe", "--wait", "--quiet", "--property=DynamicUser=yes")
    with everything_held():
        result = run("systemd-run", *words, "curl", "--silent", f"http://{ADDRESS}/")
        assert result.stdout.startswith("hello"), result


def test_sockets_that_the_kernel_makes_for_itself():
    # Raw ones, for each new network, in the context of whoever asks for that.
    bus.add_rule(PROGRAM, "deny", operation="create")
    with everything_held():
        caller = Caller(program=OTHER_PROGRAM)
        result = caller.call("enter_user_namespace", network=True)
        assert result.errno is None, result
        assert result.seconds < 5, result
    caller = Caller()
    assert caller.call("enter_user_namespace", network=True).errno is None
    Path(f"/proc/{caller.pid}/uid_map").write_text("0 1000 1")
    raw = caller.call("create", family=socket.AF_INET6, kind=socket.SOCK_RAW, protocol=58)
    assert raw.errno == "EPERM", raw
