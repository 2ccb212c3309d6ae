"""What the broker itself takes: memory, wake-ups while nothing happens, time at a steady load."""

import time
from pathlib import Path

from harness import firewall as portreeve
from program import bench

# Threads that the broker keeps for a while in case they are needed again are gone by then.
SETTLE_SECONDS = 30
IDLE_SECONDS = 60
BUSY_SECONDS = 10


def look():
    """Looks at the running broker for about a minute of the machine's time."""
    pid = portreeve.main_pid()
    # Whatever has been going on comes to its end.
    bench("pace", 1)
    time.sleep(SETTLE_SECONDS)
    before = _switches(pid)
    time.sleep(IDLE_SECONDS)
    after = _switches(pid)
    wakeups = sum(count - before.get(thread, 0) for thread, count in after.items())
    busy = _processor_seconds(pid)
    bench("pace", BUSY_SECONDS)
    busy = _processor_seconds(pid) - busy
    return {
        "resident_kib": _status(Path(f"/proc/{pid}/status"), "VmRSS"),
        "idle_seconds": IDLE_SECONDS,
        "idle_wakeups": wakeups,
        "busy_percent": 100 * busy / BUSY_SECONDS,
    }


def _switches(pid):
    """How often each of its threads has gone to sleep, and so has woken up."""
    threads = Path(f"/proc/{pid}/task").glob("*/status")
    return {thread: _status(thread, "voluntary_ctxt_switches") for thread in threads}


def _status(file, field):
    for line in file.read_text().splitlines():
        name, value = line.split(":")
        if name == field:
            return int(value.split()[0])
    raise KeyError(f"{file} has no {field}")


def _processor_seconds(pid):
    """The time its threads have run, to the nanosecond."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9
