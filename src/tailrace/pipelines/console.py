"""What a pipeline says, on a thread of its own: a terminal that nobody reads holds no program up."""

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

WAITING_LINES = 10_000
"""More than a terminal shows in a second; what is above it is kept in the programs' files alone."""
CLOSE_SECONDS = 2.0
ERROR_COLUMNS = 12
"""So much of an error is shown on the narrowest terminal."""
NUMBERS = frozenset({"rate", "lag", "restarts"})
PLAIN_SECONDS = 10.0
"""Between two looks at all programs where there is no terminal."""


class Face(Protocol):
    """Where it is shown; all calls come from one thread."""

    def line(self, name: str, text: str) -> None:
        """A line that a program printed."""
        ...

    def note(self, text: str) -> None:
        """A remark of ours."""
        ...

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """How the programs are."""
        ...

    def close(self) -> None:
        """The end."""
        ...


class Console:
    """Hands what is to be shown to its thread; never waits."""

    def __init__(self, face: Face) -> None:
        self._face = face
        self._waiting: queue.Queue[Callable[[], None] | None] = queue.Queue(WAITING_LINES)
        self._skipped = 0
        self._thread = threading.Thread(target=self._show, name="console", daemon=True)
        self._thread.start()

    def line(self, name: str, text: str) -> None:
        """A line that a program printed."""
        self._put(lambda: self._face.line(name, text))

    def note(self, text: str) -> None:
        """A remark of ours."""
        self._put(lambda: self._face.note(text))

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """How the programs are."""
        self._put(lambda: self._face.table(rows))

    def close(self) -> None:
        """Show what waits, within a deadline."""
        try:
            self._waiting.put(None, timeout=CLOSE_SECONDS)
        except queue.Full:
            return
        self._thread.join(CLOSE_SECONDS)

    def _put(self, show: Callable[[], None]) -> None:
        try:
            self._waiting.put_nowait(show)
        except queue.Full:
            self._skipped += 1

    def _show(self) -> None:
        try:
            while (show := self._waiting.get()) is not None:
                skipped, self._skipped = self._skipped, 0
                if skipped:
                    self._face.note(f"{skipped:,} lines are not shown here.")
                show()
            self._face.close()
        except OSError:
            # Nobody reads any more: the programs go on, and their files have what they print.
            while self._waiting.get() is not None:
                pass


class Plain:
    """Lines, for files and pipes: what programs print on standard output, remarks on standard error."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = clock() + PLAIN_SECONDS
        self._last: Sequence[Sequence[str]] = ()

    def line(self, name: str, text: str) -> None:
        """A line that a program printed."""
        _write(sys.stdout.fileno(), f"{name} | {text}\n")

    def note(self, text: str) -> None:
        """A remark of ours."""
        _write(sys.stderr.fileno(), f"{text}\n")

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Now and then a line for each program of which there is something new."""
        if self._clock() < self._next:
            return
        self._next = self._clock() + PLAIN_SECONDS
        for name, state, rate, lag, restarts, _ in (row for row in rows if row not in self._last):
            rest = [rate, lag and f"lag {lag}", f"restarts {restarts}" if restarts != "0" else ""]
            self.note(", ".join([f"{name}: {state}", *filter(None, rest)]))
        self._last = rows

    def close(self) -> None:
        """Nothing is left to do."""


class Terminal:
    """A table that stays below what is printed."""

    COLUMNS = ("program", "state", "rate", "lag", "restarts", "last error")

    def __init__(self) -> None:
        from rich.console import Console as Screen  # noqa: PLC0415  # heavy, for terminals alone
        from rich.live import Live  # noqa: PLC0415  # likewise

        self._screen = Screen(highlight=False, soft_wrap=True)
        self._live = Live(
            console=self._screen, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._live.start()

    def line(self, name: str, text: str) -> None:
        """A line that a program printed, above the table."""
        from rich.text import Text  # noqa: PLC0415  # imported above

        self._screen.print(Text.assemble((f"{name} | ", "cyan"), text))

    def note(self, text: str) -> None:
        """A remark of ours, above the table."""
        from rich.text import Text  # noqa: PLC0415  # imported above

        self._screen.print(Text(text, style="bold"))

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """How the programs are."""
        self._live.update(self._drawn(rows), refresh=True)

    def close(self) -> None:
        """Leave the last table."""
        self._live.stop()

    def _drawn(self, rows: Sequence[Sequence[str]]) -> Any:  # noqa: ANN401  # rich's own
        from rich.table import Table  # noqa: PLC0415  # imported above
        from rich.text import Text  # noqa: PLC0415  # likewise

        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in self.COLUMNS:
            table.add_column(name, justify="right" if name in NUMBERS else "left", no_wrap=True)
        # On a narrow terminal only the last error is cut: without name and state nobody knows whose it is.
        short = [max(map(len, cells)) + 2 for cells in list(zip(self.COLUMNS, *rows, strict=True))[:-1]]
        left = max(ERROR_COLUMNS, self._screen.width - sum(short))
        for *cells, error in rows:
            last = Text(error)
            last.truncate(left, overflow="ellipsis")
            table.add_row(*map(Text, cells), last)
        return table


def _write(descriptor: int, text: str) -> None:
    """Past Python's own buffer: its lock, held by a write that nobody reads, would hold up the exit."""
    data = text.encode(errors="replace")
    while data:
        data = data[os.write(descriptor, data) :]
