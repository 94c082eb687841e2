"""Ctrl-C as a flag: work in hand is finished before the command leaves."""

import signal
from collections.abc import Sequence
from types import FrameType, TracebackType
from typing import Self


class Interrupt:
    """While it is open, the first signal only sets `seen`; a second one ends the command at once."""

    def __init__(self, signals: Sequence[signal.Signals] = (signal.SIGINT,)) -> None:
        self.seen = False
        self._signals = signals
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> Self:
        for number in self._signals:
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # it came from there

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self.seen:
            raise KeyboardInterrupt
        self.seen = True
