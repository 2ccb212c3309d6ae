"""The timed program, and its peer."""

import json
import shutil
import subprocess
from pathlib import Path

from harness.machine import PATIENCE
from harness.wait import until

BUILT = Path("/lab/portreeve-bench")
# A program of alice's, as far as rules are concerned, and one that is denied everything.
PROGRAM = "/usr/local/bin/bench"
DENIED_PROGRAM = "/usr/local/bin/denied-bench"
ORDERS = Path("/run/lab-bench.sock")


def bench(*words, program=PROGRAM):
    """What the program prints when alice runs it."""
    result = subprocess.run(
        ["as-alice", program, *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return result.stdout


def measure(operation, samples):
    """The median of an operation's time in nanoseconds."""
    return json.loads(bench("measure", operation, samples))["median"]


def check(program):
    """How the guarded calls of a program end, by operation."""
    return json.loads(bench("check", program=program))


class Peer:
    """The servers that the program talks to, while this is entered."""

    def __enter__(self):
        for program in (PROGRAM, DENIED_PROGRAM):
            shutil.copy(BUILT, program)
        command = ["ip", "netns", "exec", "peer", PROGRAM, "peer"]
        self._process = subprocess.Popen(command)
        until(ORDERS.exists, "the peer", PATIENCE)
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
