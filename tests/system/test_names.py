"""Hosts are known by the names that a program has looked up itself, and by those to nobody else."""

import contextlib
import os
import socket
import struct

from harness import bus, firewall
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.machine import run, start
from harness.marks import expected_failure
from harness.nameserver import (
    SERVER,
    SERVER6,
    STRANGER,
    NameServer,
    asked_by_all,
    name_bytes,
    question,
    record,
)
from harness.wait import until

# Addresses that /etc/hosts has no names for; the last is nobody's.
ADDRESS, OTHER_ADDRESS, ADDRESS6 = "203.0.113.13", "203.0.113.14", "2001:db8:113::13"
NAME, OTHER_NAME = "www.lookup.example", "ads.lookup.example"


@contextlib.contextmanager
def names(*servers, program=PROGRAM):
    """A name server that the whole computer uses, and that a program may ask."""
    with NameServer() as server, asked_by_all(*servers):
        for address in (SERVER, SERVER6, STRANGER):
            bus.add_rule(program, "allow", address)
        server.says(NAME, ADDRESS)
        yield server


def shown(caller, address, user="alice"):
    """The name that the user is asked about when the program connects there, and where it is from."""
    caller.start("connect", address)
    asked = firewall.prompt(user=user)
    assert asked.object.address == address, asked
    firewall.decide(asked, "deny", user=user)
    assert caller.result().errno == "EPERM"
    firewall.no_prompt(user)
    return asked.object.host, asked.object.host_source


def looked_up(caller, name, *addresses, family=None):
    """Has the program look a name up; it finds these addresses."""
    found = caller.call("names.look_up", name=name, family=family)
    assert sorted(found.addresses) == sorted(addresses), found


@contextlib.contextmanager
def denied_by_another_name():
    """A program that may go to an address as long as it knows that by one name alone, and does so now."""
    with names() as server:
        server.says(OTHER_NAME, ADDRESS)
        firewall.add_rule(PROGRAM, "allow")
        firewall.add_rule(PROGRAM, "deny", "--host", OTHER_NAME)
        caller = Caller()
        looked_up(caller, NAME, ADDRESS)
        yield caller


def test_host_is_named_as_the_program_has_looked_it_up():
    with names() as server:
        server.says(NAME, ADDRESS, ADDRESS6)
        caller = Caller()
        assert shown(caller, ADDRESS) == (None, None)
        looked_up(caller, NAME, ADDRESS, family=4)
        looked_up(caller, NAME, ADDRESS6, family=6)
        assert shown(caller, ADDRESS) == (NAME, "lookup")
        assert shown(caller, ADDRESS6) == (NAME, "lookup")
        assert shown(caller, OTHER_ADDRESS) == (None, None)


def test_host_is_named_while_its_addresses_are_put_in_order():
    with names() as server:
        server.says(NAME, ADDRESS, OTHER_ADDRESS)
        caller = Caller()
        # The C library connects datagram sockets to all of them, and sends nothing.
        caller.start("names.look_up", name=NAME)
        asked = firewall.prompt()
        assert (asked.object.host, asked.object.protocol) == (NAME, "udp"), asked
        firewall.decide(asked, "allow", "always", "host")
        assert sorted(caller.result().addresses) == [ADDRESS, OTHER_ADDRESS]
        for address in (ADDRESS, OTHER_ADDRESS):
            assert caller.call("connect", address).errno is None
        assert firewall.pending() == []


def test_name_servers_may_be_asked_by_ipv6():
    with names(SERVER6) as server:
        caller = Caller()
        looked_up(caller, NAME, ADDRESS, family=4)
        assert server.asked
        assert shown(caller, ADDRESS) == (NAME, "lookup")


def test_name_that_leads_by_others_is_the_one_asked_for():
    with names() as server:
        by_way = (NAME, "a.cdn.example"), ("a.cdn.example", "b.cdn.example")
        server.says(NAME, *by_way, ("b.cdn.example", ADDRESS))
        caller = Caller()
        looked_up(caller, NAME, ADDRESS)
        assert shown(caller, ADDRESS) == (NAME, "lookup")
        # Rules against the others count.
        firewall.add_rule(PROGRAM, "deny", "--host", "a.cdn.example")
        assert caller.call("connect", ADDRESS).errno == "EPERM"
        assert firewall.pending() == []


def test_of_several_names_the_last_counts_and_each_denies():
    with names() as server:
        server.says(OTHER_NAME, ADDRESS)
        caller = Caller()
        looked_up(caller, OTHER_NAME, ADDRESS)
        looked_up(caller, NAME, ADDRESS)
        assert shown(caller, ADDRESS) == (NAME, "lookup")
        firewall.add_rule(PROGRAM, "allow", "--host", NAME)
        assert caller.call("connect", ADDRESS).errno is None
        looked_up(caller, OTHER_NAME, ADDRESS)
        assert shown(caller, ADDRESS) == (OTHER_NAME, "lookup")
        looked_up(caller, NAME, ADDRESS)
        assert caller.call("connect", ADDRESS).errno is None
        firewall.add_rule(PROGRAM, "deny", "--host", OTHER_NAME)
        assert caller.call("connect", ADDRESS).errno == "EPERM"
        assert firewall.pending() == []


def test_rule_for_a_host_follows_it_to_other_addresses():
    with names() as server:
        caller = Caller()
        looked_up(caller, NAME, ADDRESS)
        caller.start("connect", ADDRESS)
        firewall.decide(firewall.prompt(), "allow", "always", "host")
        assert caller.result().errno is None
        server.says(NAME, OTHER_ADDRESS)
        looked_up(caller, NAME, OTHER_ADDRESS)
        assert caller.call("connect", OTHER_ADDRESS).errno is None
        # In another run of the program too, once that has looked it up.
        other = Caller()
        assert shown(other, OTHER_ADDRESS) == (None, None)
        looked_up(other, NAME, OTHER_ADDRESS)
        assert other.call("connect", OTHER_ADDRESS).errno is None
        assert firewall.pending() == []


def test_rule_against_a_host_counts_from_the_moment_it_is_known():
    with denied_by_another_name() as caller:
        for _ in range(2):
            assert caller.call("connect", ADDRESS).errno is None
        looked_up(caller, OTHER_NAME, ADDRESS)
        assert caller.call("connect", ADDRESS).errno == "EPERM"


def test_name_is_nobody_elses():
    with names():
        caller = Caller()
        looked_up(caller, NAME, ADDRESS)
        assert shown(Caller(), ADDRESS) == (None, None), "another run of the program"
        assert shown(Caller(program=OTHER_PROGRAM), ADDRESS) == (None, None)
        assert shown(Caller("bob"), ADDRESS, user="bob") == (None, None)
        assert shown(caller, ADDRESS) == (NAME, "lookup")


def test_child_that_runs_no_other_program_shares_names():
    with names():
        caller = Caller()
        assert caller.call("names.look_up_in_child", name=NAME).status == 0
        assert shown(caller, ADDRESS) == (NAME, "lookup")


def test_what_a_real_program_reaches_is_named():
    with names(program="/usr/bin/curl"):
        curl = start("curl", "--silent", f"http://{NAME}/", user="alice")
        asked = firewall.prompt()
        assert (asked.object.host, asked.object.address) == (NAME, ADDRESS), asked
        firewall.decide(asked, "allow")
        assert "hello" in curl.communicate(timeout=60)[0]


def answer(name, address):
    header = struct.pack("!6H", 1, 0x8180, 1, 1, 0, 0)
    return (header + question(name)[12:] + record(name, address)).hex()


def test_answers_of_strangers_name_nothing():
    with names(), NameServer(STRANGER) as stranger:
        stranger.says(NAME, ADDRESS)
        caller = Caller()
        reply = caller.call("names.ask", query=question(NAME).hex(), server=STRANGER).answer
        assert reply == answer(NAME, ADDRESS)
        assert shown(caller, ADDRESS) == (None, None)
        # The same from the computer's own name server.
        assert caller.call("names.ask", query=question(NAME).hex(), server=SERVER).answer == reply
        assert shown(caller, ADDRESS) == (NAME, "lookup")


def test_answers_from_other_ports_name_nothing():
    with names(), NameServer(SERVER, port=5353) as other:
        other.says(NAME, ADDRESS)
        caller = Caller()
        reply = caller.call("names.ask", query=question(NAME).hex(), server=SERVER, port=5353)
        assert reply.answer == answer(NAME, ADDRESS)
        assert shown(caller, ADDRESS) == (None, None)


def test_records_that_nobody_asked_for_name_nothing():
    with names() as server:
        server.says(NAME, ADDRESS, ("bank.example", OTHER_ADDRESS))
        caller = Caller()
        looked_up(caller, NAME, ADDRESS)
        assert shown(caller, OTHER_ADDRESS) == (None, None)
        assert shown(caller, ADDRESS) == (NAME, "lookup")


def test_program_cannot_be_its_own_name_server():
    with names("127.0.0.1"):
        caller = Caller()
        assert caller.call("names.serve", address="127.0.0.1", port=53).error
        # In a network of its own it can.
        up = ("sh", "-c", 'ip link set lo up && exec "$@"', "sh")
        inside = Caller(inside=("unshare", "--map-root-user", "--net", *up))
        forged = answer("bank.example", ADDRESS)
        reply = inside.call("names.answer_oneself", answer=forged, address="127.0.0.1")
        assert reply.answer == forged
        assert shown(inside, ADDRESS) == (None, None)


def test_forged_answers_do_not_stop_honest_ones():
    with names() as server:
        caller = Caller()
        for junk in (b"", b"\0", name_bytes(NAME), question(NAME)[:-1]):
            server.answer = lambda query, by_tcp, junk=junk: junk
            caller.call("names.ask", query=question(NAME).hex(), server=SERVER)
        del server.answer
        looked_up(caller, NAME, ADDRESS)
        assert shown(caller, ADDRESS) == (NAME, "lookup")


@expected_failure("names that are told by TCP are not learnt")
def test_name_told_by_tcp_is_known():
    with names() as server:
        server.long.add(NAME)
        caller = Caller()
        looked_up(caller, NAME, ADDRESS)
        assert shown(caller, ADDRESS) == (NAME, "lookup")


def test_next_broker_knows_and_goes_on_learning():
    with names() as server:
        server.says(OTHER_NAME, OTHER_ADDRESS)
        caller = Caller()
        looked_up(caller, NAME, ADDRESS)
        firewall.service("restart")
        until(firewall.is_up, "the next broker")
        firewall.await_agent()
        assert shown(caller, ADDRESS) == (NAME, "lookup")
        looked_up(caller, OTHER_NAME, OTHER_ADDRESS)
        assert shown(caller, OTHER_ADDRESS) == (OTHER_NAME, "lookup")


def test_killed_broker_leaves_no_names_but_the_next_learns():
    with names():
        caller = Caller()
        looked_up(caller, NAME, ADDRESS)
        firewall.kill()
        firewall.await_agent()
        assert shown(caller, ADDRESS) == (None, None)
        looked_up(caller, NAME, ADDRESS)
        assert shown(caller, ADDRESS) == (NAME, "lookup")


def test_rule_for_an_unheard_of_host_is_taken():
    result = run(
        *("portreevectl", "--user", "alice", "rules", "add", "--app", PROGRAM),
        *("--op", "connect", "--host", "never-heard-of.example", "--action", "deny"),
    )
    assert result.returncode == 0, result
    assert not result.stderr, result


def test_datagrams_on_one_socket_are_judged_again_when_names_may_be_others():
    with denied_by_another_name() as caller:
        mine = caller.call("kept.keep", family=socket.AF_INET).descriptor
        send = {"descriptor": mine, "address": ADDRESS}
        assert caller.call("kept.sendto", **send).errno is None
        looked_up(caller, OTHER_NAME, ADDRESS)
        until(lambda: caller.call("kept.sendto", **send).errno == "EPERM", "the denial", 30)


def test_connection_on_a_socket_that_had_it_before_is_judged_again():
    with denied_by_another_name() as caller:
        mine = caller.call("kept.keep", kind="tcp", address=ADDRESS).descriptor
        looked_up(caller, OTHER_NAME, ADDRESS)
        # The connection that there is goes on.
        assert caller.call("kept.send", descriptor=mine).errno is None
        connect = {"descriptor": mine, "address": ADDRESS, "port": 80}
        again = caller.call("kept.connect", **connect)
        assert again.errno == "EISCONN", again
        caller.call("kept.turn_round", descriptor=mine)
        anew = caller.call("kept.connect", **connect)
        assert anew.errno == "EPERM", anew


def test_flood_of_answers_takes_no_names_from_others():
    with names() as server:
        server.says("flood.example", *(f"203.0.113.{last}" for last in range(20, 80)))
        bus.add_rule(PROGRAM, "allow", SERVER, user="bob")
        query = question("flood.example").hex()
        flooding = [Caller(user="bob") for _ in range(os.cpu_count())]
        for caller in flooding:
            caller.start("names.peek", query=query, server=SERVER)
        caller = Caller()
        for _ in range(5):
            looked_up(caller, NAME, ADDRESS)
            assert shown(caller, ADDRESS) == (NAME, "lookup")
        for caller in flooding:
            assert caller.is_calling()
            caller.kill()
