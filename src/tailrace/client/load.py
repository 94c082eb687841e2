"""Loads over HTTP: one endless NDJSON body, whose answers are read while it is written."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Generic, TypeVar
from urllib.parse import quote

import msgspec

from tailrace.client.exchange import Address, Exchange
from tailrace.client.problems import Problem, raise_problem, to_error
from tailrace.core.errors import TailraceError, Unavailable, UnknownOutcome
from tailrace.core.ports import NewRecord
from tailrace.core.scans import Refused
from tailrace.protocol.codecs import encode_headers, encode_key, encode_value
from tailrace.protocol.produce_lines import LineBuffer

# The gateway waits five minutes for the next line.
KEEP_ALIVE_SECONDS = 60.0
LONGEST_ANSWER = 1 << 20

RecordT = TypeVar("RecordT")


class _Answer(msgspec.Struct):
    """A line of the response: a refusal (`line`), progress (`acked`), or the end of it all (`error`)."""

    line: int | None = None
    acked: int | None = None
    failed: int = 0
    error: Problem | None = None


_decode_answer: Callable[[bytes], _Answer] = msgspec.json.Decoder(_Answer).decode


class _GatewayLoad(Generic[RecordT]):
    """Writes records, each as the line that `encode` makes of it."""

    def __init__(self, address: Address, topic: str, encode: Callable[[RecordT], bytes]) -> None:
        headers = {"Content-Type": "application/x-ndjson", "Transfer-Encoding": "chunked"}
        self._address = address
        self._encode = encode
        self._exchange = Exchange(address, "POST", f"/v1/topics/{quote(topic, safe='')}/records", headers)
        self._answers = LineBuffer(LONGEST_ANSWER)
        self._refused: list[Refused] = []
        self._taken = self._acked = self._failed = 0
        self._written = time.monotonic()

    def add(self, records: Sequence[RecordT]) -> None:
        """Take records; waits while the gateway takes no more."""
        self._write(b"".join(map(self._encode, records)))
        self._taken += len(records)

    def refused(self) -> Sequence[Refused]:
        """What is known to be refused since the last call."""
        refused, self._refused = self._refused, []
        return refused

    def idle(self) -> None:
        """Read answers; an empty line keeps a quiet stream alive."""
        due = time.monotonic() - self._written > KEEP_ALIVE_SECONDS
        self._write(b"\n" if due else b"")

    def finish(self) -> int:
        """End the body and wait for the last answer; answers how many were stored."""
        with self._ending():
            self._exchange.write_chunk(b"")
            self._exchange.wait_head()
            self._read(self._exchange.read_all())
            if self._acked < self._taken:
                raise self._cut(None)
        self._exchange.close()
        return self._acked - self._failed

    def _write(self, data: bytes) -> None:
        with self._ending():
            if data:
                self._exchange.write_chunk(data)
                self._written = time.monotonic()
            self._read(self._exchange.read(0.0))

    @contextmanager
    def _ending(self) -> Iterator[None]:
        """Whatever goes wrong ends the connection; what breaks it leaves an unknown outcome."""
        try:
            yield
        except TailraceError as error:
            self._exchange.close()
            if type(error) is Unavailable:
                raise self._cut(error) from None
            raise

    def _read(self, data: bytes) -> None:
        head = self._exchange.head
        if head is not None and head.status >= 400:
            raise_problem(head, data + self._exchange.read_all(), str(self._address))
        for line in self._answers.feed(data).split(b"\n") if data else ():
            if line:
                self._obey(_decode_answer(line))
        if self._exchange.ended and self._acked < self._taken:
            raise self._cut(None)

    def _obey(self, answer: _Answer) -> None:
        if answer.line is not None and answer.error is not None:
            self._refused.append(Refused(answer.line - 1, to_error(answer.error)))
            return
        if answer.acked is not None:
            self._acked, self._failed = answer.acked, max(self._failed, answer.failed)
        if answer.error is not None:
            raise self._cut(to_error(answer.error))

    def _cut(self, error: TailraceError | None) -> UnknownOutcome:
        cause = f"{error.detail} {error.cause}".strip() if error else "The gateway ended the stream early."
        return UnknownOutcome(
            f"The load broke off after {self._acked:,} of {self._taken:,} records were confirmed.",
            cause=cause,
            hint="The rest may have been stored or not: read the topic's end before sending it again.",
        )


class GatewayRecordLoad(_GatewayLoad[NewRecord]):
    """Stores records; each one's refusal is told."""

    def __init__(self, address: Address, topic: str) -> None:
        super().__init__(address, topic, record_line)


class GatewayValueLoad(_GatewayLoad[bytes]):
    """Stores bare values; each one's refusal is told."""

    def __init__(self, address: Address, topic: str) -> None:
        super().__init__(address, topic, value_line)


def value_line(value: bytes) -> bytes:
    """A bare value as a record's line."""
    encoded, encoding = _exact_value(value)
    return b'{"value":%b%b}\n' % (encoded, encoding)


def record_line(record: NewRecord) -> bytes:
    """A record's line."""
    value, value_encoding = _exact_value(record.value)
    key, key_encoding = encode_key(record.key)
    partition = b"" if record.partition is None else b',"partition":%d' % record.partition
    timestamp = b"" if record.timestamp is None else b',"timestamp":%d' % record.timestamp
    headers = b',"headers":%b' % encode_headers(record.headers) if record.headers else b""
    parts = (value, value_encoding, key, key_encoding, partition, timestamp, headers)
    return b'{"value":%b%b,"key":%b%b%b%b%b}\n' % parts


def _exact_value(value: bytes | None) -> tuple[bytes, bytes]:
    # Space around JSON would be lost, and line breaks between its tokens become spaces: as a text they stay.
    # A bare JSON null is no tombstone: only its text tells the two apart.
    if value is not None and (value != value.strip() or value == b"null" or b"\n" in value or b"\r" in value):
        try:
            return msgspec.json.encode(value.decode()), b',"value_encoding":"text"'
        except UnicodeDecodeError:
            pass  # base64, below
    return encode_value(value)
