"""Traffic while something happens to the firewall: known calls go on, denied ones never pass."""

from harness import bus
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.wait import until

KNOWN = "203.0.113.11"
# Addresses of which each is called once (RFC 2544 gives them to tests): what is remembered says
# nothing of them.
UNKNOWN = "198.18.0.1"
# Known calls, unless it is said how many; denied ones to a known address, and denied ones to unknown
# addresses: each second.
RATE, DENIED_RATE, UNKNOWN_RATE = 100, 50, 20
# Seconds that a known call may wait.
WAIT = 0.1


class Traffic:
    """Calls of an allowed and of a denied program, again and again."""

    def __init__(self, rate=RATE):
        bus.add_rule(OTHER_PROGRAM, "deny")
        bus.add_rule(PROGRAM, "allow", KNOWN)
        self._known = Caller()
        self._denied = Caller(program=OTHER_PROGRAM), Caller(program=OTHER_PROGRAM)
        # What is made once is remembered from then on.
        assert self._known.call("connect", KNOWN).errno is None
        self._known.call("steady.begin", KNOWN, per_second=rate)
        self._denied[0].call("steady.begin", KNOWN, per_second=DENIED_RATE)
        self._denied[1].call("steady.begin", UNKNOWN, per_second=UNKNOWN_RATE, fresh=True)

    def undisturbed(self, calls=1000):
        """Lets some traffic pass; the longest time that a known call has taken."""

        def enough():
            now = self._known.call("steady.so_far")
            return now if now.calls >= calls else None

        return until(enough, f"{calls} calls", 30).longest

    def end(self, wait=WAIT):
        """Checks that each call went as the rules say, and that no known one has waited for longer
        than `wait`; says how it was.
        """
        known, *denied = (it.call("steady.end") for it in (self._known, *self._denied))
        for it, expected in ((known, "success"), *((it, "EPERM") for it in denied)):
            assert [outcome for outcome, _ in it.outcomes] == [expected], it
        assert known.longest_sleep < wait, known
        return (
            f"{known.calls / known.seconds:.0f} known calls/s, of {known.calls} {known.slept} have "
            f"waited, {known.longest_sleep * 1000:.0f} ms at most, the longest took "
            f"{known.longest * 1000:.0f} ms; {sum(it.calls for it in denied)} calls were denied, "
            f"{denied[1].calls} of them unknown"
        )
