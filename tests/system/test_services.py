"""Root and system users: guarded only if the settings say so, and then an administrator is asked, and nobody else."""

import time
from contextlib import contextmanager

from harness import firewall
from harness.callers import PROGRAM, Caller
from harness.desktop import locked
from harness.machine import do, run
from harness.marks import slow
from harness.wait import until

ADDRESS = "203.0.113.10"
UNIT = "lab-guarded.service"
FREEDESKTOP = "org.freedesktop"
AT_ONCE = 10  # seconds, in an emulated machine; calls are held for 300 here
# By uid: rules are theirs.
SYSTEM_USERS = ("root", "www-data")


def service(user="root", unit=UNIT, *properties):
    """A program under systemd, as this user."""
    # An earlier one may still be there.
    run("systemctl", "stop", unit)
    words = [f"--property={it}" for it in (f"User={user}", *properties)]
    start = ("systemd-run", "--pipe", "--quiet", "--collect", f"--unit={unit}", *words)
    return Caller("root", outside=start)


@contextmanager
def guarding(**values):
    """Services are guarded: the one of the tests, if no others are named."""
    # An emulated machine takes its time to look at a question.
    chosen = {"only": f'["{UNIT}"]', "hold_seconds": 300, **values}
    settings = {f"services.{key}": value for key, value in chosen.items()}
    firewall.settings(hold_seconds=300, **{"services.guarded": "true"}, **settings)
    try:
        yield
    finally:
        for user in SYSTEM_USERS:
            for rule in firewall.rules(user):
                firewall.remove_rule(rule.id, user=user)


def administrator():
    """Waits until alice is somebody to be asked."""
    until(lambda: firewall.status("root").agent, "an administrator at the screen", 40)


def in_time(*command):
    begin = time.monotonic()
    said = do(*command)
    seconds = time.monotonic() - begin
    assert seconds < AT_ONCE, f"{command} took {seconds:.1f} s"
    return said


def test_services_are_not_guarded_by_default():
    assert firewall.status().services == "off"
    assert "not guarded" in firewall.doctor()["services"].found
    for user in SYSTEM_USERS:
        assert service(user).call("connect", ADDRESS).errno is None
        assert firewall.pending(user) == []


def test_an_administrator_is_asked_about_a_service_and_nobody_else():
    with guarding():
        assert firewall.status().services == "some"
        administrator()
        for user in SYSTEM_USERS:
            caller = service(user)
            caller.start("connect", ADDRESS)
            question = firewall.prompt(user=user)
            assert question.subject.service == UNIT, question
            assert (question.subject.path, question.unanswered) == (PROGRAM, "allow"), question
            do("lab-wait", f"/system service.*{UNIT}/", "alert")
            # Neither her other programs nor another user see or answer it.
            words = ("deny", "--revision", question.revision, "--scope", "host", "--for", "always")
            for person in ("alice", "bob"):
                assert firewall.ctl_as(person, "pending") == []
                refused = firewall.refusal(
                    firewall.ctl_as, person, "decide", question.id, *words
                )
                assert refused.status == firewall.NOT_FOUND, refused
                refused = firewall.refusal(firewall.ctl_as, person, "--user", user, "pending")
                assert refused.status == firewall.ACCESS_DENIED, refused
            assert caller.is_calling()
            firewall.decide(question, "deny", "always", user=user)
            assert caller.result().errno == "EPERM"
            do("lab-wait", "--gone", f"/{UNIT}/", "alert")
            assert [it.action for it in firewall.rules(user)] == ["deny"]
            assert firewall.rules("alice") == []
            # It is kept, and counts without anybody.
            firewall.service("restart")
            until(firewall.is_up, "the broker", 40)
            assert caller.call("connect", ADDRESS).errno == "EPERM"
            caller.kill()
            administrator()


@slow(minutes=3)
def test_a_button_alone_answers_nothing():
    with guarding():
        administrator()
        caller = service()
        caller.start("connect", ADDRESS)
        question = firewall.prompt(user="root")
        do("lab-wait", f"/system service.*{UNIT}/", "alert")
        # It takes a password, for which nobody is there to ask.
        do("lab-click", "Allow")
        assert caller.is_calling()
        assert firewall.rules("root") == []
        assert firewall.prompt(user="root").id == question.id
        firewall.decide(question, "allow", user="root")
        assert caller.result().errno is None


def test_rules_of_a_system_user_are_judged_before_anybody_is_asked():
    with guarding():
        administrator()
        firewall.add_rule(PROGRAM, "allow", user="www-data")
        assert service("www-data").call("connect", ADDRESS).errno is None
        root = service("root", "lab-other.service")
        assert root.call("connect", ADDRESS).errno is None, "it is not named"
        assert firewall.pending("root") == []


@slow(minutes=3)
def test_a_locked_screen_is_asked_nothing():
    with guarding():
        administrator()
        caller = service()
        caller.start("connect", ADDRESS)
        firewall.prompt(user="root")
        do("lab-wait", f"/{UNIT}/", "alert")
        with locked():
            assert caller.result().errno is None, "it goes on as the settings say"
            do("lab-wait", "--gone", f"/{UNIT}/", "alert")
            assert not firewall.status("root").agent
            assert service(unit="lab-second.service").call("connect", ADDRESS).errno is None
        administrator()


@slow(minutes=3)
def test_without_an_administrator_the_settings_decide():
    for word, errno in (("allow", None), ("deny", "EPERM")):
        with guarding(unanswered=f'"{word}"'):
            administrator()
            firewall.agent("stop")
            until(lambda: not firewall.status("root").agent, "nobody to be asked")
            begin = time.monotonic()
            assert service().call("connect", ADDRESS).errno == errno
            assert time.monotonic() - begin < AT_ONCE
            assert firewall.pending("root") == []
            firewall.agent("start")
            firewall.await_agent()


def test_a_group_that_others_may_fill_names_no_service():
    with guarding(only='["www-data"]'):
        administrator()
        caller = service("www-data", UNIT, "Delegate=yes")
        caller.start("connect", ADDRESS)
        question = firewall.prompt(user="www-data")
        assert question.subject.service is None, question
        firewall.decide(question, "allow", user="www-data")
        assert caller.result().errno is None


def test_what_the_prompt_needs_goes_on_while_services_wait():
    with guarding(only="[]"):
        administrator()
        assert firewall.status().services == "all"
        callers = [service("www-data", f"lab-{number}.service") for number in range(5)]
        for caller in callers:
            caller.start("connect", ADDRESS)
        question = firewall.prompt(held=5, user="www-data")
        for name, path in (("login1", "login1"), ("PolicyKit1", "PolicyKit1/Authority")):
            where = (f"{FREEDESKTOP}.{name}", f"/org/freedesktop/{path}")
            in_time("busctl", "call", *where, f"{FREEDESKTOP}.DBus.Peer", "Ping")
        assert "alice" in in_time("loginctl", "list-sessions", "--no-legend")
        for unit in ("systemd-udevd", "systemd-journald", "polkit", "NetworkManager"):
            assert run("systemctl", "cat", unit).returncode == 0, unit
            do("systemctl", "restart", unit)
        assert all(caller.is_calling() for caller in callers)
        firewall.decide(question, "allow", user="www-data")
        assert [caller.result().errno for caller in callers] == [None] * 5


@slow(minutes=3)
def test_services_come_up_before_anybody_is_there():
    with guarding(only="[]"):
        firewall.agent("stop")
        until(lambda: not firewall.status("root").agent, "nobody to be asked")
        # As when the computer starts: what is there comes anew, the firewall among it.
        for unit in ("systemd-udevd", "systemd-journald", "systemd-logind", "polkit", "NetworkManager"):
            do("systemctl", "restart", unit)
        firewall.service("restart")
        until(firewall.is_up, "the broker", 40)
        assert service().call("connect", ADDRESS).errno is None
        failed = do("systemctl", "list-units", "--failed", "--no-legend", "--plain")
        assert failed == "", failed
        firewall.agent("start")
        firewall.await_agent()
