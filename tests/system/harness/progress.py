"""How far the tests have come: told to the host, which tells it to the next machine if this one dies of its
emulation (xtask/src/vm.rs)."""

from collections import Counter
from pathlib import Path

PORT = "lab.progress"
WORD = "lab.resume="


def note(name, ended):
    """A test has ended, and so many of all have in these ways."""
    for port in Path("/sys/class/virtio-ports").glob("*"):
        if (port / "name").read_text().strip() == PORT:
            counts = ",".join(f"{how.replace(' ', '-')}={count}" for how, count in ended.items())
            with open(Path("/dev") / port.name, "w") as device:
                device.write(f"{counts},after={name}\n")


def before(names):
    """How the tests have ended that an earlier machine ran, and how many of `names` they are."""
    words = Path("/proc/cmdline").read_text().split()
    said = [word.removeprefix(WORD) for word in words if word.startswith(WORD)]
    if not said:
        return Counter(), 0
    *counts, last = said[-1].split(",")
    ended = {how.replace("-", " "): int(count) for how, count in (it.split("=") for it in counts)}
    return Counter(ended), names.index(last.removeprefix("after=")) + 1
