"""The last test: the computer is shut down while calls are held, and says how long that took."""

import threading
import time
from pathlib import Path

from harness import firewall
from harness.callers import Caller
from harness.machine import do

NAME = "shutdown.with_calls_held"
ADDRESS = "203.0.113.10"
COUNT = 50
# Seconds: every other service has to be stopped too, in an emulated machine on a host that may be busy.
# A process that does not end makes it 90 s, which is when systemd gives up on it.
BOUND = 60
# What systemd runs when every process has been ended.
HOOK = Path("/usr/lib/systemd/system-shutdown/lab")
SCRIPT = """#!/bin/sh
# Tells the host how the shutdown went, as lab/run would.
port() {{
    for device in /sys/class/virtio-ports/*; do
        if [ "$(cat "$device/name")" = "$1" ]; then
            echo "/dev/${{device##*/}}"
        fi
    done
}}
read -r now rest < /proc/uptime
seconds=$((${{now%.*}} - {begun}))
if [ $seconds -le {bound} ]; then
    mark=PASS summary="{passed}" status={status}
else
    mark=FAIL summary="{failed}" status=1
fi
printf '%s %5s s  %s\\n%s\\n' $mark $seconds {name} "$summary" > "$(port lab.terminal)"
tar -C /out -cf "$(port lab.out)" .
echo $status > "$(port lab.status)"
"""


def shut_down_while_calls_are_held(status, passed, failed):
    """Holds calls and shuts the computer down. The run's status is `status`, and the last line that
    is printed `passed`, if that is done in time; 1 and `failed` otherwise. Does not return.
    """
    if status:
        Path("/out/journal.txt").write_text(do("journalctl", "--boot", "--no-pager"))
    caller = Caller()
    caller.start("in_processes", ADDRESS, count=COUNT)
    firewall.prompt(held=COUNT)
    assert caller.is_calling()
    begun = int(time.clock_gettime(time.CLOCK_BOOTTIME))
    words = {"begun": begun, "bound": BOUND, "name": NAME, "status": status}
    HOOK.parent.mkdir(exist_ok=True)
    HOOK.write_text(SCRIPT.format(passed=passed, failed=failed, **words))
    HOOK.chmod(0o755)
    do("systemctl", "--no-block", "poweroff")
    # The shutdown ends this program.
    threading.Event().wait()
