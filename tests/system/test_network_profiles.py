"""Rules for one network are in force while NetworkManager has that active."""

import contextlib

from harness import firewall
from harness.callers import PROGRAM, Caller
from harness.confined import ADDRESS
from harness.machine import do, run, with_module
from harness.marks import slow
from harness.wait import until

MANAGER = "NetworkManager.service"
NETWORK = "nm-home"


@contextlib.contextmanager
def network():
    """NetworkManager with a connection, which is not active; gives its UUID."""
    with_module("dummy")
    do("systemctl", "start", MANAGER)
    try:
        words = ("type", "dummy", "con-name", NETWORK, "ifname", NETWORK, "autoconnect", "no")
        addresses = ("ipv4.method", "manual", "ipv4.addresses", "198.51.100.1/24")
        do("nmcli", "connection", "add", *words, *addresses, "ipv6.method", "disabled")
        yield do("nmcli", "--get-values", "connection.uuid", "connection", "show", NETWORK).strip()
    finally:
        run("nmcli", "connection", "delete", NETWORK)
        do("systemctl", "stop", MANAGER)
        run("ip", "link", "delete", NETWORK)


def up():
    do("nmcli", "connection", "up", NETWORK)


def down():
    do("nmcli", "connection", "down", NETWORK)


def is_away(rule):
    return firewall.ctl("rules", "show", rule).away


def await_network(rule):
    until(lambda: not is_away(rule), "the network")


def await_absence(rule, seconds=20):
    until(lambda: is_away(rule), "the end of the network", seconds)


def sending(caller, mine):
    """What a send on an open connection is told."""
    return caller.call("kept.send", descriptor=mine).errno


def test_rule_comes_and_goes_with_its_network():
    with network() as uuid:
        caller = Caller()
        firewall.add_rule(PROGRAM, "allow")
        rule = firewall.add_rule(PROGRAM, "deny", "--network", uuid)
        mine = caller.call("kept.keep", ADDRESS, kind="udp").descriptor
        assert sending(caller, mine) is None
        assert is_away(rule)
        up()
        await_network(rule)
        # What the kernel remembered is void, and the connection that is there is cut off.
        assert sending(caller, mine) == "EPERM"
        assert caller.call("connect", ADDRESS).errno == "EPERM"
        told = firewall.ctl("test", "--app", PROGRAM, "--addr", ADDRESS)
        assert (told.rule, told.rules[1].weaker_by) == (rule, "network"), told
        [active] = firewall.status().networks
        assert (active.name, active.uuid, active.kind) == (NETWORK, uuid, "dummy"), active
        down()
        await_absence(rule)
        assert sending(caller, mine) is None
        assert caller.call("connect", ADDRESS).errno is None
        told = firewall.ctl("test", "--app", PROGRAM, "--addr", ADDRESS)
        assert (told.outcome, len(told.rules)) == ("allow", 1), told
        firewall.remove_rule(rule)


def test_leave_for_a_network_is_asked_about_elsewhere():
    with network() as uuid:
        caller = Caller()
        up()
        until(lambda: firewall.status().networks, "the network")
        rule = firewall.add_rule(PROGRAM, "allow", "--network", NETWORK)
        [shown] = firewall.rules()
        assert (shown.only_in, shown.only_in_name) == (uuid, NETWORK), shown
        assert caller.call("connect", ADDRESS).errno is None
        down()
        await_absence(rule)
        caller.start("connect", ADDRESS)
        firewall.prompt()
        # Who waits for an answer need not, where there is one.
        up()
        assert caller.result().errno is None
        firewall.remove_rule(rule)


def test_unknown_network_is_named():
    with network():
        more = ("--network", "nm-elsewhere")
        refused = firewall.refusal(firewall.add_rule, PROGRAM, "allow", *more)
        assert refused.status == firewall.USAGE, refused
        assert "“nm-elsewhere”" in refused.error.message, refused


@slow(minutes=3)
def test_without_network_manager_no_network_is_active():
    with network() as uuid:
        firewall.add_rule(PROGRAM, "allow")
        rule = firewall.add_rule(PROGRAM, "deny", "--network", uuid)
        up()
        await_network(rule)
        do("systemctl", "stop", MANAGER)
        await_absence(rule)
        assert Caller().call("connect", ADDRESS).errno is None
        do("systemctl", "start", MANAGER)
        up()
        await_network(rule)
        assert Caller().call("connect", ADDRESS).errno == "EPERM"
        firewall.remove_rule(rule)


@slow(minutes=3)
def test_next_broker_begins_in_the_same_networks_and_waits_for_nobody():
    with network() as uuid:
        firewall.add_rule(PROGRAM, "allow")
        rule = firewall.add_rule(PROGRAM, "deny", "--network", uuid)
        up()
        await_network(rule)
        do("systemctl", "kill", "--signal=STOP", MANAGER)
        try:
            firewall.service("restart")
            until(firewall.is_up, "the broker")
            assert not is_away(rule)
            assert Caller().call("connect", ADDRESS).errno == "EPERM"
            # One that does not answer for long is not believed to be in any.
            await_absence(rule)
            assert Caller().call("connect", ADDRESS).errno is None
        finally:
            do("systemctl", "kill", "--signal=CONT", MANAGER)
        await_network(rule)
        assert Caller().call("connect", ADDRESS).errno == "EPERM"
        firewall.remove_rule(rule)
