"""Lines as records that tell where they come from, and which of them a topic has."""

from collections.abc import Sequence
from typing import Final

from tailrace.core.ports import NewRecord
from tailrace.core.scans import Missing, ScanRequest, Waiting
from tailrace.shipping.frames import Frame, Sent
from tailrace.shipping.ways import Way

HEADER: Final = "line"
"""A line's number in its spool. The record's key is the spool's, and keeps its lines in one partition."""


def numbered(key: bytes, frames: Sequence[Frame]) -> list[tuple[int, NewRecord]]:
    """The lines of frames with their numbers."""
    return [
        (number, NewRecord(value, key, None, timestamp, ((HEADER, b"%d" % number),)))
        for frame in frames
        for number, (timestamp, value) in enumerate(
            zip(frame.timestamps, frame.values, strict=True), frame.first
        )
    ]


def seen(way: Way, key: bytes, sent: Sent) -> set[int]:
    """The numbers of a spool's lines that the topic has behind the last confirmed place."""
    request = ScanRequest((way.topic,))
    if sent.position >= 0:
        start = f"{way.topic}:{sent.partition}@{sent.position}"
        request = ScanRequest((way.topic,), start, partitions=frozenset({sent.partition}))
    return {
        int(value)
        for event in way.scan(request).events()
        if event is not None and not isinstance(event, Missing | Waiting)
        for chunk in event.chunks()
        for record in chunk.records()
        if record.key == key
        for name, value in record.headers
        if name == HEADER and value is not None
    }
