"""A database that cannot be used is left alone: the firewall works on without, and says so."""

import hashlib
import shutil
import sqlite3
from contextlib import closing, contextmanager
from pathlib import Path

from harness import firewall
from harness.callers import OTHER_PROGRAM, PROGRAM, Caller
from harness.machine import do
from harness.marks import slow

ADDRESS, OTHER = "203.0.113.10", "203.0.113.11"
DATABASE = firewall.DATABASE
BACKUP = Path("/run/rules.db.backup")


def digest():
    return hashlib.sha256(DATABASE.read_bytes()).hexdigest()


@contextmanager
def stopped_with_one_rule():
    """The broker is stopped meanwhile; its database holds one rule and is put back in the end."""
    firewall.add_rule(PROGRAM, "allow", "--addr", OTHER)
    firewall.service("stop")
    with closing(sqlite3.connect(DATABASE)) as connection:
        # Everything in one file.
        connection.execute("PRAGMA journal_mode = DELETE")
    shutil.copy2(DATABASE, BACKUP)
    try:
        yield
    finally:
        firewall.service("stop")
        for file in DATABASE.parent.iterdir():
            file.unlink()
        shutil.copy2(BACKUP, DATABASE)
        firewall.service("start")


def works_without_changing_it(problem):
    """Starts the broker: it must say what the problem is, and change nothing."""
    before = digest()
    firewall.service("start")
    firewall.await_agent()
    said = firewall.status().store
    assert problem in said, said

    refused = firewall.refusal(firewall.add_rule, OTHER_PROGRAM, "allow")
    assert refused.status == firewall.FAILED, refused
    assert refused.error.name == "io.github.portreeve.Error.StoreUnavailable", refused
    assert problem in refused.error.message, refused

    caller = Caller()
    caller.start("connect", ADDRESS)
    firewall.decide(firewall.prompt(), "allow", "once")
    assert caller.result().errno is None
    # An answer that cannot be kept still counts for those who wait.
    caller.start("connect", ADDRESS)
    refused = firewall.refusal(firewall.decide, firewall.prompt(), "allow", "always")
    assert refused.status == firewall.FAILED, refused
    assert caller.result().errno is None
    caller.start("connect", ADDRESS)
    firewall.decide(firewall.prompt(), "deny", "process")
    assert caller.result().errno == "EPERM"

    firewall.service("stop")
    assert digest() == before, "the database was changed"


@slow(minutes=3)
def test_read_only_database_is_read_but_not_written():
    with stopped_with_one_rule():
        folder = DATABASE.parent
        do("mount", "-t", "tmpfs", "-o", "mode=0700", "tmpfs", str(folder))
        try:
            shutil.copy2(BACKUP, DATABASE)
            do("mount", "-o", "remount,ro", str(folder))
            firewall.service("start")
            assert Caller().call("connect", OTHER).errno is None, "its rule is not in force"
            works_without_changing_it("cannot write")
        finally:
            firewall.service("stop")
            do("umount", str(folder))


@slow(minutes=3)
def test_damaged_database_is_left_alone():
    with stopped_with_one_rule():
        with DATABASE.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * 2048)
        works_without_changing_it("database")
        # Neither a log nor a copy beside it.
        assert list(DATABASE.parent.glob(f"{DATABASE.name}*")) == [DATABASE]


@slow(minutes=3)
def test_file_that_is_no_database_is_left_alone():
    with stopped_with_one_rule():
        DATABASE.write_bytes(b"dear diary\n" * 1000)
        works_without_changing_it("database")


def test_who_has_chosen_to_be_asked_is_not_only_watched_for_want_of_a_database():
    with stopped_with_one_rule():
        DATABASE.write_bytes(b"dear diary\n" * 1000)
        settings = firewall.SETTINGS.read_text()
        # It is users who choose.
        firewall.SETTINGS.write_text("")
        try:
            firewall.service("start")
            firewall.await_agent()
            state = firewall.ctl("mode")
            assert (state.mode, state.undecided) == ("ask", False), state
            caller = Caller()
            caller.start("connect", ADDRESS)
            firewall.decide(firewall.prompt_of_next(), "deny")
            assert caller.result().errno == "EPERM"
        finally:
            firewall.SETTINGS.write_text(settings)


@slow(minutes=3)
def test_database_of_a_newer_version_is_left_alone():
    with stopped_with_one_rule():
        with closing(sqlite3.connect(DATABASE)) as connection:
            connection.execute("PRAGMA user_version = 99")
        works_without_changing_it("99")


def test_missing_database_is_made_anew():
    with stopped_with_one_rule():
        DATABASE.unlink()
        firewall.service("start")
        assert firewall.status().store == "ok"
        assert firewall.rules() == []
        rule = firewall.add_rule(PROGRAM, "allow")
        assert [it.id for it in firewall.rules()] == [rule]
