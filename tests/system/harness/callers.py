"""Programs of users that make socket calls: see caller.py."""

import compileall
import json
import os
import pwd
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
    # Their users cannot keep what they have compiled, and would do it again each time.
    compileall.compile_dir(SCRIPT.parent, quiet=1)
    do("chmod", "-R", "go=rX", SCRIPT.parent)
    for program in (PROGRAM, OTHER_PROGRAM):
        shutil.copy(Path("/usr/bin/python3").resolve(), program)


def end_all():
    """Ends every caller."""
    while _running:
        _running.pop().kill()


def _options(user):
    """How Popen starts a program as as-user does, which starts three others for it."""
    entry = pwd.getpwnam(user)
    runtime = f"/run/user/{entry.pw_uid}"
    environment = {
        "HOME": entry.pw_dir,
        "USER": user,
        "LOGNAME": user,
        "SHELL": "/bin/bash",
        "LANG": "C.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
    }
    if Path(runtime).exists():
        environment["XDG_RUNTIME_DIR"] = runtime
        environment["DBUS_SESSION_BUS_ADDRESS"] = f"unix:path={runtime}/bus"
    return {
        "user": entry.pw_uid,
        "group": entry.pw_gid,
        "extra_groups": os.getgrouplist(user, entry.pw_gid),
        "cwd": entry.pw_dir,
        "env": environment,
    }


def _into_session(pid, uid):
    """Makes a process part of the session of its user, if there is one."""
    for scope in Path(f"/sys/fs/cgroup/user.slice/user-{uid}.slice").glob("session-*.scope"):
        (scope / "cgroup.procs").write_text(str(pid))


class Ended(Exception):
    """A program has ended that was to make a call: nothing that a test could expect."""


class Caller:
    """A running program, started by way of the commands `outside` as root, `inside` as the user."""

    def __init__(self, user="alice", program=PROGRAM, outside=(), inside=()):
        words, run_as = [program, "-IS", SCRIPT], {}
        if inside or outside:
            around = [] if user == "root" else ["as-user", user]
            words = [*outside, *around, *inside, *words]
        elif user != "root":
            run_as = _options(user)
        self._process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **run_as
        )
        if run_as:
            _into_session(self._process.pid, run_as["user"])
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
