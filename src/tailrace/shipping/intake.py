"""Takes lines from any thread without waiting; a thread of its own writes them to a spool."""

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

from tailrace.shipping.entries import Entry, missing_entry
from tailrace.shipping.spool import Spool

MOST_LINES: Final = 50_000
"""Lines in memory before the disk has them: a disk that hangs costs no more than this."""
MOST_BYTES: Final = 32 << 20
SYNC_SECONDS: Final = 1.0
"""Between two calls of `Spool.sync`."""
SAY_AGAIN_SECONDS: Final = 60.0
_FRAME_LINES: Final = 2_000
_FRAME_BYTES: Final = 1 << 20

Say = Callable[[str], None]


class Intake:
    """Lines on their way to the disk; those that find no room are counted, said, and told in the log itself.

    Args:
        spool: where they go.
        say: tells people what is wrong, at most once a minute.
    """

    def __init__(self, spool: Spool, say: Say) -> None:
        self._spool = spool
        self._say = say
        self._queue: SimpleQueue[Entry | threading.Event] = SimpleQueue()
        # Written by those who put, one at a time; the thread only reads them.
        self._put_bytes = self._refused = self._hole = 0
        # Written by the thread alone.
        self._taken_bytes = self._missing = self._untold = 0
        self._said_at = -SAY_AGAIN_SECONDS
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="tailrace-spool", daemon=True)
        self._thread.start()

    @property
    def missing(self) -> int:
        """How many lines found no room."""
        return self._refused + self._missing

    def put(self, entry: Entry) -> None:
        """Take a line; never waits. One caller at a time."""
        size = len(entry.value)
        if self._queue.qsize() >= MOST_LINES or self._put_bytes - self._taken_bytes + size > MOST_BYTES:
            self._refused += 1
            self._hole += 1
            return
        if self._hole:
            self._tell_hole(entry.timestamp)
        self._put_bytes += size
        self._queue.put(entry)

    def flush(self, seconds: float) -> bool:
        """Wait until what was put is on the disk or refused; whether that was within the time."""
        reached = threading.Event()
        self._queue.put(reached)
        return reached.wait(seconds)

    def close(self, seconds: float) -> bool:
        """Flush and end the thread; whether that was within the time."""
        if self._hole:
            self._tell_hole(_now_ms())
        self._closing = True
        self._queue.put(threading.Event())
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _tell_hole(self, timestamp: int) -> None:
        entry = missing_entry(timestamp, self._hole, "they came faster than the disk took them")
        self._hole = 0
        self._put_bytes += len(entry.value)
        self._queue.put(entry)

    # --- the thread ---

    def _run(self) -> None:
        sync_at = time.monotonic() + SYNC_SECONDS
        while not (self._closing and self._queue.empty()):
            entries, flushed = self._gather(sync_at - time.monotonic())
            self._write(entries)
            for event in flushed:
                event.set()
            if time.monotonic() >= sync_at:
                self._guarded(self._spool.sync)
                sync_at = time.monotonic() + SYNC_SECONDS
        self._guarded(self._spool.sync)

    def _gather(self, seconds: float) -> tuple[list[Entry], list[threading.Event]]:
        """What waits in memory, no more than fits a frame; waits so long for the first."""
        entries: list[Entry] = []
        flushed: list[threading.Event] = []
        until = self._taken_bytes + _FRAME_BYTES
        try:
            item = self._queue.get(timeout=max(0.0, seconds))
            while True:
                if isinstance(item, Entry):
                    entries.append(item)
                    self._taken_bytes += len(item.value)
                else:
                    flushed.append(item)
                if len(entries) >= _FRAME_LINES or self._taken_bytes >= until:
                    break
                item = self._queue.get_nowait()
        except Empty:
            pass  # that is all for now
        return entries, flushed

    def _write(self, entries: list[Entry]) -> None:
        lines = len(entries)
        if self._untold:
            entries = [missing_entry(_now_ms(), self._untold, "the spool had no room for them"), *entries]
        if not entries:
            return
        if self._guarded(lambda: self._append(entries)):
            self._untold = 0
        else:
            self._missing += lines
            self._untold += lines

    def _append(self, entries: list[Entry]) -> None:
        if not self._spool.append(entries):
            raise OSError(f"its {self._spool.most_bytes >> 20} MB are full, as Kafka takes nothing")

    def _guarded(self, work: Callable[[], None]) -> bool:
        try:
            work()
        except OSError as error:
            if time.monotonic() - self._said_at >= SAY_AGAIN_SECONDS:
                self._said_at = time.monotonic()
                why = error.strerror or str(error)
                self._say(f"new lines are dropped while the spool {self._spool.folder} has no room: {why}")
            return False
        return True


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
