"""More verdicts than the kernel remembers: all are right, whether remembered, forgotten or new."""

from pathlib import Path

from harness import bus, firewall
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.machine import do
from harness.marks import slow

# Of the network that RFC 2544 gives to tests.
NETWORK, FIRST = "198.18.0.0/15", "198.18.0.0"
COUNT, PART = 100_000, 10_000
FEW = 500
# So much longer the last calls may take than the first; and so many MB the broker may grow.
SLOWER, GROWTH = 1.5, 8
PATIENCE = 300


def memory():
    lines = Path(f"/proc/{firewall.broker()}/status").read_text().splitlines()
    return next(int(it.split()[1]) for it in lines if it.startswith("VmRSS")) / 1024


def walked(caller, address, count):
    caller.start("crowd.walk", address, count=count)
    return caller.result(PATIENCE)


def address(number):
    """The address of this number in the network."""
    return f"198.{18 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


@slow(minutes=40)
def test_hundred_thousand_destinations():
    do("ip", "route", "add", NETWORK, "dev", "lab0")
    try:
        _hundred_thousand_destinations()
    finally:
        do("ip", "route", "del", NETWORK)


def _hundred_thousand_destinations():
    bus.add_rule(PROGRAM, "allow")
    bus.add_rule(OTHER_PROGRAM, "deny")
    failed = firewall.failures()
    allowed, denied = Caller(), Caller(program=OTHER_PROGRAM)
    before = walked(denied, FIRST, FEW)
    assert before.outcomes == [["EPERM", FEW]], before
    again = walked(denied, FIRST, FEW)
    assert again.outcomes == [["EPERM", FEW]] and again.waited == 0, "these are remembered"
    times, memories = [], []
    for number in range(0, COUNT, PART):
        part = walked(allowed, address(number), PART)
        assert part.outcomes == [["success", PART]], part
        assert part.waited > 0.9 * PART, "each of these is new"
        times.append(part.seconds)
        memories.append(memory())
        print(f"{number + PART}: {part.seconds:.1f} s, {memories[-1]:.1f} MB", flush=True)
    assert max(times[-3:]) < SLOWER * max(times[:3]), times
    assert max(memories) - memories[0] < GROWTH, memories
    # The newest ones are remembered still, the oldest ones are not: they wait, and are answered as
    # ever.
    newest = walked(allowed, address(COUNT - FEW), FEW)
    oldest = walked(allowed, address(0), FEW)
    forgotten = walked(denied, FIRST, FEW)
    print(f"waited: {newest.waited} of the newest {FEW}, {oldest.waited} of the oldest, "
          f"{forgotten.waited} of the denied", flush=True)
    assert newest.outcomes == oldest.outcomes == [["success", FEW]], (newest, oldest)
    assert forgotten.outcomes == [["EPERM", FEW]], forgotten
    # The denied ones were looked up again, and the kernel keeps such ones longer: some may be there.
    assert newest.waited < FEW // 10 and oldest.waited > FEW // 2
    assert firewall.failures() == failed, firewall.failures()
