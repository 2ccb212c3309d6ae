"""Administrators' rules are in files, stand above those of users, and count as soon as a file is saved."""

from harness import firewall
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.wait import until

ADDRESS, OTHER = "203.0.113.10", "203.0.113.11"


def rule(action, address, program="any", **more):
    words = {"program": program, "network": address, "action": action} | more
    lines = [f'{key} = "{word}"' for key, word in words.items()]
    return "\n".join(["[[rule]]", 'operations = ["connect"]', *lines, ""])


def write(text, name="10-lab.toml"):
    """Writes a file of rules; the broker reads it a moment later."""
    firewall.RULES.mkdir(parents=True, exist_ok=True)
    (firewall.RULES / name).write_text(text)


def above(user="alice"):
    return [it for it in firewall.ctl("rules", "list", user=user) if it.origin == "administrator"]


def await_rules(count, user="alice"):
    until(lambda: len(above(user)) == count, f"{count} administrators' rules")


def test_they_stand_above_rules_of_users():
    caller = Caller()
    firewall.add_rule(PROGRAM, "allow", "--addr", ADDRESS, "--port", "80", "--protocol", "tcp")
    assert caller.call("connect", ADDRESS).errno is None
    write(rule("deny", ADDRESS, errno="ECONNREFUSED"))
    await_rules(1)
    # What the kernel remembered is void.
    assert caller.call("connect", ADDRESS).errno == "ECONNREFUSED"
    assert Caller(program=OTHER_PROGRAM).call("connect", ADDRESS).errno == "ECONNREFUSED"
    told = firewall.ctl("test", "--app", PROGRAM, "--addr", ADDRESS, "--port", 80)
    assert (told.outcome, told.rules[1].weaker_by) == ("deny", "administrator"), told
    [mine] = above()
    refused = firewall.refusal(firewall.remove_rule, mine.id)
    assert refused.status == firewall.ACCESS_DENIED, refused
    (firewall.RULES / "10-lab.toml").unlink()
    await_rules(0)
    assert caller.call("connect", ADDRESS).errno is None


def test_they_may_be_for_some_users():
    write(rule("deny", ADDRESS) + 'users = ["bob"]\n')
    await_rules(1, "bob")
    assert above("alice") == []
    assert Caller(user="bob").call("connect", ADDRESS).errno == "EPERM"
    caller = Caller()
    caller.start("connect", ADDRESS)
    firewall.decide(firewall.prompt(), "allow")
    assert caller.result().errno is None


def test_they_are_there_before_anybody_is_judged():
    write(rule("deny", ADDRESS))
    await_rules(1)
    caller = Caller()
    firewall.service("restart")
    assert caller.call("connect", ADDRESS).errno == "EPERM"


def test_slip_is_named_and_opens_nothing():
    write(rule("deny", ADDRESS) + rule("deny", OTHER))
    await_rules(2)
    write(rule("deny", ADDRESS) + rule("perhaps", OTHER))
    until(lambda: firewall.status().administrators != "ok", "the problem")
    problem = firewall.status().administrators
    assert "10-lab.toml:6: cannot read action “perhaps”" in problem, problem
    assert Caller().call("connect", OTHER).errno == "EPERM"
    assert firewall.doctor()["administrators"].ok is False
    write(rule("deny", ADDRESS))
    await_rules(1)
    assert firewall.status().administrators == "ok"


def test_file_that_others_can_write_is_not_trusted():
    write(rule("allow", ADDRESS), "20-open.toml")
    await_rules(1)
    (firewall.RULES / "20-open.toml").chmod(0o666)
    # Its rules stay as they were when it could be trusted.
    until(lambda: "cannot trust" in firewall.status().administrators, "the problem")
    firewall.service("restart")
    until(firewall.is_up, "the broker")
    assert above() == []
