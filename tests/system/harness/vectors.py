"""Cases of single calls: written down as lines of a table, made, and compared."""

import socket
from typing import NamedTuple

from harness import bus
from harness.arrivals import Arrivals
from harness.callers import PROGRAM, Caller
from harness.confined import BOTH, confine


class Case(NamedTuple):
    """Calls on one new socket, and how each ends: denied, and allowed if that is another way."""

    on: tuple
    steps: tuple
    denied: str
    allowed: str = ""


def step(call, host=None, port=None, **more):
    return {"call": call, "host": host, "port": port, **more}


def connect(host=None, port=80, **more):
    return step("connect", host, port, **more)


def bind(host, port=0, **more):
    return step("bind", host, port, **more)


def sendto(host=None, port=7777, **more):
    return step("sendto", host, port, **more)


SEND, CHILD, LISTEN, ONLY6 = (
    {"call": it} for it in ("send", "send_from_child", "listen", "only_ipv6")
)
DISSOLVE = connect("0.0.0.0", 0, family=socket.AF_UNSPEC)


def lengths(on, call, least, full, pointer):
    """A call with its address cut and stretched: below `least` and above 128 bytes it is none.

    `pointer` is what the call ends in when there is only a length.
    """
    yield Case(on, ({**call, "host": None, "length": full},), pointer)
    for length in (-1, 0, 1, 2, least - 1, 129):
        yield Case(on, ({**call, "length": length},), "EINVAL")
    for length in sorted({least, least + 1, full, full + 1, 128}):
        yield Case(on, ({**call, "length": length},), "EPERM", "ok")


def compared(caller, cases, title, expected):
    """Has the cases made, and compares how they have ended."""
    results = caller.call("vectors.run", cases=[{"on": it.on, "steps": it.steps} for it in cases])
    return [
        f"{title}: {case.on} {case.steps} ends with {' '.join(ended)}, not {expected(case)}"
        for case, ended in zip(cases, results.each, strict=True)
        if " ".join(ended) != expected(case)
    ]


def as_expected(cases):
    """Each case ends as its line says; denied, none reaches anybody, and with leave some do."""
    caller = Caller()
    confine()
    bus.add_rule(PROGRAM, "deny", operation="listen")
    with Arrivals() as arrivals:
        wrong = compared(caller, cases, "denied", lambda it: it.denied)
        wrong += [f"denied, but arrives: {it}" for it in arrivals.take() if it.address in BOTH]
        for rule in bus.own_rules("alice"):
            bus.remove_rule(rule)
        for operation in ("connect", "listen"):
            bus.add_rule(PROGRAM, "allow", operation=operation)
        wrong += compared(caller, cases, "allowed", lambda it: it.allowed or it.denied)
        assert not wrong, "\n".join(wrong)
        return {it.address for it in arrivals.take()}
