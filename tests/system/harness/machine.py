"""Running commands in the machine."""

import contextlib
import errno
import socket
import subprocess
from pathlib import Path

from harness.marks import Skipped

CONSOLE = Path("/dev/console")
PATIENCE = 60  # seconds: the machine may be emulated


def run(*command, user=None, patience=PATIENCE):
    """Runs a command, as a user if one is named; returns it with its output, however it went."""
    around = ["as-user", user] if user else []
    return subprocess.run(
        [*around, *command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )


def do(*command, user=None):
    """Runs a command that must succeed; returns its output."""
    result = run(*command, user=user)
    assert result.returncode == 0, f"{command} ended with {result.returncode}: {result.stderr}"
    return result.stdout


def start(*command, user=None):
    """Starts a command and leaves it running; its output and errors are in one pipe."""
    around = ["as-user", user] if user else []
    return subprocess.Popen(
        [*around, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def tell_host(word):
    """Leaves a mark on the console, by which the host knows what an emulated machine died of."""
    CONSOLE.write_text(f"\nlab: {word}\n")


@contextlib.contextmanager
def setting(name, value):
    """Changes a setting of the kernel, for a time."""
    before = do("sysctl", "-n", name).strip()
    do("sysctl", "-w", f"{name}={value}")
    try:
        yield
    finally:
        do("sysctl", "-w", f"{name}={before}")


def with_module(name):
    """Loads a module of the kernel that a test needs."""
    if run("modprobe", name).returncode != 0:
        raise Skipped(f"this kernel has no module {name}")


def with_protocol(kind, protocol):
    """Goes on if the kernel has this protocol."""
    try:
        socket.socket(socket.AF_INET, kind, protocol).close()
    except OSError as error:
        if error.errno != errno.EPROTONOSUPPORT:
            raise
        raise Skipped(f"this kernel has no protocol {protocol}") from error
