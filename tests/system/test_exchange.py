"""Rules of other firewalls: what was taken holds in the kernel, goes to a file and comes back, and is taken back."""

import contextlib
import json
import tempfile
from pathlib import Path

from harness import firewall
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller

ADDRESS, OTHER, THIRD = "203.0.113.10", "203.0.113.11", "203.0.113.12"
# What the machine's /etc/hosts calls the first.
HOST = "server.example"


def condition(operand, data, kind="simple"):
    return {"type": kind, "operand": operand, "data": data, "sensitive": False, "list": None}


def rule(name, action, *conditions, program=PROGRAM, **more):
    """A rule as OpenSnitch keeps it."""
    conditions = [condition("process.path", program), *conditions]
    operator = {"type": "list", "operand": "list", "data": "", "sensitive": False, "list": conditions}
    return {"name": name, "action": action, "duration": "always", "enabled": True, "operator": operator} | more


@contextlib.contextmanager
def directory(*rules):
    """A directory of OpenSnitch's rules, which everybody can read."""
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o755)
        for it in rules:
            (Path(path) / f"{it['name']}.json").write_text(json.dumps(it))
        yield path


def take(path, *more):
    return firewall.ctl("rules", "import", path, "--yes", *more)


def contents():
    """The user's rules, but for what the broker gives them."""
    rules = [vars(it) for it in firewall.rules()]
    own = ("id", "created", "origin")
    return sorted(json.dumps({key: it[key] for key in it if key not in own}) for it in rules)


def is_asked(caller, address, port=80):
    """Whether the user is asked about a connection."""
    caller.start("connect", address, port=port)
    firewall.decide(firewall.prompt(), "deny")
    return caller.result().errno == "EPERM"


NETWORK = condition("dest.network", "203.0.113.0/24", "network")
PORTS = condition("dest.port", "^(80|8000)$", "regexp")
RULES = (
    rule("000-reject-other", "reject", condition("dest.ip", OTHER)),
    rule("allow-network", "allow", NETWORK, PORTS),
    rule("deny-third", "deny", condition("dest.ip", THIRD), enabled=False),
    rule("command", "allow", condition("process.command", "caller -x"), program=OTHER_PROGRAM),
)


def test_rules_of_opensnitch_hold_in_the_kernel():
    with directory(*RULES) as path:
        taken = take(path)
    assert (taken.format, len(taken.ids), taken.refused) == ("opensnitch", 4, []), taken
    assert {it.origin for it in firewall.rules()} == {"import"}
    off = {it.source for it in taken.add if it.off}
    assert off == {"deny-third", "command"}, taken.add
    [command] = [it for it in firewall.rules() if it.program == OTHER_PROGRAM]
    assert not command.enabled and "command line" in command.note, command
    caller = Caller()
    assert caller.call("connect", ADDRESS).errno is None
    assert caller.call("connect", OTHER).errno == "ECONNREFUSED"
    assert caller.call("connect", THIRD).errno is None
    assert is_asked(caller, ADDRESS, 81)
    assert is_asked(Caller(program=OTHER_PROGRAM), ADDRESS)
    firewall.no_prompt()
    firewall.ctl("rules", "undo", taken.change)
    assert firewall.rules() == []
    assert is_asked(caller, OTHER)


def test_rules_go_to_a_file_and_come_back():
    firewall.add_rule(PROGRAM, "deny", "--domain", "shop.example", "--errno", "EHOSTUNREACH")
    firewall.add_rule(PROGRAM, "allow", "--place", "local-network", operation="listen")
    ends = firewall.add_rule(PROGRAM, "allow", "--addr", THIRD, "--for", "1h")
    with directory(*RULES) as path:
        take(path)
        file = Path(path) / "rules.out"
        written = firewall.ctl("rules", "export", file)
        assert written.rules == 6, written
        assert [it.id for it in written.left_out] == [ends], written
        firewall.remove_rule(ends)
        before = contents()
        # Whose file it is stays.
        refused = firewall.refusal(firewall.ctl, "rules", "export", file)
        assert refused.status == firewall.FAILED, refused
        firewall.ctl("rules", "remove", *[it.id for it in firewall.rules()])
        assert firewall.rules() == []
        taken = take(file)
        assert (len(taken.ids), taken.warnings) == (6, []), taken
        assert contents() == before
        again = firewall.ctl("rules", "import", file, "--dry-run")
        assert (again.add, len(again.same), again.change) == ([], 6, None), again
    assert Caller().call("connect", OTHER).errno == "ECONNREFUSED"
    firewall.ctl("rules", "undo", taken.change)
    assert firewall.rules() == []


def test_replacing_is_one_change():
    kept = firewall.add_rule(PROGRAM, "deny", "--addr", OTHER, "--errno", "ECONNREFUSED")
    gone = firewall.add_rule(PROGRAM, "deny", "--addr", ADDRESS)
    with tempfile.TemporaryDirectory() as path:
        file = Path(path) / "rules.json"
        rules = [
            {"program": PROGRAM, "operations": ["connect"], "network": OTHER, "action": "deny", "errno": "ECONNREFUSED"},
            {"program": PROGRAM, "operations": ["connect"], "network": ADDRESS, "action": "allow"},
        ]
        file.write_text(json.dumps({"portreeve-rules": 1, "rules": rules}))
        taken = take(file, "--replace")
    assert (taken.remove, [it.id for it in taken.same], len(taken.ids)) == ([gone], [kept], 1), taken
    assert Caller().call("connect", ADDRESS).errno is None
    firewall.ctl("rules", "undo", taken.change)
    assert sorted(it.id for it in firewall.rules()) == [kept, gone]
    assert Caller().call("connect", ADDRESS).errno == "EPERM"


def test_what_was_denied_stays_denied():
    # There, whoever denies decides. Here the rule for the host would.
    exact = rule("1-allow-host", "allow", condition("dest.host", HOST))
    with directory(exact, rule("2-deny", "deny")) as path:
        taken = take(path)
    assert [it.source for it in taken.add if it.off] == ["1-allow-host"], taken
    assert Caller().call("connect", ADDRESS).errno == "EPERM"
    assert firewall.pending() == []


def test_list_of_domains_is_denied_to_one_program():
    with tempfile.TemporaryDirectory() as path:
        file = Path(path) / "hosts"
        file.write_text(f"127.0.0.1 localhost\n0.0.0.0 {HOST} www.{HOST}\n")
        taken = take(file, "--app", PROGRAM)
    [only] = firewall.rules()
    assert (only.destination, only.list, only.entries, only.action) == ("list", "hosts", 1, "deny"), only
    assert len(taken.warnings) == 1, taken
    assert Caller().call("connect", ADDRESS).errno == "EPERM"
    assert is_asked(Caller(program=OTHER_PROGRAM), ADDRESS)


def test_lists_of_opensnitch_are_taken_from_the_directory_that_is_named():
    block = rule("000-block", "deny", condition("lists.ips", "LISTS/ips", "lists"))
    block["operator"]["list"].pop(0)
    allow = rule("allow", "allow", condition("dest.port", "80"))
    with tempfile.TemporaryDirectory() as lists:
        Path(lists).chmod(0o755)
        (Path(lists) / "ips").mkdir()
        (Path(lists) / "ips" / "bad.txt").write_text(f"{OTHER}\n")
        block["operator"]["list"][0]["data"] = f"{lists}/ips"
        with directory(block, allow) as path:
            unread = firewall.ctl("rules", "import", path, "--dry-run")
            assert [it.enabled for it in unread.add] == [False], unread
            taken = take(path, "--lists", lists)
    assert [(it.program, it.enabled) for it in taken.add] == [("any", True), (PROGRAM, True)], taken
    caller = Caller()
    assert caller.call("connect", OTHER).errno == "EPERM"
    assert caller.call("connect", ADDRESS).errno is None
    assert Caller(program=OTHER_PROGRAM).call("connect", OTHER).errno == "EPERM"


def test_who_may_not_change_rules_may_not_import():
    with directory(*RULES) as path:
        looked = firewall.ctl_as("alice", "rules", "import", path, "--dry-run")
        assert len(looked.add) == 4, looked
        refused = firewall.refusal(firewall.ctl_as, "alice", "rules", "import", path, "--yes")
        assert refused.status == firewall.ACCESS_DENIED, refused
        # Nobody was asked, and nobody has said yes.
        refused = firewall.refusal(firewall.ctl, "rules", "import", path)
        assert refused.status == firewall.USAGE, refused
    assert firewall.rules() == []
