"""What the firewall costs a connect() whose verdict is remembered."""

from statistics import median

from harness import callers, firewall

ROUNDS = 5
CONNECTIONS = 500
WARM_UP = 20
ADDRESS = "203.0.113.10"


def measure():
    """Measures with and without the firewall in turn; says it in one line."""
    callers.install()
    rule = firewall.add_rule(callers.PROGRAM, "allow")
    guarded, free = [], []
    for _ in range(ROUNDS):
        guarded.append(_microseconds())
        firewall.service("stop")
        free.append(_microseconds())
        firewall.service("start")
    firewall.remove_rule(rule)
    dear, cheap = median(guarded), median(free)
    return (
        f"cached connect: {dear / cheap:.2f} × without the firewall (median of {ROUNDS} rounds: "
        f"{dear:.0f} µs / {cheap:.0f} µs)"
    )


def _microseconds():
    """How long one connection takes alice, once the first ones have been made."""
    caller = callers.Caller()
    caller.call("measure", ADDRESS, count=WARM_UP)
    result = caller.call("measure", ADDRESS, count=CONNECTIONS).value
    caller.kill()
    return result
