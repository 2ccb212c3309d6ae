"""A socket that another program has opened does not open the network to whoever has it now."""

from harness import bus, firewall
from harness.arrivals import Arrivals
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.confined import BOTH, allow, confine, elsewhere

WAYS = ("send", "write", "writev", "sendmmsg", "sendfile", "splice", "uring")


def pair():
    """A program that may do everything, and one that may not."""
    confine()
    bus.add_rule(OTHER_PROGRAM, "allow")
    return Caller(program=OTHER_PROGRAM), Caller(program=PROGRAM)


def passed(owner, other, descriptor):
    """A socket of the owner's, handed to the other program."""
    owner.call("kept.offer", name="socket")
    other.start("kept.take", name="socket")
    owner.call("kept.give", name="socket", descriptor=descriptor)
    return other.result().descriptor


def sends_nothing(caller, descriptor, address, way="send"):
    """The program has a socket connected to an address that it may not reach."""
    with Arrivals() as arrivals:
        result = caller.call("kept.send", descriptor=descriptor, way=way)
        arrived = [it for it in arrivals.take() if it.address == address and it.payload]
        assert not arrived, f"{arrived} by {way}; it ends with {result}"
        assert result.errno == "EPERM", result


def test_unconnected_socket_passed():
    owner, other = pair()
    for address in BOTH:
        mine = owner.call("kept.keep", address=None, family=10 if ":" in address else 2).descriptor
        assert owner.call("kept.sendto", address, descriptor=mine).errno is None
        theirs = passed(owner, other, mine)
        with Arrivals() as arrivals:
            assert other.call("kept.sendto", address, descriptor=theirs).errno == "EPERM"
            words = {"descriptor": theirs, "port": 7777}
            assert other.call("kept.connect", address, **words).errno == "EPERM"
            assert arrivals.take() == []
            allow(address)
            assert other.call("kept.sendto", address, descriptor=theirs).errno is None
            arrivals.take_until(lambda it: it.address == address, "the datagram")


def test_connected_socket_passed():
    owner, other = pair()
    for address in BOTH:
        mine = owner.call("kept.keep", address=address).descriptor
        sends_nothing(other, passed(owner, other, mine), address)


def test_connection_passed():
    owner, other = pair()
    for address in BOTH:
        mine = owner.call("kept.keep", kind="tcp", address=address).descriptor
        sends_nothing(other, passed(owner, other, mine), address)


def test_connected_socket_passed_is_asked_about():
    bus.add_rule(OTHER_PROGRAM, "allow")
    owner, other = Caller(program=OTHER_PROGRAM), Caller(program=PROGRAM)
    for address, action in zip(BOTH, ("deny", "allow"), strict=True):
        mine = owner.call("kept.keep", address=address).descriptor
        theirs = passed(owner, other, mine)
        with Arrivals() as arrivals:
            other.start("kept.send", descriptor=theirs)
            question = firewall.prompt()
            assert question.subject.path == PROGRAM, question
            assert (question.operation, question.object.address) == ("connect", address), question
            assert arrivals.take() == [], question
            firewall.decide(question, action)
            result = other.result()
            assert result.errno == (None if action == "allow" else "EPERM"), result
            assert bool(arrivals.take()) == (action == "allow"), result
        firewall.no_prompt()
        # Its owner is not asked.
        assert owner.call("kept.send", descriptor=mine).errno is None


def test_connected_socket_taken_from_a_process():
    for address in BOTH:
        # Whom somebody has taken something from is another from then on: see test_altered.py.
        owner, other = pair()
        owner.call("kept.let_be_taken")
        mine = owner.call("kept.keep", address=address).descriptor
        taken = other.call("kept.take_from", pid=owner.pid, descriptor=mine)
        if taken.errno == "EPERM":
            continue
        sends_nothing(other, taken.descriptor, address)


def test_connected_socket_inherited_through_exec():
    confine()
    bus.add_rule(OTHER_PROGRAM, "allow")
    for address in BOTH:
        caller = Caller(program=OTHER_PROGRAM)
        mine = caller.call("kept.keep", address=address).descriptor
        assert caller.call("kept.send", descriptor=mine).errno is None
        assert caller.call("processes.execute", program=PROGRAM).ready == caller.pid
        sends_nothing(caller, mine, address)


def revoked(kind):
    """What was allowed when the sockets were connected is not any more."""
    confine()
    caller = Caller()
    ways = [(address, way) for address in BOTH for way in WAYS]
    rules = [allow(address) for address in BOTH]
    kept = {}
    for address, way in ways:
        kept[address, way] = caller.call("kept.keep", kind=kind, address=address).descriptor
        with Arrivals() as arrivals:
            words = {"descriptor": kept[address, way], "way": way}
            assert caller.call("kept.send", **words).errno is None, way
            arrivals.take_until(lambda it: it.address == address and it.payload, "what is sent")
    for rule in rules:
        bus.remove_rule(rule)
    with Arrivals() as arrivals:
        results = {
            (address, way): caller.call("kept.send", descriptor=kept[address, way], way=way).errno
            for address, way in ways
        }
        arrived = [it for it in arrivals.take() if it.payload]
    assert not arrived, f"{len(arrived)} packets arrive of {len(ways)} sends"
    assert set(results.values()) == {"EPERM"}, results


def test_connected_datagrams_after_the_rule_is_gone():
    revoked("udp")


def test_connections_after_the_rule_is_gone():
    revoked("tcp")


def test_connected_socket_may_be_sent_elsewhere_by_nobody_who_may_not():
    owner, other = pair()
    for address in BOTH:
        mine = owner.call("kept.keep", address=elsewhere(address)).descriptor
        theirs = passed(owner, other, mine)
        with Arrivals() as arrivals:
            assert other.call("kept.sendto", address, descriptor=theirs).errno == "EPERM"
            assert arrivals.take() == []
            assert other.call("kept.send", descriptor=theirs).errno is None
            where = elsewhere(address)
            arrivals.take_until(lambda it: it.address == where, "the datagram")
