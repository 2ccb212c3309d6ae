"""Modes: what becomes of what no rule is about, until when, and who may say so."""

import os
import signal
import socket
import time
from pathlib import Path

from harness import bus, firewall
from harness.arrivals import at_the_peer
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.machine import run
from harness.marks import slow
from harness.wait import until

ADDRESS, OTHER, THIRD = "203.0.113.10", "203.0.113.11", "203.0.113.12"
HERE = "203.0.113.1"


def outcome(caller, address=ADDRESS):
    """How a call ends that must not be asked about."""
    result = caller.call("connect", address)
    assert firewall.pending() == []
    return result.errno


def asked(caller, address=ADDRESS):
    """Has a call made that must be asked about, and denies it."""
    caller.start("connect", address)
    firewall.decide(firewall.prompt(), "deny")
    assert caller.result().errno == "EPERM"


def learned():
    return [rule for rule in firewall.rules() if rule.origin == "learned"]


def reasons():
    """What the history says of the calls so far, the oldest first."""
    return [row.reason for row in firewall.ctl("log")]


def killed():
    """Kills the broker, and waits for the next one."""
    broker = firewall.broker()
    os.kill(broker, signal.SIGKILL)
    until(lambda: firewall.broker() not in (0, broker), "the next broker")
    firewall.await_agent()


def test_silent_modes_answer_what_no_rule_is_about():
    bus.add_rule(OTHER_PROGRAM, "deny", ADDRESS)
    bus.add_rule(OTHER_PROGRAM, "allow", OTHER)
    caller, ruled = Caller(), Caller(program=OTHER_PROGRAM)
    for mode, expected in (("allow", None), ("deny", "EPERM"), ("allow", None)):
        assert firewall.ctl("mode", mode).mode == mode
        for _ in range(3):
            assert outcome(caller) == expected, mode
        assert outcome(ruled) == "EPERM"
        assert outcome(ruled, OTHER) is None
        assert firewall.status().mode == mode
    bus.set_mode("ask")
    # What was remembered is not any more.
    asked(caller)
    assert {"mode-allow", "mode-deny"} <= set(reasons())


def test_mode_of_one_user_is_not_anothers():
    bus.set_mode("allow")
    caller = Caller("bob")
    caller.start("connect", ADDRESS)
    # Bob has no agent, so his call waits for one.
    question = firewall.prompt(user="bob")
    firewall.decide(question, "deny", user="bob")
    assert caller.result().errno == "EPERM"


def test_who_waits_is_answered_by_the_mode():
    for mode, expected in (
        ("allow", None),
        ("deny", "EPERM"),
        ("lockdown", "EPERM"),
        ("off", None),
    ):
        bus.set_mode("ask")
        caller = Caller()
        caller.start("connect", ADDRESS)
        firewall.prompt()
        bus.set_mode(mode)
        assert caller.result().errno == expected, mode
        firewall.no_prompt()


def test_lockdown_denies_what_rules_allow_and_cuts_open_connections():
    rule = bus.add_rule(PROGRAM, "allow")
    caller = Caller()
    mine = caller.call("kept.keep", ADDRESS, kind="udp").descriptor
    assert caller.call("kept.send", descriptor=mine).errno is None
    assert firewall.ctl("mode", "lockdown").mode == "lockdown"
    assert caller.call("kept.send", descriptor=mine).errno == "EPERM"
    assert outcome(caller) == "EPERM"
    assert outcome(caller, "127.0.0.1") != "EPERM"
    assert caller.call("listen", "0.0.0.0", port=8080).errno == "EPERM"
    assert caller.call("listen", "127.0.0.1", port=8080).errno is None
    [row] = [it for it in firewall.rules() if it.id == rule]
    assert row.enabled, "the rule is as it was"
    bus.set_mode("ask")
    assert caller.call("kept.send", descriptor=mine).errno is None
    assert outcome(caller) is None


def test_lockdown_cuts_a_stream():
    bus.add_rule(PROGRAM, "allow")
    caller = Caller()
    with at_the_peer():
        server = socket.create_server((ADDRESS, 0))
    with server:
        words = {"kind": "tcp", "port": server.getsockname()[1]}
        mine = caller.call("kept.keep", ADDRESS, **words).descriptor
        assert caller.call("kept.send", descriptor=mine).errno is None
        bus.set_mode("lockdown")
        assert caller.call("kept.send", descriptor=mine).errno == "EPERM"
        bus.set_mode("ask")
        assert caller.call("kept.send", descriptor=mine).errno is None


def gets_in(address, port):
    """Whether the peer can connect to this."""
    with at_the_peer():
        client = socket.socket()
    with client:
        client.settimeout(3)
        try:
            client.connect((address, port))
        except TimeoutError:
            return False
        return True


def test_lockdown_keeps_everybody_from_who_listens():
    bus.add_rule(PROGRAM, "allow", operation="listen")
    caller = Caller()
    port = caller.call("servers.listen", "0.0.0.0").port
    assert gets_in(HERE, port)
    bus.set_mode("lockdown")
    assert not gets_in(HERE, port)
    bus.set_mode("ask")
    assert gets_in(HERE, port)


def administrators_rule(action):
    """An administrator's rule about the program and the other address, in force."""
    firewall.RULES.mkdir(parents=True, exist_ok=True)
    rule = f'[[rule]]\nprogram = "{PROGRAM}"\noperations = ["connect"]\n'
    text = f'{rule}network = "{OTHER}"\naction = "{action}"\n'
    Path(firewall.RULES, "lab.toml").write_text(text)
    until(lambda: firewall.ctl("test", "--app", PROGRAM, "--addr", OTHER).outcome == action, "it")


def test_off_stops_nothing_but_what_administrators_deny():
    administrators_rule("deny")
    bus.add_rule(PROGRAM, "deny")
    bus.add_rule(PROGRAM, "deny", operation="listen")
    caller = Caller()
    for _ in range(2):
        assert outcome(caller) == "EPERM"
    assert caller.call("servers.listen", "0.0.0.0").errno == "EPERM"
    assert firewall.ctl("mode", "off").mode == "off"
    for _ in range(2):
        # The kernel remembers no denial, and what it remembers is for this mode.
        assert outcome(caller) is None
        assert outcome(caller, OTHER) == "EPERM"
    port = caller.call("servers.listen", "0.0.0.0").port
    assert gets_in(HERE, port)
    assert "mode-off" in reasons()
    bus.set_mode("ask")
    assert outcome(caller) == "EPERM"
    assert not gets_in(HERE, port)


def test_administrators_rules_count_in_a_lockdown():
    administrators_rule("allow")
    caller = Caller()
    bus.set_mode("lockdown")
    assert outcome(caller, OTHER) is None
    assert outcome(caller) == "EPERM"


def test_snooze_ends_by_itself_with_what_was_before():
    caller = Caller()
    bus.set_mode("deny")
    assert outcome(caller) == "EPERM"
    snooze = firewall.ctl("snooze", "allow", "--for", "6s")
    assert (snooze.mode, snooze.before) == ("allow", "deny")
    assert outcome(caller) is None
    # The kernel answers by itself meanwhile, and has to stop.
    until(lambda: time.clock_gettime(time.CLOCK_BOOTTIME) * 1e6 > snooze.ends + 1e6, "the end")
    assert outcome(caller) == "EPERM"
    assert bus.mode() == {"mode": "deny"}
    # Then one that is ended sooner.
    firewall.ctl("snooze", "allow")
    assert outcome(caller) is None
    assert firewall.ctl("snooze", "off").mode == "deny"
    assert outcome(caller) == "EPERM"


def test_what_a_snooze_allowed_is_over_though_no_broker_runs():
    caller = Caller()
    bus.set_mode("deny")
    bus.set_mode("allow", seconds=8, snooze=True)
    ends = bus.mode()["ends"]
    assert outcome(caller) is None
    broker = firewall.broker()
    os.kill(broker, signal.SIGSTOP)
    try:
        until(lambda: time.clock_gettime(time.CLOCK_BOOTTIME) * 1e6 > ends + 1e6, "the end")
        # Nobody can answer now, so it is not known any more if it waits.
        caller.start("connect", ADDRESS)
        time.sleep(0.5)
        assert caller.is_calling()
    finally:
        os.kill(broker, signal.SIGCONT)
    assert caller.result().errno == "EPERM"


def test_learning_makes_rules_and_ends_with_questions():
    caller = Caller()
    state = firewall.ctl("mode", "learn", "--for", "20s")
    assert state.mode == "learn" and state.ends
    assert outcome(caller) is None
    assert outcome(caller, OTHER) is None
    rules = until(lambda: learned() if len(learned()) == 2 else None, "what was learned")
    assert {rule.host for rule in rules} == {"server.example", "other.example"}, rules
    assert all(rule.program == PROGRAM and rule.action == "allow" for rule in rules), rules
    until(lambda: firewall.status().mode == "ask", "the end", 40)
    assert outcome(caller) is None, "it was learned"
    asked(caller, THIRD)
    assert len(learned()) == 2


def test_nothing_is_learned_of_what_runs_what_it_is_given():
    bus.set_mode("learn")
    # An interpreter without a script: any code at all.
    code = f"import socket; socket.create_connection(('{ADDRESS}', 80), 5)"
    result = run("python3", "-c", code, user="alice")
    assert "Operation not permitted" not in result.stderr, result
    # What is learned after it shows that the store has done all before it.
    assert outcome(Caller(), OTHER) is None
    until(lambda: any(rule.host == "other.example" for rule in learned()), "what was learned")
    assert [rule.program for rule in learned()] == [PROGRAM]


@slow(minutes=3)
def test_mode_outlives_the_broker():
    caller = Caller()
    bus.set_mode("lockdown")
    bus.set_mode("allow", seconds=25, snooze=True)
    before = bus.mode()
    killed()
    assert bus.mode() == before
    assert outcome(caller) is None
    until(lambda: bus.mode() == {"mode": "lockdown"}, "the end", 40)
    assert outcome(caller) == "EPERM"
    killed()
    assert bus.mode() == {"mode": "lockdown"}
    assert outcome(caller) == "EPERM"


def test_mode_of_all_is_a_setting():
    # Of those who have set none; which bob has not, whatever was tested before.
    firewall.settings(mode='"deny"')
    assert firewall.status("bob").mode == "deny"
    assert Caller("bob").call("connect", ADDRESS).errno == "EPERM"
    assert firewall.pending("bob") == []
    bus.set_mode("ask")
    asked(Caller())


def test_user_weakens_nothing_without_leave():
    for words in (("mode", "allow"), ("mode", "learn"), ("snooze", "allow")):
        refused = firewall.refusal(firewall.ctl_as, "alice", *words)
        assert refused.status == firewall.ACCESS_DENIED, refused
    bus.set_mode("lockdown")
    for words in (("mode", "ask"), ("mode", "deny"), ("snooze", "deny"), ("snooze", "allow")):
        refused = firewall.refusal(firewall.ctl_as, "alice", *words)
        assert refused.status == firewall.ACCESS_DENIED, refused
    assert bus.mode() == {"mode": "lockdown"}


def test_what_cannot_be_set_is_named():
    for words in (("lockdown", "--for", "1h"), ("learn", "--for", "31days"), ("on",)):
        refused = firewall.refusal(firewall.ctl, "mode", *words)
        assert refused.status == firewall.USAGE, refused
