"""NDJSON lines of a stream back to chunks, and its control lines to what they say."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from tailrace.client.problems import Problem
from tailrace.core.errors import Unavailable
from tailrace.core.ports import NewRecord
from tailrace.core.records import Record
from tailrace.protocol.produce import RecordIn, RecordParser

# A record that was stored is never refused here.
_parser = RecordParser(1 << 40, 1 << 40)
_decode_record: Callable[[bytes], RecordIn] = msgspec.json.Decoder(RecordIn).decode


class Gap(msgspec.Struct):
    """Records that can't be had any more."""

    topic: str
    partition: int
    cause: str
    cursor: str | None = None
    start: int = msgspec.field(default=0, name="from")
    stop: int | None = msgspec.field(default=None, name="to")


class End(msgspec.Struct):
    """The stream's own end."""

    reason: str
    cursor: str | None = None


class Stalled(msgspec.Struct):
    """Records are held back: by an open transaction, or by the reason given."""

    topic: str = ""
    partition: int = 0
    reason: str = ""


class Control(msgspec.Struct):
    """A control line; exactly one member is given."""

    cursor: str | None = None
    gap: Gap | None = None
    stalled: Stalled | None = None
    error: Problem | None = None
    end: End | None = None


_decode_control: Callable[[bytes], Control] = msgspec.json.Decoder(Control).decode


def parse_lines(lines: Sequence[bytes]) -> Iterator[list[Record] | Control]:
    """Records in lists, as they stand between control lines.

    Raises:
        Unavailable: a line is neither.
    """
    records: list[Record] = []
    try:
        for line in lines:
            if line.startswith(b'{"topic"'):
                records.append(_record(line))
            elif line:
                if records:
                    yield records
                    records = []
                yield _decode_control(line)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise Unavailable(
            "The stream has a line that is no record.", cause=str(error), hint="Is it a gateway's address?"
        ) from None
    if records:
        yield records


def _record(line: bytes) -> Record:
    given = _decode_record(line)
    topic, partition, offset, timestamp = given.topic, given.partition, given.offset, given.timestamp
    if topic is None or partition is None or offset is None or timestamp is None:
        raise msgspec.ValidationError("the place of a record is missing")
    if given.headers or given.key_encoding or given.value_encoding:
        stored = _parser.lines(line)[0]
        if not isinstance(stored, NewRecord):
            raise msgspec.ValidationError(stored.detail)
        return Record(topic, partition, offset, timestamp, stored.key, stored.value, stored.headers)
    value = bytes(given.value)
    key = None if given.key is None else given.key.encode()
    return Record(topic, partition, offset, timestamp, key, None if value == b"null" else value)
