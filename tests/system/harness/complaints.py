"""What the kernel says of those that it believes have hung."""

from harness.machine import do

WORDS = ("detected stall", "stalls on tasks", "blocked for more than")


def no_complaints_but(known):
    """The kernel has none but these, of which it may have dropped the oldest."""
    new = [it for it in complaints() if it not in known]
    assert not new, new


def complaints():
    """Its messages so far."""
    return [it for it in do("dmesg").splitlines() if any(word in it for word in WORDS)]
