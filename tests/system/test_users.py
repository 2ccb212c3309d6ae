"""What is alice's is nobody else's: not seen, not answered, not changed."""

import shutil
from pathlib import Path

from harness import firewall
from harness.callers import PROGRAM, Caller
from harness.machine import do

ADDRESS = "203.0.113.10"


def alices_question():
    caller = Caller()
    caller.start("connect", ADDRESS)
    return caller, firewall.prompt()


def test_bob_does_not_see_alices_prompts():
    _, question = alices_question()
    assert firewall.ctl_as("bob", "pending") == []
    refused = firewall.refusal(firewall.ctl_as, "bob", "--user", "alice", "pending")
    assert refused.status == firewall.ACCESS_DENIED, refused
    assert firewall.ctl_as("bob", "status").prompts == 0
    assert [it.id for it in firewall.ctl_as("alice", "pending")] == [question.id]


def test_bob_cannot_answer_alices_prompts():
    caller, question = alices_question()
    refused = firewall.refusal(firewall.ctl_as, "bob", "decide", question.id, "allow")
    assert refused.status == firewall.NOT_FOUND, refused
    # Past what the command line looks up, straight to the broker.
    words = ("--revision", question.revision, "--scope", "host")
    refused = firewall.refusal(firewall.ctl_as, "bob", "decide", question.id, "allow", *words)
    assert refused.status in (firewall.ACCESS_DENIED, firewall.NOT_FOUND), refused
    assert caller.is_calling()
    assert firewall.prompt().revision == question.revision


def test_bob_cannot_tell_alices_prompt_from_none():
    _, question = alices_question()
    words = ("allow", "--revision", question.revision, "--scope", "host")
    hers = firewall.refusal(firewall.ctl_as, "bob", "decide", question.id, *words)
    none = firewall.refusal(firewall.ctl_as, "bob", "decide", question.id - 1, *words)
    assert (hers.status, hers.error.name) == (none.status, none.error.name), (hers, none)


def test_bob_does_not_see_or_change_alices_rules():
    rule = firewall.add_rule(PROGRAM, "deny")
    assert rule not in [it.id for it in firewall.ctl_as("bob", "rules", "list")]
    for words in (
        ("--user", "alice", "rules", "list"),
        ("--user", "alice", "rules", "remove", rule),
        ("rules", "remove", rule),
        ("rules", "disable", rule),
    ):
        refused = firewall.refusal(firewall.ctl_as, "bob", *words)
        assert refused.status in (firewall.ACCESS_DENIED, firewall.NOT_FOUND), (words, refused)
    assert [(it.id, it.enabled) for it in firewall.rules()] == [(rule, True)]


def test_rules_of_one_user_are_not_anothers():
    firewall.add_rule(PROGRAM, "allow", user="bob")
    assert Caller("bob").call("connect", ADDRESS).errno is None
    alices_question()
    assert firewall.pending("bob") == []


def test_bobs_calls_are_bobs_to_answer():
    caller = Caller("bob")
    caller.start("connect", ADDRESS)
    question = firewall.prompt(user="bob")
    assert firewall.pending("alice") == []
    firewall.decide(question, "deny", "always", user="bob")
    assert caller.result().errno == "EPERM"
    assert firewall.rules("alice") == []
    assert len(firewall.rules("bob")) == 1


def test_removing_as_the_wrong_user_finds_nothing():
    rule = firewall.add_rule(PROGRAM, "deny")
    refused = firewall.refusal(firewall.remove_rule, rule, user="bob")
    assert refused.status == firewall.NOT_FOUND, refused
    assert [it.id for it in firewall.rules()] == [rule]


def test_lent_users_are_guarded_as_the_one_they_are_lent_to():
    caller = Caller()
    assert caller.call("enter_user_namespace").errno is None
    # What newuidmap(1) does for rootless containers, with a range out of the guarded one.
    for kind in ("uid", "gid"):
        Path(f"/proc/{caller.pid}/{kind}_map").write_text("0 100000 65536")
    caller.call("become", uid=33)
    assert "Uid:\t100033" in Path(f"/proc/{caller.pid}/status").read_text()
    caller.start("connect", ADDRESS)
    question = firewall.prompt(user="alice")
    assert (question.uid, question.subject.path) == (1000, PROGRAM), question
    firewall.decide(question, "deny")
    assert caller.result().errno == "EPERM"


def test_program_on_an_overlay_is_known_by_its_path():
    lower, merged = Path("/var/tmp/lower"), Path("/mnt/merged")
    for folder in (lower, merged):
        folder.mkdir(exist_ok=True)
    program = merged / "caller"
    shutil.copy(PROGRAM, lower / "caller")
    # One layer on the disk and one not, so that the files' devices are made up.
    for folder in ("upper", "work"):
        Path("/dev/shm", folder).mkdir(exist_ok=True)
    layers = f"lowerdir={lower},upperdir=/dev/shm/upper,workdir=/dev/shm/work"
    do("mount", "-t", "overlay", "-o", layers, "overlay", str(merged))
    try:
        caller = Caller(program=str(program))
        caller.start("connect", ADDRESS)
        question = firewall.prompt()
        subject = question.subject
        assert subject.verified and subject.path == str(program), question
        firewall.decide(question, "allow", "always")
        assert caller.result().errno is None
        caller.kill()
    finally:
        do("umount", "--lazy", str(merged))
