"""Lines as records that tell where they come from, and which of them a topic has."""

from collections.abc import Sequence
from typing import Final

from tailrace.core.ports import NewRecord
from tailrace.core.scans import Missing, ScanRequest, Waiting
from tailrace.shipping.frames import Frame, Sent
from tailrace.shipping.ways import Way

HEADER: Final = "line"
"""Which line of its spool it is. The record's key is the spool's, and keeps its lines in one partition."""


def numbered(key: bytes, frames: Sequence[Frame]) -> list[tuple[bytes, NewRecord]]:
    """The lines of frames, each with what tells it from the spool's others."""
    return [
        (line, NewRecord(value, key, None, timestamp, ((HEADER, line),)))
        for frame in frames
        for line, timestamp, value in zip(_lines(frame), frame.timestamps, frame.values, strict=True)
    ]


def _lines(frame: Frame) -> list[bytes]:
    return [b"%b-%d" % (frame.life, number) for number in range(frame.first, frame.after)]


def seen(way: Way, key: bytes, sent: Sent) -> set[bytes]:
    """Which of a spool's lines the topic has behind the last confirmed place."""
    request = ScanRequest((way.topic,))
    if sent.position >= 0:
        start = f"{way.topic}:{sent.partition}@{sent.position}"
        request = ScanRequest((way.topic,), start, partitions=frozenset({sent.partition}))
    return {
        value
        for event in way.scan(request).events()
        if event is not None and not isinstance(event, Missing | Waiting)
        for chunk in event.chunks()
        for record in chunk.records()
        if record.key == key
        for name, value in record.headers
        if name == HEADER and value is not None
    }
