"""The firewalls that are compared: each is started and stopped, and looked at before it counts."""

import json
from pathlib import Path

from harness import firewall as portreeve
from harness.machine import do
from harness.wait import until
from program import DENIED_PROGRAM, PROGRAM, check

# Functions that something is attached to, and the beginnings of those that programs of ours are. They are detached
# one after another; systemd has programs at other hooks.
ATTACHED = Path("/sys/kernel/tracing/enabled_functions")
HOOKS = tuple(
    f"bpf_lsm_{name}"
    for name in ("bprm_", "file_mprotect", "mmap_file", "ptrace_", "sb_", "sock", "task_alloc", "task_prctl")
)
PATIENCE = 120  # seconds: emulated, and with one processor


def expect(what, denied):
    """Waits until the denied program's calls end so, and sees that the allowed one's succeed."""
    until(lambda: denied(check(DENIED_PROGRAM)), f"{what}: the denied program's calls", PATIENCE)
    ends = check(PROGRAM)
    assert set(ends.values()) == {"ok"}, f"{what}: the allowed program's calls end in {ends}"


class Nothing:
    """No firewall."""

    name = "none"

    def prepare(self):
        pass

    def start(self):
        pass

    def stop(self):
        pass

    def check(self):
        """Nothing may be denied, and no program be attached: else a firewall is still there.

        It takes the kernel a moment to detach them after a stop, and until then they cost something.
        """
        until(self._is_detached, "the programs to be detached", PATIENCE)
        expect(self.name, lambda ends: set(ends.values()) == {"ok"})

    @staticmethod
    def _is_detached():
        return not any(line.startswith(HOOKS) for line in ATTACHED.read_text().splitlines())


class Portreeve:
    """This firewall, with one rule for each of the programs."""

    name = "portreeve"
    OPERATIONS = ("create", "bind", "connect", "listen", "accept")

    def prepare(self):
        """Makes the rules. The broker runs since the machine has started."""
        until(portreeve.is_up, "the broker", PATIENCE)
        for program, action in ((PROGRAM, "allow"), (DENIED_PROGRAM, "deny")):
            operations = [word for name in self.OPERATIONS for word in ("--op", name)]
            rule = ("--app", program, *operations, "--action", action)
            portreeve.ctl("rules", "add", *rule)
        self.stop()

    def start(self):
        portreeve.service("start")

    def stop(self):
        portreeve.service("stop")

    def check(self):
        expect(self.name, lambda ends: "ok" not in ends.values())


class OpenSnitch:
    """Debian's package as it comes: decisions about packets, processes found by eBPF, whatever no
    rule is about allowed, no window."""

    name = "opensnitch"
    SERVICE = "opensnitch.service"
    RULES = Path("/etc/opensnitchd/rules")

    def prepare(self):
        """Makes the rules."""
        self.RULES.mkdir(parents=True, exist_ok=True)
        for program, action in ((PROGRAM, "allow"), (DENIED_PROGRAM, "deny")):
            name = f"{action}-bench"
            rule = {
                "created": "2025-01-01T00:00:00Z",
                "updated": "2025-01-01T00:00:00Z",
                "name": name,
                "enabled": True,
                "precedence": False,
                "action": action,
                "duration": "always",
                "operator": {
                    "type": "simple",
                    "operand": "process.path",
                    "sensitive": False,
                    "data": program,
                    "list": [],
                },
            }
            (self.RULES / f"{name}.json").write_text(json.dumps(rule))

    def start(self):
        do("systemctl", "start", self.SERVICE)

    def stop(self):
        do("systemctl", "stop", self.SERVICE)

    def check(self):
        """It drops the packets of connections, which then come to nothing."""
        expect(self.name, lambda ends: ends["tcp_connect"] == "nothing")


NONE, PORTREEVE, OPENSNITCH = Nothing(), Portreeve(), OpenSnitch()
