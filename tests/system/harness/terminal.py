"""Terminals, and what is typed and painted there."""

import contextlib
import os
import pty
import signal
import subprocess
import termios
import threading

from harness.wait import Late, until


class Terminal:
    """A terminal with a command on it, of a user's if one is named."""

    def __init__(self, *command, user=None):
        around = ["as-user", user] if user else []
        self._keyboard, self._slave = pty.openpty()
        # setsid makes it the terminal that controls the command, as a login does.
        self._process = subprocess.Popen(
            [*around, "env", "TERM=xterm", "setsid", "--ctty", "--wait", *command],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
        )
        self._written = bytearray()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with contextlib.suppress(OSError):
            while written := os.read(self._keyboard, 4096):
                self._written.extend(written)

    def written(self):
        """All that was ever written."""
        return self._written.decode(errors="replace")

    def screen(self):
        """What was painted last."""
        page = self.written().rpartition("\x1b[H")[2]
        return page.partition("\x1b[J")[0].replace("\x1b[K", "").replace("\r", "")

    def await_text(self, text, seconds=30):
        until(lambda: text in self.screen(), f"“{text}” on the terminal", seconds)

    def type(self, keys):
        os.write(self._keyboard, keys.encode())

    def echoes(self):
        return bool(termios.tcgetattr(self._slave)[3] & termios.ECHO)

    def end(self, seconds=30):
        """The exit status of the command, which is about to end."""
        return self._process.wait(timeout=seconds)

    def kill(self):
        try:
            until(self._has_ended_by_key, "the end of what runs on the terminal", 30)
        except Late:
            os.killpg(os.tcgetpgrp(self._keyboard), signal.SIGKILL)
            raise
        finally:
            os.close(self._slave)

    def _has_ended_by_key(self):
        """Presses Ctrl-C for what still runs there; whether it has ended. An agent that shows the next question
        just then does not read what was typed before.
        """
        self.type("\x03")
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1)
        return self._process.poll() is not None
