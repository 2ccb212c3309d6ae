"""Other views of the system, which a program can give itself, do not lead around its rules."""

from contextlib import contextmanager
from pathlib import Path

from harness import bus, firewall
from harness.arrivals import Arrivals
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.confined import ADDRESS, BOTH, confine, refused_unless_allowed
from harness.machine import do

JAIL = Path("/run/jail")


def refused_within(*inside, outside=()):
    caller = Caller(outside=outside, inside=inside)
    refused_unless_allowed(("streams.connect", "datagrams.sendto"), caller=caller)


def test_user_namespace():
    refused_within("unshare", "-Ur")


def test_mount_namespace():
    refused_within("unshare", "-Urm")


def test_pid_namespace():
    refused_within("unshare", "-Urpf", "--kill-child", "--mount-proc")


def test_network_namespace():
    # The other computer's own, where its addresses are local ones.
    refused_within(outside=("ip", "netns", "exec", "peer"))


def asked_about(caller):
    """A call of a program that no rule can be about: it is held, and reaches nobody."""
    with Arrivals() as arrivals:
        for address in BOTH:
            caller.start("streams.connect", address)
            question = firewall.prompt()
            assert arrivals.take() == [], question
            firewall.decide(question, "deny")
            assert caller.result().errno == "EPERM"
            firewall.no_prompt()
        assert arrivals.take() == []
    return question


@contextmanager
def jail():
    """The whole system, once more below a directory."""
    JAIL.mkdir(exist_ok=True)
    do("mount", "--rbind", "/", JAIL)
    # What is done below it is not done to the system.
    do("mount", "--make-rprivate", JAIL)
    try:
        yield
    finally:
        do("umount", "--lazy", JAIL)


def test_changed_root():
    with jail():
        question = asked_about(Caller(outside=("chroot", JAIL)))
        assert question.subject.path == f"{JAIL}{PROGRAM}", question


def test_changed_root_does_not_make_a_program_another():
    # Within, the path is that of a program that may do everything.
    bus.add_rule(OTHER_PROGRAM, "allow")
    with jail():
        do("mount", "--bind", PROGRAM, f"{JAIL}{OTHER_PROGRAM}")
        question = asked_about(Caller(program=OTHER_PROGRAM, outside=("chroot", JAIL)))
        assert question.subject.path != OTHER_PROGRAM, question


def test_program_mounted_over_an_allowed_one_is_not_that():
    bus.add_rule(OTHER_PROGRAM, "allow")
    over = f'mount --bind {PROGRAM} {OTHER_PROGRAM} && exec "$@"'
    caller = Caller(program=OTHER_PROGRAM, inside=("unshare", "-Urm", "sh", "-c", over, "sh"))
    question = asked_about(caller)
    assert not question.subject.verified, question


def test_allowed_program_stays_what_it_is_in_a_namespace():
    confine()
    bus.add_rule(OTHER_PROGRAM, "allow")
    caller = Caller(program=OTHER_PROGRAM, inside=("unshare", "-Urm"))
    assert caller.call("streams.connect", ADDRESS).errno is None
