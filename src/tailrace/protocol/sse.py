"""Streams as server-sent events, so that a plain EventSource resumes where it was."""

import random
import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

from tailrace.core.cursors import format_topic
from tailrace.core.records import Chunk
from tailrace.protocol.codecs import encode_records, encode_rows

RETRY_MS = 1000
# A goodbye spreads the return of all clients over this time.
BYE_RETRY_MS = (500, 5000)

_block_ends = re.compile(rb"\n\n")


class _SseFormat:
    """What both kinds of event streams share."""

    def __init__(self, frame: Callable[[bytes], bytes]) -> None:
        self.frame = frame

    def ends(self, chunk: Chunk, data: bytes) -> Sequence[int]:
        """A record's JSON never holds a line break, so only its end has an empty line."""
        del chunk
        return [match.end() for match in _block_ends.finditer(data)]

    def idle(self) -> bytes:
        """A comment: there is no cursor yet."""
        return b":\n\n"

    def event(self, name: str, body: Mapping[str, object]) -> bytes:
        """An event of that name, with the cursor as its id where there is one."""
        data = msgspec.json.encode(body)
        cursor = body.get("cursor")
        place = f"id: {cursor}\n" if cursor else ""
        low, high = BYE_RETRY_MS
        retry = f"retry: {random.randint(low, high)}\n" if name == "bye" else ""  # noqa: S311 - spreads load
        return f"event: {name}\n{place}{retry}data: ".encode() + data + b"\n\n"


class SseWriteFormat(_SseFormat):
    """The cursor once a write, as a block of only an id: it moves Last-Event-ID and fires no event."""

    cursor_in_records = False

    def records(self, chunk: Chunk, tag: str, before: Mapping[int, int]) -> bytes:
        """One event a record, without an id."""
        del tag, before
        return b"data: " + encode_records(chunk)[:-1].replace(b"\n", b"\n\ndata: ") + b"\n\n"

    def cursor(self, text: str) -> bytes:
        """A bare id."""
        return b"id: %b\n\n" % text.encode("ascii")


class SseRecordFormat(_SseFormat):
    """The cursor as the id of each record, for one topic of few partitions."""

    cursor_in_records = True

    def records(self, chunk: Chunk, tag: str, before: Mapping[int, int]) -> bytes:
        """One event a record, its id the reader's cursor after it."""
        if len(before) == 1:
            return self._one_partition(chunk, tag)
        rows = encode_rows(chunk, b"data: ", b"\n\n")
        positions = dict(before)
        blocks: list[bytes] = []
        for run in chunk.runs:
            for row in range(run.start, run.stop):
                positions[run.partition] = chunk.offsets[row] + 1
                blocks += (b"id: %b\n" % format_topic(chunk.topic, tag, positions).encode(), rows[row])
        return b"".join(blocks)

    def _one_partition(self, chunk: Chunk, tag: str) -> bytes:
        place = b"id: %b:%d@" % (f"{chunk.topic}~{tag}".encode(), chunk.runs[0].partition)
        return b"".join(encode_rows(chunk, b"data: ", b"\n\n", place=place))

    def cursor(self, text: str) -> bytes:
        """A bare id: it moves on over what a filter hides, and idle partitions."""
        return b"id: %b\n\n" % text.encode("ascii")
