"""What is allowed goes as if there were no firewall: every call of every sequence returns the same.

Each group of sequences is made four times: allowed, and again when all is remembered; then twice
without the firewall, since what differs even there says nothing.
"""

import difflib

from harness import bus, firewall
from harness.callers import PROGRAM, Caller
from harness.marks import slow
from harness.wait import until

ADDRESS = "203.0.113.10"
UNSPEC_LENGTHS = (2, 8, 15, 16, 17, 23, 24, 27, 28, 128)
LIMIT = 60  # seconds for one run, in an emulated machine


def lines(caller, group):
    return caller.call_for(LIMIT, "sequences.run", group=group).lines


def same(group, refused=()):
    """Runs a group with and without the firewall, and compares.

    Results whose lines begin with one of `refused` are EPERM with the firewall, by design.
    """
    for operation in ("connect", "listen", "create"):
        bus.add_rule(PROGRAM, "allow", operation=operation)
    guarded, failed = Caller(), firewall.failures()
    first, remembered = lines(guarded, group), lines(guarded, group)
    assert firewall.pending() == []
    assert firewall.failures() == failed, firewall.failures()
    firewall.service("stop")
    free = Caller()
    without, again = lines(free, group), lines(free, group)
    firewall.service("start")
    until(firewall.is_up, "the broker")
    print(f"     {len(without)} results")
    assert len(without) > 20, without
    for title, results in (
        ("again without the firewall", again),
        ("allowed", first),
        ("remembered", remembered),
    ):
        expected = without if results is again else [_refused(it, refused) for it in without]
        changes = list(difflib.unified_diff(expected, results, "expected", title, n=0))
        assert not changes, "\n".join(changes)


@slow(minutes=3)
def test_nothing_is_refused_once_the_service_has_stopped():
    caller = Caller()
    for _ in range(3):
        firewall.service("stop")
        result = caller.call("streams.connect", ADDRESS)
        firewall.service("start")
        until(firewall.is_up, "the broker")
        assert result.errno is None, result


def _refused(line, refused):
    what = next((it for it in refused if line.startswith(it)), None)
    return f"{what} EPERM" if what else line


def test_arguments_of_connect():
    same("connect_arguments")


@slow(minutes=3)
def test_arguments_of_sends():
    # Another thread could turn the IPv6 socket into an IPv4 one, for which AF_UNSPEC is AF_INET.
    unspec = [f"sendto by IPv6: sendto udp, family 0, length {it} =" for it in UNSPEC_LENGTHS]
    same("send_arguments", unspec)


@slow(minutes=3)
def test_arguments_of_servers():
    same("server_arguments")


@slow(minutes=3)
def test_states():
    same("states")


def test_sends():
    same("sends")


@slow(minutes=3)
def test_waiting():
    same("waiting")


@slow(minutes=3)
def test_ending():
    same("ending")


@slow(minutes=3)
def test_rings():
    same("rings")
