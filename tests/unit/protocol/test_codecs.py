"""Any bytes: out as they went in, and never a line break where a line or an event would end."""

import base64
import json
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.records import Chunk, Record
from tailrace.protocol.codecs import encode_records, encode_value, encode_values, value_ends
from tailrace.protocol.framing import bare, chunked
from tailrace.protocol.ndjson import NdjsonFormat, ValuesFormat
from tailrace.protocol.sse import SseRecordFormat, SseWriteFormat

ODD = [
    None, b"", b" ", b"\n", b"\r\n", b"null", b'""', b"\x00", b"\xff\xfe", b"\xed\xa0\x80", b'"\xff"',
    b"9007199254740993", b"1e999", b"-0", b"0.1000", b"NaN", b"-Infinity", b'{"a":NaN}',
    b'"\\ud800"', b'"\\u0000"', b'"\x01"', b'"a\nb"', b'{\n"a":\r\n1}', b"[" * 500 + b"]" * 500,
    b"[" * 100_000, b"\xef\xbb\xbf1", b'{"a":1,"a":2}', b'"\xe2\x80\xa8"', b"1 2", b"{", b"%d%s%%", b'"%b"',
    "é".encode(), '"é"'.encode(), b"true\n", b"data: x\n\nid: y\n\n",
]  # fmt: skip
values = st.sampled_from(ODD) | st.none() | st.binary(max_size=40) | st.text(max_size=20).map(
    lambda text: text.encode("utf-8", "surrogatepass")
) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5), st.lists, max_leaves=5
).map(lambda value: json.dumps(value, indent=1).encode())  # fmt: skip
headers = st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5)), max_size=3)
rows = st.lists(st.tuples(values, values, headers), min_size=1, max_size=8)


def chunk_of(rows):
    return Chunk.of([Record("t", n % 2, n, 5, k, v, tuple(h)) for n, (k, v, h) in enumerate(rows)])


def back(given, encoding, raw):
    """The bytes that a client makes of what it was given."""
    if given is None:
        return None
    if encoding == "base64":
        return base64.b64decode(given)
    return given.encode("utf-8", "surrogatepass") if encoding == "text" else bytes(raw)


class Line(msgspec.Struct):
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: str | None
    value: msgspec.Raw
    headers: list
    key_encoding: str = "text"
    value_encoding: str = "json"


def check_line(line, record):
    read = msgspec.json.decode(line, type=Line)
    said = None if read.value_encoding == "json" else msgspec.json.decode(read.value)
    value = (
        None
        if bytes(read.value) == b"null" and record.value is None
        else back(said or "", read.value_encoding, read.value)
    )
    if read.value_encoding == "json" and record.value is not None:
        assert value == record.value.translate(bytes.maketrans(b"\r\n", b"  ")).strip(b" \t")
    else:
        assert value == record.value
    assert back(read.key, read.key_encoding, b"") == record.key
    told = [
        (n, v if v is None else base64.b64decode(v["base64"]) if isinstance(v, dict) else v.encode())
        for n, v in read.headers
    ]
    assert told == list(record.headers)
    assert (read.partition, read.offset) == (record.partition, record.offset)


@given(rows)
def test_any_record_comes_out_as_it_went_in(rows):
    """One line each, however odd its neighbours are."""
    chunk = chunk_of(rows)
    lines = encode_records(chunk).split(b"\n")
    assert lines.pop() == b""
    assert b"\r" not in b"".join(lines)
    for line, record in zip(lines, chunk.records(), strict=True):
        check_line(line, record)


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_each_odd_value_alone(value):
    """Alone it takes the short way through a batch."""
    chunk = chunk_of([(None, value, [])])
    check_line(encode_records(chunk).rstrip(b"\n"), next(chunk.records()))


@given(rows)
def test_rows_end_where_the_format_says(rows):
    """A reader that joins within a chunk gets whole records, in every form."""
    chunk = chunk_of(rows)
    before = {0: 0, 1: 0}
    for form in (NdjsonFormat(bare), SseRecordFormat(bare), SseWriteFormat(bare), ValuesFormat(bare)):
        data = form.records(chunk, "tagtag", before)
        ends = form.ends(chunk, data)
        assert len(ends) == len(chunk)
        assert ends[-1] == len(data)


@given(rows)
def test_an_event_stream_holds_nothing_but_its_events(rows):
    """A value cannot end an event or forge an id."""
    for form in (SseRecordFormat(bare), SseWriteFormat(bare)):
        blocks = form.records(chunk_of(rows), "tagtag", {0: 0, 1: 0}).split(b"\n\n")
        assert blocks.pop() == b""
        assert len(blocks) == len(rows)
        for block in blocks:
            *ids, data = block.split(b"\n")
            assert data.startswith(b'data: {"topic"')
            assert len(ids) == (1 if form.cursor_in_records else 0)


@given(st.lists(values, min_size=1, max_size=8))
def test_bare_values_are_the_bytes(values):
    """Each with a line feed; null is an empty line."""
    chunk = chunk_of([(None, value, []) for value in values])
    data, starts = encode_values(chunk), [0, *value_ends(chunk)]
    pieces = [data[a : b - 1] for a, b in pairwise(starts)]
    assert pieces == [value or b"" for value in values]


def test_null_and_empty_are_told_apart():
    """null is null and never ""."""
    assert encode_value(None) == (b"null", b"")
    assert encode_value(b"") == (b'""', b',"value_encoding":"text"')
    assert encode_value(b"null") == (b"null", b',"value_encoding":"json"')


def test_an_empty_chunk_does_not_end_a_body():
    """In the chunked coding nothing is nothing."""
    assert chunked(b"") == b""
    assert chunked(b"ab") == b"2\r\nab\r\n"
