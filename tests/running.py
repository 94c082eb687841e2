"""A command in a process of its own, and its lines as they come."""

import os
import re
import signal
import subprocess
import threading
import time

SECONDS = 60
LOGGED = re.compile(r"\d\d:\d\d:\d\d\.\d+Z ")


class Running:
    """A process whose lines are kept as they come."""

    def __init__(self, command, folder, environ):
        # A process group of its own: Ctrl-C in a terminal reaches all that a command has started.
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )
        self.lines = []
        self._changed = threading.Condition()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self):
        for line in self.process.stdout:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    @property
    def printed(self):
        """What the program itself has printed: the lines that are no log's."""
        return [line for line in self.lines if not LOGGED.match(line)]

    def printed_by(self, program):
        """What one program of a pipeline has printed, in the order of its workers."""
        found = [re.fullmatch(rf"{program}(?:\.\d+)? \| (.*)", line) for line in self.lines]
        return [match[1] for match in found if match and not LOGGED.match(match[1])]

    @property
    def text(self):
        """The end of what was printed so far."""
        return "\n".join(self.lines[-50:])

    def until(self, condition):
        """Wait until the lines are as wanted, and give them."""
        deadline = time.monotonic() + SECONDS
        with self._changed:
            while not condition(self.lines):
                left = deadline - time.monotonic()
                assert left > 0, f"printed in {SECONDS} s:\n{self.text}"
                assert self._reading.is_alive(), (
                    f"ended with {self.process.poll()}, having printed:\n{self.text}"
                )
                self._changed.wait(left)
            return list(self.lines)

    def until_printed(self, *texts):
        """Wait until each of some texts was printed."""
        return self.until(lambda lines: all(any(text in line for line in lines) for text in texts))

    def interrupt(self):
        """Ctrl-C, and its exit code."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.ended()

    def ended(self):
        """Wait for its end; its exit code."""
        code = self.process.wait(SECONDS)
        self._reading.join(SECONDS)
        return code

    def kill(self):
        """End what is left of it."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.ended()
        self.process.stdout.close()
