"""A broker is killed, restarted or replaced by a newer one: nobody notices."""

import json
from pathlib import Path

from harness import firewall
from harness.callers import Caller
from harness.machine import do
from harness.marks import slow
from harness.traffic import Traffic
from harness.wait import until

ADDRESS = "203.0.113.10"
COUNT = 50
# Seconds that a broker may take for an answer from its rules, in an emulated machine.
MOMENT = 1.0
BROKER = Path("/usr/libexec/portreeved")
NEWER = Path("/usr/libexec/portreeved-newer")
CHANGE = Path("/run/systemd/system/portreeved.service.d/newer.conf")


def held_calls():
    caller = Caller()
    caller.start("in_processes", ADDRESS, count=COUNT)
    firewall.prompt(held=COUNT)
    return caller


def all_allowed(caller):
    firewall.await_agent()
    question = firewall.prompt_of_next(held=COUNT)
    assert caller.is_calling()
    firewall.decide(question, "allow")
    results = caller.result().each
    assert [it.errno for it in results] == [None] * COUNT, results


def kept():
    """Names of the descriptors that systemd keeps."""
    count = do("systemctl", "show", "--property=NFileDescriptorStore", "--value", firewall.SERVICE)
    if int(count) == 0:
        return []
    descriptors = json.loads(do("systemd-analyze", "--json=short", "fdstore", firewall.SERVICE))
    return sorted(it["fdname"] for it in descriptors)


def test_killed_broker_leaves_calls_held_for_the_next():
    traffic = Traffic()
    caller = held_calls()
    firewall.kill()
    all_allowed(caller)
    print(traffic.end(), flush=True)


@slow(minutes=3)
def test_restart_leaves_calls_held():
    traffic, caller, before = Traffic(), held_calls(), kept()
    firewall.service("restart")
    all_allowed(caller)
    print(traffic.end(), flush=True)
    assert kept() == before


@slow(minutes=3)
def test_newer_broker_replaces_the_programs_without_a_gap():
    probes = [it for it in kept() if it.startswith("probe-")]
    # Another object to the broker, the same to the kernel: its compiler's name is spelt otherwise.
    code = BROKER.read_bytes().replace(b"clang version", b"clang Version")
    assert code != BROKER.read_bytes()
    NEWER.write_bytes(code)
    NEWER.chmod(0o755)
    traffic, caller = Traffic(), held_calls()
    try:
        CHANGE.parent.mkdir(exist_ok=True)
        CHANGE.write_text(f"[Service]\nExecStart=\nExecStart={NEWER}\n")
        do("systemctl", "daemon-reload")
        firewall.service("restart")
        all_allowed(caller)
        # Other programs know nothing of what these remembered: known calls go to the broker once.
        print(traffic.end(wait=MOMENT), flush=True)
        newer = [it for it in kept() if it.startswith("probe-")]
        assert len(newer) == len(probes) and not set(newer) & set(probes), newer
    finally:
        CHANGE.unlink()
        NEWER.unlink()
        do("systemctl", "daemon-reload")
        firewall.service("restart")


def test_stop_leaves_nothing_and_no_error():
    since = do("date", "+%s").strip()
    firewall.service("stop")
    assert kept() == []
    until(lambda: not do("sh", "-c", "pgrep --exact portreeve-gate || true"), "its gatekeeper's end")
    words = (f"--unit={firewall.SERVICE}", f"--since=@{since}", "--priority=err", "--output=cat")
    errors = do("journalctl", *words)
    firewall.service("start")
    assert not errors.strip() or "No entries" in errors, errors
