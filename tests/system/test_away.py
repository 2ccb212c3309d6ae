"""Who has locked the screen is shown no windows, and has them when it is open again."""

from harness import firewall
from harness.callers import Caller
from harness.desktop import locked
from harness.machine import do

ADDRESS = "203.0.113.10"


def test_locked_screen_has_no_windows():
    caller = Caller()
    caller.start("connect", ADDRESS)
    question = firewall.prompt()
    do("lab-wait", "/caller/", "alert")
    with locked():
        do("lab-wait", "--gone", "/caller/", "alert")
        assert caller.is_calling(), "it waits on"
    do("lab-wait", "/caller/", "alert")
    firewall.decide(question, "allow")
    assert caller.result().errno is None
    do("lab-wait", "--gone", "/caller/", "alert")
