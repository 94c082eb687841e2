"""Ctrl-C and SIGTERM as a flag: work in hand is finished before the command leaves."""

import signal
from types import FrameType, TracebackType
from typing import Self

from tailrace.cli.group import DONE

# A person's way to end a command, and that of systemd, Docker and Kubernetes.
SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """While it is open, the first signal is only remembered; a second one ends the command at once."""

    def __init__(self) -> None:
        self._number: int | None = None
        self._before: dict[signal.Signals, object] = {}

    @property
    def seen(self) -> bool:
        """Whether a signal has come."""
        return self._number is not None

    def exit_code(self, *, endless: bool = False) -> int:
        """How a command that did no wrong ends; Ctrl-C is the proper end of an endless one."""
        if self._number is None or (endless and self._number == signal.SIGINT):
            return DONE
        return _code(self._number)

    def __enter__(self) -> Self:
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # it came from there

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        if self.seen:
            raise SystemExit(_code(number))
        self._number = number


def _code(number: int) -> int:
    """What shells say of a process that a signal has ended."""
    return 128 + number
