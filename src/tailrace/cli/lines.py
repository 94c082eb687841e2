"""Input in blocks of whole lines: as much as there is, never waiting for more than a line."""

import os
import select
import stat
from collections.abc import Iterator
from typing import BinaryIO

from tailrace.protocol.produce_lines import LineBuffer

BLOCK_BYTES = 1 << 20
# How often a quiet input lets its reader look after what is under way.
IDLE_SECONDS = 1.0
# A record above it is refused by every broker's default; it bounds what is held for one line.
LONGEST_LINE = 64 << 20


def blocks(source: BinaryIO) -> Iterator[bytes]:
    """Whole lines as they come, the last one made whole; b"" when nothing came for a while."""
    descriptor = source.fileno()
    may_wait = not stat.S_ISREG(os.fstat(descriptor).st_mode)
    buffer = LineBuffer(LONGEST_LINE)
    while True:
        if may_wait and not select.select([descriptor], [], [], IDLE_SECONDS)[0]:
            yield b""
            continue
        data = os.read(descriptor, BLOCK_BYTES)
        if not data:
            break
        if block := buffer.feed(data):
            yield block
    if rest := buffer.rest():
        yield rest + b"\n"
