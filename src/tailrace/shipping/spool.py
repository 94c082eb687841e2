"""Lines on disk, in order, until Kafka has them.

What `append` has written survives the end of the process, however it ends: it is in the system's hands. A
power cut may take what came within the last two `sync`. One thread appends, another reads and says what is
stored.
"""

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tailrace.core.errors import ConfigurationError
from tailrace.shipping.entries import Entry, missing_entry
from tailrace.shipping.frames import Frame, Sent, encode, first_frame, last_frame, next_frame
from tailrace.shipping.place import Place, identity, sync_folder

MOST_BYTES: Final = 256 << 20
LEAST_BYTES: Final = 4 << 20
"""Below it a full frame might never fit."""
_SEGMENTS: Final = 16
"""Of so many files: what is stored is given back to the disk in pieces of that size."""
_SUFFIX: Final = ".lines"


def checked_bytes(most_bytes: int) -> int:
    """A spool's bound.

    Raises:
        ConfigurationError: it is too small.
    """
    if most_bytes < LEAST_BYTES:
        raise ConfigurationError(
            f"A spool cannot have {most_bytes:,} bytes.", hint=f"Give it at least {LEAST_BYTES:,}."
        )
    return most_bytes


def _check_regular(folder: Path) -> None:
    """Refuse what is no file: to open a pipe would wait for ever for who writes to it."""
    for path in folder.iterdir():
        if not path.is_file():
            raise ConfigurationError(
                f"{path} is no regular file, so lines cannot be kept beside it.",
                hint="Remove it, or name another folder with `spool`.",
            )


@dataclass(frozen=True, slots=True)
class Reading:
    """Frames that were read together; `segment` and `offset` are where the next one begins."""

    frames: Sequence[Frame]
    segment: int
    offset: int


class Spool:
    """Lines in a folder that nobody else uses meanwhile.

    Args:
        folder: where; made if it is missing.
        most_bytes: what its files may take; an append that finds no room is refused.
        segment_bytes: what one file takes.
    """

    def __init__(
        self, folder: Path, *, most_bytes: int = MOST_BYTES, segment_bytes: int | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _check_regular(folder)
        self.folder = folder
        self.most_bytes = most_bytes
        self._segment_bytes = segment_bytes or most_bytes // _SEGMENTS
        self.changed = threading.Condition()
        """Notified when lines come and when they are stored."""
        self.key = identity(folder / "id")
        """What tells this spool's lines from others' in the topic."""
        self.lost = 0
        """Lines that could not be read any more: the disk lost them."""
        self._sizes = {int(path.stem): path.stat().st_size for path in sorted(folder.glob(f"*{_SUFFIX}"))}
        self._place = Place(folder / "sent", self._beginning)
        self._sent = self._place.sent
        self._segment, self._offset = self._sent.segment, self._sent.offset
        self._expected = self._number = self._lost_to = self._sent.number
        self.mark = self._sent.mark
        self._recover()
        self._in = self._out = self._in_segment = -1
        self._full_files: list[int] = []
        self._named = True  # whether the folder has the last file's name after a power cut
        self._number_at_sync = self._number
        self._current = max([self._sent.segment, *self._sizes]) + 1
        self._life = uuid.uuid4().hex[:8].encode()
        self._give_back()

    @property
    def sent(self) -> Sent:
        """How far it is stored."""
        return self._sent

    @property
    def waiting(self) -> int:
        """How many lines are not stored yet."""
        return self._number - self._sent.number

    def append(self, entries: Sequence[Entry], mark: bytes = b"") -> bool:
        """Write lines, all or none; False if there is no room.

        `mark` is where their source stands behind them: after a crash it fits the lines that are there.

        Raises:
            OSError: the disk does not take them.
        """
        timestamps, values = [entry.timestamp for entry in entries], [entry.value for entry in entries]
        data = encode(Frame(self._number, timestamps, values, mark or self.mark, self._life))
        if not self._has_room(len(data)):
            return False
        size = self._sizes.get(self._current, 0)
        try:
            self._write(data, size)
        except OSError:
            if not self.waiting:
                self._roll()  # on a full disk it is this file that takes the room
            raise
        with self.changed:
            self._sizes[self._current] = size + len(data)
            self._number += len(values)
            self.mark = mark or self.mark
            self.changed.notify_all()
        return True

    def sync(self) -> None:
        """Let lines that wait since the last call survive a power cut; called by who appends, at times."""
        waited = self._sent.number < self._number_at_sync
        self._number_at_sync = self._number
        if waited and self._out >= 0:
            os.fsync(self._out)
        while self._full_files:
            descriptor = self._full_files.pop()
            if waited:
                os.fsync(descriptor)
            os.close(descriptor)
        if waited and not self._named:
            sync_folder(self.folder)
            self._named = True
        if waited or self.mark:  # where there is a source, a lost place would read it again
            self._place.keep()
        self._give_back()

    def read(self, most_lines: int, most_bytes: int) -> Reading | None:
        """The next lines after those read before; None if there are none."""
        with self.changed:
            sizes, number = dict(self._sizes), self._number
        frames: list[Frame] = []
        lines = nbytes = 0
        while lines < most_lines and nbytes < most_bytes and self._enter(sizes):
            at = self._offset
            frame = self._frame(sizes[self._segment])
            if frame is not None:
                frames.append(frame)
                lines += len(frame.values)
                nbytes += self._offset - at
        if not frames and self._expected < number:  # the files that had them are gone
            frames.append(self._notice(number, self._life))
        return Reading(frames, self._segment, self._offset) if frames else None

    def rewind(self) -> None:
        """Read again what is not stored."""
        self._segment, self._offset = self._sent.segment, self._sent.offset
        self._expected = self._sent.number

    def stored(self, reading: Reading, partition: int, position: int) -> None:
        """Lines that were read are in Kafka, before that position of that partition: forget them."""
        last = reading.frames[-1]
        self._save(Sent(reading.segment, reading.offset, last.after, last.mark, partition, position))

    def close(self) -> None:
        """Close its files."""
        if self.mark:
            with contextlib.suppress(OSError):
                self._place.keep()
        self._place.close()
        for descriptor in (self._out, self._in, *self._full_files):
            if descriptor >= 0:
                os.close(descriptor)
        self._out = self._in = self._in_segment = -1
        self._full_files.clear()

    # --- room ---

    def _has_room(self, nbytes: int) -> bool:
        full = self._is_full(nbytes)
        if self._sizes.get(self._current, 0) >= self._segment_bytes or (full and not self.waiting):
            self._roll()
        elif full:
            self._give_back()
        return not self._is_full(nbytes)

    def _is_full(self, nbytes: int) -> bool:
        return sum(self._sizes.values()) + nbytes > self.most_bytes

    def _roll(self) -> None:
        """Begin another file, so that this one can go when it is stored."""
        if self._out >= 0:
            self._full_files.append(self._out)
            self._out = -1
        self._current += 1
        self._give_back()

    def _give_back(self) -> None:
        """Remove the files of which all is stored, when that survives a power cut."""
        if not self._stored_files(self._place.sent):
            return
        kept = self._place.keep()
        with self.changed:
            for segment in self._stored_files(kept):
                self._path(segment).unlink(missing_ok=True)
                del self._sizes[segment]

    def _stored_files(self, sent: Sent) -> list[int]:
        return [
            segment
            for segment, size in self._sizes.items()
            if segment != self._current and (segment, size) <= (sent.segment, sent.offset)
        ]

    def _save(self, sent: Sent) -> None:
        # A place that the disk does not take costs a look into the topic after a kill; no file goes before.
        with contextlib.suppress(OSError):
            self._place.write(sent)
        with self.changed:
            self._sent = sent
            self.changed.notify_all()

    # --- files ---

    def _path(self, segment: int) -> Path:
        return self.folder / f"{segment:016}{_SUFFIX}"

    def _write(self, data: bytes, at: int) -> None:
        if self._out < 0:
            flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
            self._out = os.open(self._path(self._current), flags, 0o600)
            self._named = False
        size = at
        try:
            while data:
                written = os.pwrite(self._out, data, at)
                at, data = at + written, data[written:]
        except OSError:
            os.ftruncate(self._out, size)
            raise

    def _enter(self, sizes: dict[int, int]) -> bool:
        """Go to the next file where one is read to its end; whether there is something to read."""
        while self._offset >= sizes.get(self._segment, 0):
            later = [segment for segment in sizes if segment > self._segment]
            if not later:
                return False
            self._segment, self._offset = min(later), 0
        return True

    def _frame(self, end: int) -> Frame | None:
        """The next frame, or a notice that lines are missing before it; None where the file has no more."""
        try:
            if self._in_segment != self._segment:
                self._open(self._segment)
            found = next_frame(self._in, self._offset, end)
        except OSError:
            found = None
        if found is None:
            self._offset = end
            return None
        frame, at, after = found
        if frame.first > self._expected:
            self._offset = at
            return self._notice(frame.first, frame.life)
        self._offset, self._expected = after, frame.after
        return frame

    def _notice(self, number: int, life: bytes) -> Frame:
        """What stands for the lines up to the number, which are not there any more."""
        self.lost += max(0, number - max(self._expected, self._lost_to))
        self._lost_to = max(self._lost_to, number)
        now = time.time_ns() // 1_000_000
        entry = missing_entry(now, number - self._expected, "the disk of the spool lost them")
        self._expected = number
        return Frame(number - 1, [now], [entry.value], self._sent.mark, life)

    def _open(self, segment: int) -> None:
        if self._in >= 0:
            os.close(self._in)
            self._in = self._in_segment = -1
        self._in = os.open(self._path(segment), os.O_RDONLY | os.O_CLOEXEC)
        self._in_segment = segment

    def _beginning(self) -> Sent:
        """The place where none is kept: what the files hold is sent again, unless the topic has it."""
        first = next((f.first for s in self._sizes if (f := first_frame(self._path(s)))), 0)
        return Sent(number=first)

    def _recover(self) -> None:
        """What the last process wrote: its last sound frame says which number and mark come next."""
        for segment in reversed(self._sizes):
            frame = last_frame(self._path(segment))
            if frame is not None:
                if frame.after > self._number:
                    self._number, self.mark = frame.after, frame.mark
                return
