"""A program that may reach one place only, tried at another.

Each trial is made twice, the second time with leave: what then arrives proves that the call is one
that reaches out.
"""

from harness import bus
from harness.arrivals import Arrivals
from harness.callers import PROGRAM, Caller

ADDRESS, ADDRESS6 = "203.0.113.10", "2001:db8:113::10"
BOTH = (ADDRESS, ADDRESS6)
ELSEWHERE, ELSEWHERE6 = "203.0.113.11", "2001:db8:113::11"
MAPPED = f"::ffff:{ADDRESS}"


def elsewhere(address):
    """An allowed address of the same family."""
    return ELSEWHERE6 if address == ADDRESS6 else ELSEWHERE


def confine(program=PROGRAM, user="alice"):
    """From now on the program may reach the allowed addresses and nothing else."""
    bus.add_rule(program, "deny", user=user)
    for address in (ELSEWHERE, ELSEWHERE6):
        allow(address, program, user)


def allow(address, program=PROGRAM, user="alice"):
    """From now on the program may reach this address too; the rule's id."""
    return bus.add_rule(program, "allow", address, user)


def unguarded():
    """The program as of a user who is not guarded, and has no more rights than others."""
    return Caller("root", inside=("setpriv", "--reuid=nobody", "--clear-groups"))


def refused_unless_allowed(
    calls, *addresses, wire=None, caller=None, variants=({},), errno="EPERM", **options
):
    """Has calls made that must fail and reach nobody, then with leave, when they must arrive.

    `calls` is the name of one or a tuple of names; each is made for each of the addresses (BOTH by
    default) and each of the variants of its options. `wire` is the address on the wire, if it is
    another than the call names.
    """
    confine()
    caller = caller or Caller()
    addresses = addresses or BOTH
    trials = [
        (call, address, {**options, **variant})
        for call in ((calls,) if isinstance(calls, str) else calls)
        for variant in variants
        for address in addresses
    ]
    with Arrivals() as arrivals:
        for call, address, words in trials:
            result = caller.call(call, address, **words)
            arrived = arrivals.take()
            trial = f"{call} to {address} with {words}: {result}"
            assert not arrived, f"{trial} and arrives: {arrived}"
            assert result.errno == errno, trial
    for address in addresses:
        allow(wire or address)
    with Arrivals() as arrivals:
        for call, address, words in trials:
            result = caller.call(call, address, **words)
            assert result.errno is None, f"{call} to {address} with {words}, allowed: {result}"
            there = wire or address
            arrivals.take_until(
                lambda it: it.address == there and it.beginning, f"what {call} sends to {there}"
            )


def refused_whatever_the_rules_say(call, **options):
    """A call that cannot be judged: it is refused, though the program may reach everybody.

    That it reaches out is shown by somebody who is not guarded.
    """
    bus.add_rule(PROGRAM, "allow")
    with Arrivals() as arrivals:
        result = Caller().call(call, ADDRESS, **options)
        assert (result.errno, arrivals.take()) == ("EPERM", []), result
        assert unguarded().call(call, ADDRESS, **options).errno is None
        arrivals.take_until(lambda it: it.address == ADDRESS, "what others send so")
