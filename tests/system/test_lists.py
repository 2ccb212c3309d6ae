"""Lists of names and addresses are one thing, however long: denied by name, below a name and by address, and replaced."""

import contextlib
import tempfile
from pathlib import Path

from harness import firewall
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.marks import slow
from harness.nameserver import NameServer, asked_by_all
from harness.wait import until

ADS, BELOW, GOOD = "ads.lists.example", "x.ads.lists.example", "good.lists.example"
ADDRESS, OTHER, THIRD = "203.0.113.10", "203.0.113.11", "203.0.113.13"
MANY = 100_000
# Bytes of memory that so many names may take, whatever is meanwhile.
ROOM = 24 << 20


@contextlib.contextmanager
def file(*entries, many=0, name="ads.txt"):
    """A list with these entries and so many more."""
    with tempfile.TemporaryDirectory() as path:
        Path(path).chmod(0o755)
        lines = [f"tracker-{number}.lists.test" for number in range(many)]
        (Path(path) / name).write_text("\n".join([*entries, *lines, ""]))
        yield Path(path) / name


@contextlib.contextmanager
def names():
    """A name server that knows where the names of these tests lead."""
    with NameServer() as server, asked_by_all():
        server.says(ADS, ADDRESS)
        server.says(BELOW, OTHER)
        server.says(GOOD, THIRD)
        yield


def told(caller, name=None, address=None):
    """What becomes of a connection about which nobody is asked: the errno."""
    if name is not None:
        [address] = caller.call("names.look_up", name=name, family=4).addresses
    errno = caller.call("connect", address).errno
    assert firewall.pending() == []
    return errno


def memory():
    """Bytes that the broker has in memory of its own."""
    status = Path(f"/proc/{firewall.main_pid()}/status").read_text()
    [line] = [line for line in status.splitlines() if line.startswith("RssAnon")]
    return int(line.split()[1]) << 10


@slow(minutes=3)
def test_long_list_is_denied_to_any_program_by_name_and_by_address():
    firewall.add_rule(PROGRAM, "allow")
    before = memory()
    with file(ADS, many=MANY) as path:
        taken = firewall.ctl("rules", "import", path, "--yes")
    assert [(it.name, it.entries) for it in taken.lists] == [("ads", MANY + 1)], taken.lists
    [only] = [it for it in firewall.rules() if it.destination == "list"]
    assert (only.program, only.list, only.entries, only.action) == (None, "ads", MANY + 1, "deny"), only
    assert memory() - before < ROOM, (before, memory())
    with names():
        caller, other = Caller(), Caller(program=OTHER_PROGRAM)
        assert told(caller, ADS) == "EPERM"
        assert told(other, ADS) == "EPERM"
        assert told(caller, BELOW) == "EPERM"
        assert told(caller, GOOD) is None
        # What is named stands above it.
        rule = firewall.add_rule(PROGRAM, "allow", "--host", ADS)
        assert told(caller, ADS) is None
        firewall.remove_rule(rule)
        # Another broker has it too.
        firewall.service("restart")
        assert told(Caller(), BELOW) == "EPERM"
    [kept] = firewall.ctl("lists", "list")
    assert (kept.name, kept.entries) == ("ads", MANY + 1), kept
    firewall.ctl("rules", "undo", taken.change)
    assert firewall.ctl("lists", "list") == []
    assert [it.action for it in firewall.rules()] == ["allow"]


def test_connection_is_judged_anew_when_its_list_is_another():
    with file("192.0.2.0/24", name="bad.txt") as path:
        firewall.ctl("rules", "import", path, "--yes", "--app", PROGRAM)
    firewall.add_rule(PROGRAM, "allow")
    caller = Caller()
    mine = caller.call("kept.keep", ADDRESS, kind="udp").descriptor
    assert caller.call("kept.send", descriptor=mine).errno is None
    with file(ADDRESS, OTHER) as path:
        put = firewall.ctl("lists", "put", "bad", path)
    assert caller.call("kept.send", descriptor=mine).errno == "EPERM"
    assert told(caller, address=OTHER) == "EPERM"
    assert told(caller, address=THIRD) is None
    firewall.ctl("rules", "undo", put.change)
    assert caller.call("kept.send", descriptor=mine).errno is None
    # What a rule is about stays.
    refused = firewall.refusal(firewall.ctl, "lists", "remove", "bad")
    assert refused.status == firewall.USAGE, refused


def test_administrators_list_counts_as_soon_as_it_is_saved():
    firewall.LISTS.mkdir(parents=True, exist_ok=True)
    listed = firewall.LISTS / "lab.txt"
    listed.write_text(f"{OTHER}\n")
    rule = f'[[rule]]\nprogram = "any"\noperations = ["connect"]\nlist = "{listed}"\naction = "deny"\n'
    firewall.RULES.mkdir(parents=True, exist_ok=True)
    (firewall.RULES / "10-lists.toml").write_text(rule)

    def above():
        return [it.entries for it in firewall.ctl("rules", "list") if it.origin == "administrator"]

    until(lambda: above() == [1], "the rule")
    firewall.add_rule(PROGRAM, "allow", "--addr", OTHER)
    firewall.add_rule(PROGRAM, "allow")
    caller = Caller()
    assert (told(caller, address=OTHER), told(caller, address=THIRD)) == ("EPERM", None)
    listed.write_text(f"{OTHER}\n{THIRD}\n")
    until(lambda: above() == [2], "the list")
    assert told(caller, address=THIRD) == "EPERM"
    # A slip is named, and opens nothing.
    listed.write_text(f"{OTHER}\nnot a name\n")
    until(lambda: "lab.txt:2" in firewall.status().administrators, "the mistake")
    assert told(caller, address=THIRD) == "EPERM"
