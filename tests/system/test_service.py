"""The broker as a service: what its confinement must not break, and what it says when it stops."""

import shutil
import subprocess
import time
from pathlib import Path

from harness import firewall
from harness.callers import PROGRAM, Caller
from harness.machine import do
from harness.marks import slow
from harness.wait import until

ADDRESS = "203.0.113.10"
# By systemd 257, of at most 100.
EXPOSURE = 33
# So many that the next breath often begins while the broker stops.
HELD = 100


GROUP = Path("/sys/fs/cgroup/system.slice") / firewall.SERVICE
# A label and what leads to it take 400 bytes or so: sockets of which 4 MB would be charged, if they were.
SOCKETS, CHARGED = 10_000, 500_000
MANY_SOCKETS = f"""
import resource, socket, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({SOCKETS} + 100, {SOCKETS} + 100))
kept = [socket.socket(type=socket.SOCK_DGRAM) for _ in range({SOCKETS})]
print("made", flush=True)
sys.stdin.read()
"""


def kernel_memory():
    """What of the kernel's memory the service is charged for, bytes."""
    lines = (GROUP / "memory.stat").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("kernel "))


@slow(minutes=3)
def test_labels_of_sockets_are_not_charged_to_the_service():
    # To change between two groups with each socket costs more than the label.
    firewall.service("stop")
    firewall.service("start")
    until(firewall.is_up, "the broker")
    before = kernel_memory()
    with subprocess.Popen(
        ["as-user", "alice", "python3", "-c", MANY_SOCKETS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout.readline() == b"made\n"
        charged = kernel_memory() - before
        process.stdin.close()
    assert charged < CHARGED, charged


def errors(since):
    """What the broker has said in the journal, of errors and worse."""
    do("journalctl", "--sync")
    words = ("--quiet", "--output=cat", "--priority=err", f"--since=@{since:.0f}")
    return do("journalctl", f"--unit={firewall.SERVICE}", *words)


@slow(minutes=3)
def test_stopping_leaves_no_error_in_the_journal():
    for _ in range(3):
        held = Caller()
        held.start("in_processes", ADDRESS, count=HELD)
        firewall.prompt(held=HELD)
        since = time.time()
        firewall.service("stop")
        results = held.result().each
        assert [result.errno for result in results] == ["EPERM"] * HELD, results
        assert errors(since) == ""
        # The journal is searched by whole seconds: what comes next must not be in this one.
        until(lambda: time.time() > int(since) + 1, "the next second")
        firewall.service("start")
        until(firewall.is_up, "the broker")


def test_service_is_exposed_no_more_than_its_work_needs():
    # What is left it has for loading programs, reading other processes' files and serving FUSE, as root.
    unit = f"/usr/lib/systemd/system/{firewall.SERVICE}"
    do("systemd-analyze", "security", "--offline=true", "--no-pager", f"--threshold={EXPOSURE}", unit)


def test_programs_in_temporary_folders_are_known_by_their_paths():
    for folder in ("/tmp", "/var/tmp", "/home/alice"):
        program = Path(folder, "lab-caller")
        shutil.copy(PROGRAM, program)
        try:
            caller = Caller(program=program)
            caller.start("connect", ADDRESS)
            question = firewall.prompt()
            subject = question.subject
            assert subject.verified and subject.path == str(program), question
            rule = firewall.decide(question, "allow", "always")
            assert caller.result().errno is None
            assert [it.program for it in firewall.rules() if it.id == rule] == [str(program)]
            # Another process of it is not asked again.
            assert Caller(program=program).call("connect", ADDRESS).errno is None
            firewall.no_prompt()
        finally:
            program.unlink()
