"""What runs from an AppImage is the AppImage: its file, wherever that is mounted, and nothing else is.

The images here serve themselves as real ones do, by libfuse and fusermount3: squashfuse is the runtime, with the
mark of AppImages in its head and the file system behind it.
"""

import contextlib
import itertools
import os
import shutil
import subprocess
from pathlib import Path

from harness import firewall
from harness.callers import PROGRAM, Caller
from harness.confined import ADDRESS, ELSEWHERE
from harness.machine import do
from harness.marks import slow

HOME = Path("/home/alice")
SERVER = Path("/usr/bin/squashfuse_ll")
PYTHON = Path("/usr/bin/python3").resolve().name
HEAD = 8  # where the mark is: behind what identifies ELF
BLOCK = 4096  # bytes

_numbers = itertools.count()


@contextlib.contextmanager
def image(path=HOME / "Tool.AppImage", owner="alice", more=b""):
    """An AppImage with a tool, a helper and an interpreter in it."""
    write(path, owner, more)
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def write(path, owner="alice", more=b""):
    """Puts an AppImage at a path, in the place of what is there."""
    server = SERVER.read_bytes()
    server = server[:HEAD] + b"AI\x02" + server[HEAD + 3 :]
    server += bytes(-len(server) % BLOCK)
    new = path.with_suffix(".new")
    new.write_bytes(server + file_system() + more)
    new.chmod(0o755)
    do("chown", f"{owner}:", new)
    new.rename(path)


def file_system():
    """What is in an image."""
    directory = Path("/tmp/appdir")
    packed = Path("/tmp/appdir.squashfs")
    if not packed.exists():
        directory.mkdir()
        for name in ("tool", "helper", PYTHON):
            shutil.copy(PROGRAM, directory / name)
        do("mksquashfs", directory, packed, "-quiet", "-no-progress", "-all-root", "-comp", "gzip")
        shutil.rmtree(directory)
    return packed.read_bytes()


def offset():
    """Where that begins in an image."""
    size = SERVER.stat().st_size
    return size + -size % BLOCK


@contextlib.contextmanager
def mounted(what, server=None, user="alice"):
    """Has a user mount an image, which serves itself or has another serve it; where."""
    place = Path(f"/tmp/.mount_Tool{next(_numbers)}")
    place.mkdir()
    do("chown", f"{user}:", place)
    do("as-user", user, server or what, "-o", f"ro,offset={offset()}", what, place)
    try:
        yield place
    finally:
        do("as-user", user, "fusermount3", "-uz", place)
        place.rmdir()


def may(caller, address=ADDRESS):
    assert caller.call("connect", address).errno is None


def may_not(caller, address=ADDRESS):
    assert caller.call("connect", address).errno == "EPERM"


def asked(program):
    """A new process of a program that waits for an answer, and the question."""
    caller = Caller(program=program)
    caller.start("connect", ADDRESS)
    return caller, firewall.prompt()


def answer(question, caller, action, lifespan="once"):
    firewall.decide(question, action, lifespan, "any")
    assert (caller.result().errno is None) == (action == "allow")
    firewall.no_prompt()


def is_asked_about_by_itself(program):
    """A program that runs from a file of its own, of which nothing is known for longer than it runs."""
    caller, question = asked(program)
    assert question.lifespans == ["once", "process"], question
    answer(question, caller, "deny")
    return question.subject


def test_answer_for_an_image_counts_wherever_it_is_mounted():
    with image() as file:
        with mounted(file) as place:
            caller, question = asked(place / "tool")
            assert question.subject.path == str(file), question
            assert question.subject.name == file.name, question
            assert question.subject.sha256 == do("sha256sum", file).split()[0], question
            assert question.subject.alterations == [], question
            answer(question, caller, "allow", "always")
            (rule,) = firewall.rules()
            assert rule.program == str(file), rule
            may(Caller(program=place / "tool"))
            may(Caller(program=place / "helper"), ELSEWHERE)
        with mounted(file) as other:
            assert other != place
            may(Caller(program=other / "tool"))
            firewall.remove_rule(rule.id)
            firewall.add_rule(str(file), "deny")
            may_not(Caller(program=other / "tool"))
        assert firewall.pending() == []


@slow(minutes=3)
def test_another_image_at_the_same_path_is_asked_about():
    with image() as file:
        with mounted(file) as place:
            caller, question = asked(place / "tool")
            answer(question, caller, "allow", "always")
        write(file, more=b"another")
        with mounted(file) as place:
            caller, question = asked(place / "tool")
            assert question.subject.alterations == ["changed"], question
            answer(question, caller, "deny")


@slow(minutes=3)
def test_same_files_served_by_another_program_are_not_the_image():
    with image() as file:
        firewall.add_rule(str(file), "allow")
        with mounted(file) as place:
            may(Caller(program=place / "tool"))
        # Its device may be that of the one before.
        with mounted(file, SERVER) as place:
            subject = is_asked_about_by_itself(place / "tool")
            assert subject.path == str(place / "tool"), subject
        with image(HOME / "Other.AppImage") as other, mounted(file, other) as place:
            caller, question = asked(place / "tool")
            assert question.subject.path == str(other), question
            answer(question, caller, "deny")


def test_image_that_another_user_has_mounted_is_not_this_users():
    with image(Path("/opt/Tool.AppImage"), "root") as file:
        firewall.add_rule(str(file), "allow")
        with mounted(file) as place:
            may(Caller(program=place / "tool"))
        with mounted(file, user="bob") as place:
            caller = Caller("bob", program=place / "tool")
            caller.start("connect", ADDRESS)
            question = firewall.prompt(user="bob")
            assert question.subject.path == str(file), question
            firewall.decide(question, "deny", "once", "any", user="bob")
            assert caller.result().errno == "EPERM"


def test_image_of_roots_has_no_digest():
    with image(Path("/opt/Tool.AppImage"), "root") as file, mounted(file) as place:
        caller, question = asked(place / "tool")
        assert question.subject.path == str(file), question
        assert question.subject.sha256 is None, question
        answer(question, caller, "allow", "always")
        may(Caller(program=place / "tool"))


def test_image_without_a_mount_helper_is_known_too():
    with image() as file:
        firewall.add_rule(str(file), "allow")
        serve = f'{file} -o ro,offset={offset()} {file} /mnt && exec "$@"'
        own = ("unshare", "-Urm", "--propagation=private", "sh", "-c", serve, "sh")
        may(Caller(program="/mnt/tool", inside=own))
        serve = serve.replace(str(file), str(SERVER), 1)
        own = (*own[:-2], serve, "sh")
        caller = Caller(program="/mnt/tool", inside=own)
        caller.start("connect", ADDRESS)
        question = firewall.prompt()
        assert question.lifespans == ["once", "process"], question
        answer(question, caller, "deny")


def test_interpreter_in_an_image_is_asked_about_by_itself():
    with image() as file, mounted(file) as place:
        firewall.add_rule(str(file), "allow")
        may(Caller(program=place / "tool"))
        is_asked_about_by_itself(place / PYTHON)


def test_image_that_is_not_where_it_was_names_nothing():
    with image() as file, mounted(file) as place:
        firewall.add_rule(str(file), "allow")
        may(Caller(program=place / "tool"))
        file.rename(HOME / "Moved.AppImage")
        is_asked_about_by_itself(place / "tool")
        (HOME / "Moved.AppImage").rename(file)
        may(Caller(program=place / "tool"))


@slow(minutes=3)
def test_image_is_known_to_the_next_broker():
    with image() as file, mounted(file) as place:
        firewall.add_rule(str(file), "allow")
        firewall.service("restart")
        may(Caller(program=place / "tool"))
        firewall.service("kill")
        may(Caller(program=place / "helper"))


MOUNTS = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
kept = []
for number in range({count}):
    device = os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={{device}},rootmode=40000,user_id=0,group_id=0".encode()
    if libc.mount(b"x", b"/mnt", b"fuse", 0, options) < 0:
        raise OSError(ctypes.get_errno(), "mount")
    os.close(device)
    if {keep}:
        continue
    if libc.umount2(b"/mnt", 2) < 0:
        raise OSError(ctypes.get_errno(), "umount2")
print("done", flush=True)
import sys
sys.stdin.read()
"""
# More than one user can have notes of.
MANY = 1100


@contextlib.contextmanager
def many_mounts(user, keep):
    """A process of a user's that has mounted many file systems of its own, and still has them or not."""
    own = ("unshare", "-Urm", "--propagation=private", "python3", "-c")
    process = subprocess.Popen(
        ["as-user", user, *own, MOUNTS.format(count=MANY, keep=keep)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout.readline() == b"done\n"
        yield
    finally:
        process.stdin.close()
        process.stdout.close()
        process.wait(timeout=60)


@slow(minutes=3)
def test_notes_of_file_systems_end_with_them():
    with image() as file:
        firewall.add_rule(str(file), "allow")
        with many_mounts("alice", keep=False), mounted(file) as place:
            may(Caller(program=place / "tool"))
        assert "mounters-lost" not in firewall.failures()


@slow(minutes=3)
def test_many_mounts_of_one_user_are_no_others_affair():
    with image() as file:
        firewall.add_rule(str(file), "allow")
        with many_mounts("bob", keep=True), mounted(file) as place:
            assert firewall.failures()["mounters-lost"] > 0
            may(Caller(program=place / "tool"))
        with many_mounts("alice", keep=True), mounted(file) as place:
            is_asked_about_by_itself(place / "tool")
        with mounted(file) as place:
            may(Caller(program=place / "tool"))


@slow(minutes=3)
def test_nothing_but_the_file_is_opened_at_an_images_path():
    """Whatever its user has put there in the meantime."""
    with image() as file:
        firewall.add_rule(str(file), "allow")
        moved = HOME / "Moved.AppImage"
        with mounted(file) as place:
            may(Caller(program=place / "tool"))
            file.rename(moved)
            for make in (os.mkfifo, lambda path: path.symlink_to("/dev/tty"), Path.mkdir):
                make(file)
                is_asked_about_by_itself(place / "tool")
                file.rmdir() if file.is_dir() else file.unlink()
            moved.rename(file)
            may(Caller(program=place / "tool"))
