"""A user for whom everything is denied can still log in, and is asked."""

from harness import firewall
from harness.callers import PROGRAM, Caller
from harness.machine import do, run
from harness.wait import until

ADDRESS = "203.0.113.10"
SESSION = "lab-session.service"


def test_alice_logs_in_and_is_asked_while_everything_is_denied():
    firewall.settings(hold_seconds=3, nonblocking_hold_seconds=1, agent_wait_seconds=0)
    run("loginctl", "terminate-user", "alice")
    do("systemctl", "stop", SESSION)
    until(lambda: not firewall.has_agent(), "the agent to be gone")
    until(lambda: run("systemctl", "is-active", "user@1000").returncode != 0, "the session's end")
    assert Caller().call("connect", ADDRESS).errno == "EPERM"
    assert firewall.rules() == []

    do("systemctl", "start", SESSION)
    firewall.await_agent()
    firewall.SETTINGS.write_text("hold_seconds = 60\n")
    caller = Caller()
    # Nobody was held on the way in, so nobody was asked about but the caller.
    caller.start("connect", ADDRESS)
    question = until(
        lambda: next((it for it in firewall.pending() if it.subject.name == "caller"), None),
        "the question",
    )
    do("lab-wait", "/caller/")
    result = caller.result()
    assert result.errno == "EPERM", result
    firewall.decide(firewall.prompt(held=0), "allow", "always")
    assert caller.call("connect", ADDRESS).errno is None
    assert question.subject.path == PROGRAM
