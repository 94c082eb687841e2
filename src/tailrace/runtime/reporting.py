"""What a worker says of itself: at the start, each second, and when its state changes."""

import logging
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from tailrace.runtime.service import Service
from tailrace.runtime.spec import STATUS_SECONDS, State, Status

_log = logging.getLogger("tailrace.runtime")

# How soon it is said that all members have their partitions.
READY_LOOK_SECONDS = 0.02


class Reporter:
    """Tells a service's state from a thread of its own, whatever the service is busy with."""

    def __init__(self, service: Service, tell: Callable[[Status], None] | None) -> None:
        self._service = service
        self._tell = tell
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._state: State | None = None
        self._what = ""
        # Whether all was done, or a signal has cut it.
        self.whole = True
        self._thread = threading.Thread(target=self._run, name="tailrace-status", daemon=True)

    def begun(self, what: str) -> None:
        """Hooks were called, and all else starts."""
        self._what = what
        self._thread.start()

    def stopping(self) -> None:
        """No new record is begun."""
        if self._state != "stopping":
            self._say("stopping")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if error is None and self.whole:
            self._say("done")

    def _run(self) -> None:
        while not self._service.ready:
            if self._ended.wait(READY_LOOK_SECONDS):
                return
        if self._state is None:
            _log.info("%s", self._what)
            self._say("ready")
        while not self._ended.wait(STATUS_SECONDS):
            self._say("stopping" if self._state == "stopping" else "running")

    def _say(self, state: State) -> None:
        with self._lock:
            if self._state == "done":
                return
            self._state = state
            service = self._service
            if self._tell is not None:
                self._tell(Status(state, service.records, service.sent, service.last_error))
