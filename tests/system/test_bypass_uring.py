"""What io_uring does for a program is judged as the program's own calls are."""

import time

from harness import firewall
from harness.arrivals import Arrivals
from harness.callers import PROGRAM, Caller
from harness.confined import ADDRESS, refused_unless_allowed

MODES = ("inline", "worker", "poller")


def refused_in_every_mode(*calls, **options):
    modes = [{"mode": mode, **options} for mode in MODES]
    refused_unless_allowed(tuple(f"uring.{it}" for it in calls), variants=modes)


def test_connect():
    refused_in_every_mode("connect", "datagram")


def test_send_to_an_address():
    refused_in_every_mode("send", "sendmsg", "fastopen")


def test_send_to_an_address_without_copying():
    refused_in_every_mode("send", "sendmsg", zero_copy=True)


def held_then(action, mode):
    """How a connection ends that is asked about; the program does not try again."""
    caller = Caller()
    with Arrivals() as arrivals:
        caller.start("uring.connect_once", ADDRESS, mode=mode)
        question = firewall.prompt()
        assert question.subject.path == PROGRAM, question
        assert question.subject.verified, question
        assert question.object.address == ADDRESS, question
        assert arrivals.take() == [], "it left before the answer"
        firewall.decide(question, action)
        result = caller.result()
        arrived = arrivals.take()
        assert result.errno == (None if action == "allow" else "EPERM"), result
        assert bool(arrived) == (action == "allow"), arrived
    firewall.no_prompt()


def test_held_until_denied():
    held_then("deny", "inline")


def test_held_until_allowed():
    held_then("allow", "inline")


def test_held_until_denied_as_a_worker():
    held_then("deny", "worker")


def test_held_until_allowed_as_a_worker():
    held_then("allow", "worker")


def test_held_until_denied_as_a_poller():
    held_then("deny", "poller")


def test_held_until_allowed_as_a_poller():
    held_then("allow", "poller")


def unanswered(mode):
    """What nobody answers is denied: no request may end as if a signal had come."""
    caller = Caller()
    caller.start("uring.connect_once", ADDRESS, mode=mode)
    firewall.prompt()
    begin = time.monotonic()
    result = caller.result()
    assert result.errno == "EPERM", f"{result} after {time.monotonic() - begin:.1f} s"


def test_unanswered():
    unanswered("inline")


def test_unanswered_as_a_worker():
    unanswered("worker")


def test_unanswered_as_a_poller():
    unanswered("poller")
