"""Programs of users that make socket calls: see caller.py."""

import json
import os
import queue
import shutil
import signal
import subprocess
import threading
from pathlib import Path
from types import SimpleNamespace

from harness.machine import do
from harness.wait import Late

SCRIPT = Path("/usr/local/lib/lab/caller.py")
# Programs of their own, so that no rule or prompt about them is about anything else.
PROGRAM = "/usr/local/bin/caller"
OTHER_PROGRAM = "/usr/local/bin/other-caller"

PATIENCE = 30  # seconds
_running = []


def install():
    """Puts the programs in place: copies of Python, whose paths rules can name."""
    tests = Path(__file__).parent.parent
    shutil.copyfile(tests / "caller.py", SCRIPT)
    shutil.copytree(
        tests / "calls", SCRIPT.parent / "calls", dirs_exist_ok=True, copy_function=shutil.copyfile
    )
    do("chmod", "-R", "go=rX", SCRIPT.parent)
    for program in (PROGRAM, OTHER_PROGRAM):
        shutil.copy(Path("/usr/bin/python3").resolve(), program)


def end_all():
    """Ends every caller."""
    while _running:
        _running.pop().kill()


class Ended(Exception):
    """A program has ended that was to make a call: nothing that a test could expect."""


class Caller:
    """A running program, started by way of the commands `outside` as root, `inside` as the user."""

    def __init__(self, user="alice", program=PROGRAM, outside=(), inside=()):
        around = [] if user == "root" else ["as-user", user]
        self._process = subprocess.Popen(
            [*outside, *around, *inside, program, "-IS", SCRIPT],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        _running.append(self)
        self._results = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.pid = self._next(PATIENCE).ready

    def _listen(self):
        for line in self._process.stdout:
            self._results.put(json.loads(line, object_hook=lambda it: SimpleNamespace(**it)))
        self._results.put(None)

    def _next(self, seconds):
        try:
            result = self._results.get(timeout=seconds)
        except queue.Empty:
            raise Late(f"the call has not ended in {seconds} s") from None
        if result is None:
            raise Ended("the caller has ended")
        return result

    def start(self, call, *address, **options):
        """Starts a call; `result` gives how it went."""
        if address:
            options["address"] = address[0]
        print(json.dumps({"call": call, **options}), file=self._process.stdin, flush=True)

    def result(self, seconds=PATIENCE):
        """How the call that was started has gone."""
        return self._next(seconds)

    def call(self, call, *address, **options):
        """Makes a call and waits for its end."""
        self.start(call, *address, **options)
        return self.result()

    def call_for(self, seconds, call, *address, **options):
        """The same, for a call that may take longer."""
        self.start(call, *address, **options)
        return self.result(seconds)

    def is_calling(self):
        """Whether a call that was started has not ended yet."""
        return self._results.empty() and self._process.poll() is None

    def signal(self, number):
        os.kill(self.pid, number)

    def end(self, seconds):
        """The exit status of the program, which is about to end by itself."""
        return self._process.wait(timeout=seconds)

    def kill(self):
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
        self._process.stdin.close()
        self._process.wait(timeout=PATIENCE)
