"""A uprobe, whose removal waits until every thread has left the BPF program that it sleeps in."""

import contextlib
import time
from pathlib import Path

from harness.marks import Skipped

TRACING = Path("/sys/kernel/tracing")
PROGRAM = Path("/usr/bin/true")


@contextlib.contextmanager
def uprobe():
    """Gives a function that puts a uprobe in place and removes it, and says how many seconds the
    removal took.
    """
    if not (TRACING / "uprobe_events").exists():
        raise Skipped("this kernel has no uprobes")
    # Any instruction of any program: the first one that runs.
    entry = int.from_bytes(PROGRAM.read_bytes()[24:32], "little")
    (TRACING / "uprobe_events").write_text(f"p:lab/entry {PROGRAM}:{entry}\n")
    enable = TRACING / "events/lab/entry/enable"
    # Else the kernel notes the name of each program as it is switched to, and patches its scheduler for
    # that each time, which an emulated machine does not always survive.
    names = TRACING / "options/record-cmd"
    noted = names.read_text()
    names.write_text("0")

    def remove():
        enable.write_text("1")
        begun = time.monotonic()
        enable.write_text("0")
        return time.monotonic() - begun

    try:
        yield remove
    finally:
        enable.write_text("0")
        # Opening it to write anew removes what is there.
        (TRACING / "uprobe_events").write_text("")
        names.write_text(noted)
