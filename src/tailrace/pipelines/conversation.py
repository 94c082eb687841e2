"""A command that runs, and its lines: written without blocking, answers taken as they come."""

import os
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Sequence

from tailrace.core.errors import TailraceError

READ_BYTES = 256 * 1024
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""A line longer than this is a mistake; Kafka takes a sixtieth of it unless told otherwise."""
END_SECONDS = 10.0
"""For a command to end by itself when its input has ended; then it is told to."""
TERMINATE_SECONDS = 2.0
MAX_LAST_BYTES = 8 * 1024 * 1024
"""What a command that ends may still have printed; with more it waits until it is told to end."""


class CommandFailed(TailraceError):
    """A command has ended, or has not kept to one answer a line."""


class Conversation:
    """One command; lines go in, lines come out, in order."""

    def __init__(self, argv: Sequence[str], *, asked: bool = True) -> None:
        """Start it; one that is not `asked` anything has an empty input."""
        self._name = argv[0]
        self._asked = asked
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(argv, stdin=pipe if asked else subprocess.DEVNULL, stdout=pipe)  # noqa: S603  # the user's own
        assert self._process.stdout is not None
        self._out = self._process.stdout.fileno()
        self._in = self._process.stdin.fileno() if self._process.stdin else None
        self._unsent = bytearray()
        self._partial = bytearray()
        self._lines: deque[bytes] = deque()
        self._ended = self._deaf = self._told_to_end = False
        self._last_bytes = 0
        self._selector = selectors.DefaultSelector()
        os.set_blocking(self._out, False)
        self._selector.register(self._out, selectors.EVENT_READ)
        if self._in is not None:
            os.set_blocking(self._in, False)

    @property
    def unsent(self) -> int:
        """Bytes that the command has not taken yet."""
        return len(self._unsent)

    def ask(self, line: bytes) -> None:
        """Write a line, as soon as it is taken."""
        if self._deaf:
            return
        if not self._unsent and self._in is not None:
            self._selector.register(self._in, selectors.EVENT_WRITE)
        self._unsent += line

    def turn(self, seconds: float) -> None:
        """Write and read what can be, waiting so long for either.

        Raises:
            CommandFailed: the command takes or gives nothing any more.
        """
        if self._ended and not self._lines:
            raise self.ending()
        ready = self._selector.select(0 if self._lines else seconds)
        for key, _ in ready:
            if key.fd == self._out:
                self._read()
            else:
                self._write()
        if not ready and not self._lines:
            self._look()

    def _look(self) -> None:
        """Where nothing comes: a child of its own may hold its output open when it has ended."""
        code = self._process.poll()
        # One that is asked nothing and has ended well may have left the printing to its children.
        if code is not None and (self._asked or code) and not self._selector.select(0):
            self._hear_end()
        elif code is None and self._deaf:
            raise self.ending()

    def take(self) -> bytes | None:
        """The next line that was answered."""
        return self._lines.popleft() if self._lines else None

    @property
    def ended(self) -> bool:
        """Whether nothing comes any more."""
        return self._ended and not self._lines

    @property
    def alive(self) -> bool:
        """Whether the process runs; for any thread."""
        return self._process.poll() is None

    def finish(self) -> int:
        """End its input, wait for its end, and answer its exit code."""
        self._end_input()
        code = self._wait(END_SECONDS)
        self._close()
        if self._partial and not (self._asked or code):
            # Whole, as it has ended well: many do not end their last line.
            self._lines.append(bytes(self._partial))
            self._partial.clear()
        return code or 0

    def terminate(self) -> int:
        """Tell it to end."""
        self._process.terminate()
        return self.finish()

    def _end_input(self) -> None:
        if self._unsent and self._in is not None:
            self._selector.unregister(self._in)
            self._unsent.clear()
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _close(self) -> None:
        self._hear_end()
        self._selector.close()
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _wait(self, seconds: float) -> int | None:
        for patience, then in (
            (seconds, self._process.terminate),
            (TERMINATE_SECONDS, self._process.kill),
            (TERMINATE_SECONDS, None),
        ):
            deadline = time.monotonic() + patience
            # What it still prints must be read, or it would wait for that.
            while self._process.poll() is None and time.monotonic() < deadline:
                self._drain(min(0.05, patience))
            if self._process.returncode is not None:
                self._drain(0)
                break
            if then:
                self._told_to_end = True
                then()
        return self._process.returncode

    def _drain(self, seconds: float) -> None:
        if self._ended or self._last_bytes > MAX_LAST_BYTES:
            time.sleep(seconds)
            return
        if any(key.fd == self._out for key, _ in self._selector.select(seconds)):
            self._last_bytes += self._read()
            if self._asked:
                # Nobody has asked for it any more.
                self._lines.clear()
                self._last_bytes = 0

    def _write(self) -> None:
        assert self._in is not None
        try:
            written = os.write(self._in, self._unsent)
        except BlockingIOError:
            return
        except BrokenPipeError:
            # It reads no more; whether that is its end is seen when nothing comes.
            self._deaf = True
            self._selector.unregister(self._in)
            self._unsent.clear()
            return
        del self._unsent[:written]
        if not self._unsent:
            self._selector.unregister(self._in)

    def _read(self) -> int:
        try:
            data = os.read(self._out, READ_BYTES)
        except BlockingIOError:
            return 0
        if not data:
            # A line that was begun is no answer: whoever was killed amid "123456" may have written "123".
            self._hear_end()
            return 0
        first, *rest = data.split(b"\n")
        self._partial += first
        if len(self._partial) > MAX_ANSWER_BYTES:
            raise CommandFailed(f"{self._name} printed a line of more than {MAX_ANSWER_BYTES:,} bytes.")
        if rest:
            self._lines.append(bytes(self._partial))
            self._lines.extend(rest[:-1])
            self._partial[:] = rest[-1]
        return len(data)

    def _hear_end(self) -> None:
        if not self._ended:
            self._ended = True
            self._selector.unregister(self._out)

    def ending(self) -> CommandFailed:
        """What there is to say of its end."""
        code = self._wait(TERMINATE_SECONDS)
        if self._deaf and self._told_to_end:
            return CommandFailed(f"{self._name} has closed its input, but has not ended.")
        if code is not None and code < 0:
            return CommandFailed(f"{self._name} was ended by {signal.Signals(-code).name}.")
        return CommandFailed(f"{self._name} ended with exit code {code}.")
