"""How far the embedded Kafka's first download is, on standard error."""

import sys

from tailrace.broker import Progress
from tailrace.cli.output import note


class InstallProgress:
    """One line that is drawn over on a terminal, else one line a step."""

    def __init__(self) -> None:
        self._step = ""
        self._drawn = False

    def __call__(self, progress: Progress) -> None:
        """Show it."""
        if not sys.stderr.isatty():
            if progress.step != self._step:
                note(f"{progress.step} …")
            self._step = progress.step
            return
        amount = f"{progress.done / 1e6:.1f}"
        total = f" of {progress.total / 1e6:.1f}" if progress.total else ""
        sys.stderr.write(f"\r\x1b[K{progress.step}: {progress.name}  {amount}{total} MB"[:200])
        sys.stderr.flush()
        self._drawn = True

    def finish(self) -> None:
        """Take the line away."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        self._drawn = False
