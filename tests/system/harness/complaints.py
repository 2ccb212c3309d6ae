"""What the kernel says of those that it believes have hung."""

from harness.machine import do

WORDS = ("detected stall", "stalls on tasks", "blocked for more than")


def complaints():
    """Its messages so far."""
    return [it for it in do("dmesg").splitlines() if any(word in it for word in WORDS)]
