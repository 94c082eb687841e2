"""Where a reader of a task's log stands: a place in its file, and a cursor in its topic.

cursor = [file] [";" topic]; file = "worker.log~" tag ":" inode "@" offset, in the form of a topic's part;
topic is an ordinary cursor of one topic. A part that is missing was not there yet.
"""

import base64
import hashlib
import re
from dataclasses import dataclass

from tailrace.core.cursors import TAG_LENGTH, Cursor
from tailrace.core.errors import BadCursor

FILE_NAME = "worker.log"
# What identifies a file by its content: its beginning, and what stands just before a place in it.
HEAD_BYTES = 256
TAIL_BYTES = 64
# An inode's number is told modulo this: it is a hint, the content decides.
INODES = 2**31

_FILE = re.compile(r"worker\.log~([A-Za-z0-9_-]{6}):(\d{1,10})@(\d{1,19})", re.ASCII)


@dataclass(frozen=True, slots=True)
class FilePlace:
    """A place in a file that may have been renamed or cut meanwhile; `tag` is of the bytes before it."""

    tag: str
    inode: int
    offset: int

    def __str__(self) -> str:
        return f"{FILE_NAME}~{self.tag}:{self.inode}@{self.offset}"


@dataclass(frozen=True, slots=True)
class LogCursor:
    """A place in a task's log: what follows it in the file, then in the topic."""

    file: FilePlace | None = None
    topic: Cursor | None = None

    @classmethod
    def parse(cls, text: str) -> "LogCursor":
        """Read a cursor.

        Raises:
            BadCursor: the text is none of a task's log.
        """
        first, _, rest = text.partition(";")
        found = _FILE.fullmatch(first)
        if found is None:
            return cls(None, Cursor.parse(text))
        file = FilePlace(found[1], int(found[2]), int(found[3]))
        if file.inode >= INODES or file.offset >= 2**63:
            raise BadCursor(f"The cursor's place in {FILE_NAME} cannot be.")
        return cls(file, Cursor.parse(rest) if rest else None)


def cursor_text(file: FilePlace | None, topic: str) -> str:
    """A cursor's text, of a file's place and a topic's cursor as far as there are any."""
    return ";".join(part for part in (str(file) if file else "", topic) if part)


def content_tag(head: bytes, tail: bytes) -> str:
    """The tag of a place: of the file's first bytes and of the last ones before the place."""
    return base64.urlsafe_b64encode(hashlib.sha256(head + b"\0" + tail).digest()).decode()[:TAG_LENGTH]
