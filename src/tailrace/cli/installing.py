"""How far the embedded Kafka's first download is, on standard error."""

import sys

from tailrace.broker import Progress
from tailrace.cli.output import note

_STEPS = {
    "resolve": "Looking up what Kafka consists of",
    "download": "Downloading Kafka",
    "train": "Preparing Java for faster starts, which takes about half a minute, once",
}


class InstallProgress:
    """One line that is drawn over on a terminal, else one line a step."""

    def __init__(self) -> None:
        self._step = ""
        self._drawn = False

    def __call__(self, progress: Progress) -> None:
        """Show it."""
        if not sys.stderr.isatty():
            if progress.step != self._step:
                note(f"{_STEPS[progress.step]} …")
            self._step = progress.step
            return
        sys.stderr.write(f"\r\x1b[K{_line(progress)}"[:200])
        sys.stderr.flush()
        self._drawn = True

    def finish(self) -> None:
        """Take the line away."""
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
        self._drawn = False


def _line(progress: Progress) -> str:
    if not progress.total:
        return f"{_STEPS[progress.step]} …"
    return (
        f"{_STEPS[progress.step]}: {progress.name}  "
        f"{progress.done / 1e6:.1f} of {progress.total / 1e6:.1f} MB"
    )
