"""Files, and the file systems that they are on."""

import os
import time

from calls.kernel import check, libc

MNT_FORCE, MNT_DETACH = 1, 2


def mount(source, target, kind, options):
    """mount(2)."""
    words = (it.encode() for it in (source, target, kind))
    return _timed(lambda: check(libc.mount(*words, 0, options.encode())))


def unmount(target):
    """umount2(2), even if nobody answers."""
    check(libc.umount2(target.encode(), MNT_FORCE | MNT_DETACH))


def use(folder):
    """Looks into a folder, reads each of its files, and writes another one, which must arrive."""

    def used():
        texts = {}
        for name in os.listdir(folder):
            with open(f"{folder}/{name}") as file:
                texts[name] = file.read()
        with open(f"{folder}/written", "w") as file:
            file.write("written")
            file.flush()
            os.fsync(file.fileno())
        return texts

    return _timed(used)


def _timed(call):
    begin = time.monotonic()
    value = call()
    return {"value": value, "seconds": time.monotonic() - begin}
