"""Sockets from before the firewall are judged as others are."""

from harness import firewall
from harness.arrivals import Arrivals
from harness.callers import Caller
from harness.confined import ADDRESS, BOTH, allow, confine
from harness.marks import slow
from harness.wait import until


def before(*sockets):
    """A program with sockets that it has made while no broker ran; their descriptors."""
    firewall.service("stop")
    caller = Caller()
    kept = [caller.call("kept.keep", **options).descriptor for options in sockets]
    firewall.service("start")
    until(firewall.is_up, "the broker")
    confine()
    return caller, kept


@slow(minutes=3)
def test_unconnected_socket_from_before():
    trials = [(address, kind) for address in BOTH for kind in ("udp", "tcp")]
    families = {address: 10 if ":" in address else 2 for address in BOTH}
    caller, kept = before(*({"family": families[it], "kind": kind} for it, kind in trials))
    ports = {"udp": 7777, "tcp": 80}
    words = [
        {"address": address, "descriptor": descriptor, "port": ports[kind]}
        for (address, kind), descriptor in zip(trials, kept, strict=True)
    ]
    with Arrivals() as arrivals:
        for options in words:
            assert caller.call("kept.connect", **options).errno == "EPERM", options
        assert arrivals.take() == []
    for address in BOTH:
        allow(address)
    for options in words:
        assert caller.call("kept.connect", **options).errno is None, options


def test_connected_socket_from_before():
    caller, kept = before({"address": ADDRESS}, {"address": ADDRESS, "kind": "tcp"})
    with Arrivals() as arrivals:
        results = [caller.call("kept.send", descriptor=it).errno for it in kept]
        arrived = [it for it in arrivals.take() if it.payload]
        assert not arrived, f"{arrived}; the sends have ended with {results}"
        assert results == ["EPERM"] * 2, results
