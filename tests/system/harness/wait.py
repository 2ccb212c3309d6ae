"""Waiting for things to happen: always for a condition, never for a time alone."""

import time

PAUSE = 0.03


class Late(AssertionError):
    """Something has not happened in time."""


def until(condition, what, seconds=40):
    """Calls `condition` until it returns something true; returns that."""
    end = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise Late(f"waited {seconds} s for {what}")
        time.sleep(PAUSE)
