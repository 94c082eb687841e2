"""Records as clients send them: bytes in, records to store or the reason why not, in order.

The object is the one that readers get, so what was consumed can be produced again: `topic` and `offset`
are taken and not used. A JSON value keeps its bytes. The whole of a batch is read by typed decoders; only
a batch with something wrong in it is looked at record by record.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Annotated, Literal, NoReturn

import msgspec

from tailrace.core.cursors import MAX_OFFSET, MAX_PARTITION
from tailrace.core.errors import BadRecord, BadRequest, TooLarge
from tailrace.core.ports import NewRecord, Outcome, Stored
from tailrace.core.records import Headers

MAX_ARRAY_RECORDS = 10_000
# Kafka's client reads a record of more than 100,000 as one that has none, in silence.
MAX_HEADERS = 1000
# The lengths of a header's name and value, in what is sent and in what is kept of it.
HEADER_OVERHEAD_BYTES = 10

_NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

Number = Annotated[int, msgspec.Meta(ge=0, le=MAX_OFFSET)]
Partition = Annotated[int, msgspec.Meta(ge=0, le=MAX_PARTITION)]


class Base64Text(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """Bytes that are no UTF-8."""

    base64: str


class RecordIn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A record to store; `value` must be given, null is a tombstone."""

    value: msgspec.Raw
    key: str | None = None
    partition: Partition | None = None
    timestamp: Number | None = None
    headers: tuple[tuple[str, str | Base64Text | None], ...] = ()
    key_encoding: Literal["text", "base64"] | None = None
    value_encoding: Literal["json", "text", "base64"] | None = None
    topic: str | None = None
    offset: Number | None = None


Parsed = Sequence[NewRecord | BadRecord | TooLarge]

_decode_record = msgspec.json.Decoder(RecordIn).decode
_decode_body = msgspec.json.Decoder(RecordIn | list[RecordIn]).decode
_decode_raw_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_make = tuple.__new__
_decode_text = msgspec.json.Decoder(str).decode


class RecordParser:
    """Reads records of at most `max_record` bytes (key, value and headers together)."""

    def __init__(self, max_record: int, max_headers: int = MAX_HEADERS) -> None:
        self._max_record = max_record
        self._max_headers = max_headers

    def body(self, body: bytes) -> NewRecord | Parsed:
        """One record object, or an array of them with each one's own error.

        Raises:
            BadRequest: the body is no JSON, or neither object nor array.
            BadRecord: the one object is no record.
            TooLarge: the one record is too large, or the array too long.
        """
        if body.count(b",") >= MAX_ARRAY_RECORDS:
            _check_length(body)
        try:
            _check_utf8(body)
            decoded = _decode_body(body)
        except _NOT_JSON as error:
            return self._body_with_errors(body, error)
        if isinstance(decoded, RecordIn):
            return self._record(decoded)
        if len(decoded) > MAX_ARRAY_RECORDS:
            _too_long()
        try:
            return [self._record(record) for record in decoded]
        except (BadRecord, TooLarge):
            return [self._record_or_error(record) for record in decoded]

    def lines(self, block: bytes) -> Parsed:
        """The records of whole lines of NDJSON, each with its own error; blank lines are none."""
        try:
            _check_utf8(block)
            return [self._record(_decode_record(line)) for line in block.split(b"\n") if line]
        except (*_NOT_JSON, BadRecord, TooLarge):
            return [self._line(line) for line in block.split(b"\n") if line.strip(b" \t\r")]

    def bare(self, value: bytes, key: str | None, partition: int | None) -> NewRecord:
        """A record of a value as it is."""
        return self._sized(NewRecord(value, None if key is None else key.encode(), partition))

    def _body_with_errors(self, body: bytes, error: Exception) -> Parsed:
        if body.lstrip(b" \t\r\n")[:1] != b"[":
            _refuse_object(body, error)
        try:
            elements = _decode_raw_list(body)
        except _NOT_JSON as not_json:
            raise BadRequest("The body is not JSON.", cause=str(not_json)) from None
        if len(elements) > MAX_ARRAY_RECORDS:
            _too_long()
        return [self._line(bytes(element)) for element in elements]

    def _line(self, line: bytes) -> NewRecord | BadRecord | TooLarge:
        try:
            _check_utf8(line)
            return self._record(_decode_record(line))
        except _NOT_JSON as error:
            return _not_a_record(error)
        except (BadRecord, TooLarge) as error:
            return error

    def _record_or_error(self, given: RecordIn) -> NewRecord | BadRecord | TooLarge:
        try:
            return self._record(given)
        except (BadRecord, TooLarge) as error:
            return error

    def _record(self, given: RecordIn) -> NewRecord:
        value = bytes(given.value)
        key = given.key
        plain = not (given.value_encoding or given.key_encoding or given.headers)
        # A character takes at most four bytes.
        if not plain or len(value) + (len(key) << 2 if key else 0) > self._max_record:
            return self._sized(_unusual(given, value))
        # Past NamedTuple's own constructor, which takes twice as long: this is done for every record.
        return _make(
            NewRecord,
            (
                None if value == b"null" else value,
                None if key is None else key.encode(),
                given.partition,
                given.timestamp,
                (),
            ),
        )

    def _sized(self, record: NewRecord) -> NewRecord:
        if len(record.headers) > self._max_headers:
            raise BadRecord(
                f"The record has {len(record.headers)} headers, at most {self._max_headers} are taken."
            )
        size = len(record.value or b"") + len(record.key or b"")
        size += sum(len(n.encode()) + len(v or b"") + HEADER_OVERHEAD_BYTES for n, v in record.headers)
        if size > self._max_record:
            raise TooLarge(
                f"The record has {size} bytes, {self._max_record} are taken.",
                hint="Split it, or raise limits.record together with the broker's message.max.bytes.",
            )
        return record


def answer(outcome: Outcome) -> bytes:
    """A record's fate on the wire."""
    if isinstance(outcome, Stored):
        return b'{"partition":%d,"offset":%d,"timestamp":%d}' % (
            outcome.partition,
            outcome.offset,
            outcome.timestamp,
        )
    return msgspec.json.encode({"error": outcome.problem()})


def in_order(parsed: Parsed, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
    """What was stored and what was refused, in the order in which it came."""
    if len(outcomes) == len(parsed):
        return outcomes
    stored = iter(outcomes)
    return [next(stored) if isinstance(record, NewRecord) else record for record in parsed]


def _unusual(given: RecordIn, value: bytes) -> NewRecord:
    return NewRecord(
        None if value == b"null" and given.value_encoding is None else _value(value, given.value_encoding),
        None if given.key is None else _key(given.key, given.key_encoding),
        given.partition,
        given.timestamp,
        _headers(given.headers) if given.headers else (),
    )


def _value(value: bytes, encoding: str | None) -> bytes:
    if encoding is None or encoding == "json":
        return value
    if value[:1] != b'"':
        raise BadRecord(f"A value in {encoding} has to be a string.")
    try:
        text = _decode_text(value)
    except _NOT_JSON as error:
        raise BadRecord("The value is no string of Unicode.", cause=str(error)) from None
    return text.encode() if encoding == "text" else _from_base64(text, "value")


def _key(key: str, encoding: str | None) -> bytes:
    return _from_base64(key, "key") if encoding == "base64" else key.encode()


def _headers(headers: tuple[tuple[str, str | Base64Text | None], ...]) -> Headers:
    return tuple([(_header_name(name), _header_value(value)) for name, value in headers])


def _header_name(name: str) -> str:
    # Kafka's client takes names as C strings: what follows a zero byte would be lost in silence.
    if "\0" in name:
        raise BadRecord("A header's name has a zero character in it.")
    return name


def _header_value(value: str | Base64Text | None) -> bytes | None:
    if isinstance(value, Base64Text):
        return _from_base64(value.base64, "header")
    return None if value is None else value.encode()


def _from_base64(text: str, what: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadRecord(f"The {what} is not base64.", cause=str(error)) from None


def _check_utf8(data: bytes) -> None:
    # The decoder doesn't look into the strings of a raw value.
    if not data.isascii():
        str(data, "utf-8")


def _check_length(body: bytes) -> None:
    """Refuse an array that is too long before millions of objects are made of its elements."""
    try:
        _length_guard().decode(body)
    except msgspec.ValidationError as error:
        if "length" in str(error):
            _too_long()
    except _NOT_JSON:
        pass  # said better by the decoder that follows


def _length_guard() -> "msgspec.json.Decoder[msgspec.Struct]":
    if not _guard:
        fields = [(f"_{n}", msgspec.Raw, None) for n in range(MAX_ARRAY_RECORDS)]
        struct = msgspec.defstruct("AtMost", fields, array_like=True, forbid_unknown_fields=True, gc=False)
        _guard.append(msgspec.json.Decoder(struct))
    return _guard[0]


# Made at the first long array: its 10,000 fields take 16 ms.
_guard: list["msgspec.json.Decoder[msgspec.Struct]"] = []


def _too_long() -> NoReturn:
    raise TooLarge(
        f"An array holds at most {MAX_ARRAY_RECORDS} records.",
        hint="Send several arrays, or one application/x-ndjson body of any length.",
    )


def _refuse_object(body: bytes, error: Exception) -> NoReturn:
    if not isinstance(error, msgspec.ValidationError):
        raise BadRequest("The body is not JSON.", cause=str(error)) from None
    if body.lstrip(b" \t\r\n")[:1] != b"{":
        raise BadRequest("The body is neither a record object nor an array of them.") from None
    raise _not_a_record(error) from None


def _not_a_record(error: Exception) -> BadRecord:
    fields = ", ".join(RecordIn.__struct_fields__)
    return BadRecord("This is not a record.", cause=str(error), hint=f"Its fields are {fields}.")
