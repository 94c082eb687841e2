"""Records as clients send them."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.errors import BadRecord, BadRequest, TailraceError, TooLarge
from tailrace.core.ports import NewRecord
from tailrace.protocol.produce import MAX_HEADERS, RecordParser
from tailrace.protocol.produce_lines import MAX_LINES_AT_ONCE, LineBuffer, batches

PARSER = RecordParser(1 << 20)

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)
texts = st.text(st.characters(exclude_categories=["Cs"]))


def outcome(body):
    try:
        PARSER.body(body)
    except TailraceError as error:
        return error.status
    return "read"


@given(st.binary(max_size=200))
def test_any_body_is_read_or_refused_by_a_documented_error(body):
    """Never another exception."""
    assert outcome(body) in {"read", 400, 413}


@given(any_json)
def test_any_json_is_read_or_refused_by_a_documented_error(value):
    """Also where it nearly is a record."""
    for body in (value, [value], {"value": 1, "headers": value}, {"value": value, "value_encoding": "text"}):
        assert outcome(json.dumps(body).encode()) in {"read", 400}


@given(st.binary(max_size=300))
def test_any_lines_are_read_or_refused_each(block):
    """As many answers as lines that are not blank."""
    parsed = PARSER.lines(block)
    assert len(parsed) == sum(1 for line in block.split(b"\n") if line.strip(b" \t\r"))


@given(any_json.filter(lambda value: value is not None))
def test_a_json_value_keeps_its_bytes(value):
    """Alone, in an array, and in a line."""
    text = json.dumps(value, separators=(", ", " : ")).encode() if not surrogates(value) else b"1"
    record = b'{"value":%b}' % text
    alone, (listed,), (line,) = PARSER.body(record), PARSER.body(b"[%b]" % record), PARSER.lines(record)
    assert alone.value == listed.value == line.value == text


def surrogates(value):
    return any(0xD800 <= ord(c) <= 0xDFFF for c in json.dumps(value, ensure_ascii=False))


@given(st.binary(), st.binary(), texts)
def test_base64_and_text_come_out_as_they_went_in(value, key, text):
    """Any bytes."""
    coded = {"value": base64.b64encode(value).decode(), "value_encoding": "base64"}
    coded |= {"key": base64.b64encode(key).decode(), "key_encoding": "base64"}
    record = PARSER.body(json.dumps(coded).encode())
    assert (record.value, record.key) == (value, key)
    record = PARSER.body(json.dumps({"value": text, "value_encoding": "text", "key": text}).encode())
    assert (record.value, record.key) == (text.encode(), text.encode())


@given(st.lists(st.binary(max_size=20)), st.integers(1, 17))
def test_lines_do_not_depend_on_where_a_body_is_cut(lines, size):
    """The same records for any pieces."""
    whole = b"\n".join(line.replace(b"\n", b"") for line in lines)
    buffer = LineBuffer(1000)
    out = [buffer.feed(whole[at : at + size]) for at in range(0, len(whole), size)]
    assert all(not block or block.endswith(b"\n") for block in out)
    assert b"".join(out) + buffer.rest() == whole


def test_a_line_above_the_limit_is_refused():
    """Whether it has ended or not."""
    with pytest.raises(TooLarge):
        LineBuffer(5).feed(b"123456\n")
    buffer = LineBuffer(5)
    buffer.feed(b"123456")
    with pytest.raises(TooLarge):
        buffer.check()


@pytest.mark.parametrize(
    "line", [b'{"value":1} {"value":2}', b'{"value":1},', b"1", b'\xef\xbb\xbf{"value":1}']
)
def test_a_line_is_one_record(line):
    """Two on a line, or a comma behind it, is an error of that line alone."""
    good, bad, after = PARSER.lines(b'{"value":0}\n%b\n{"value":3}\n' % line)
    assert (good.value, after.value) == (b"0", b"3")
    assert bad.code == "bad_record"


def test_invalid_utf8_inside_a_value_is_refused():
    """JSON is UTF-8; the decoder alone would let it pass."""
    good, bad = PARSER.lines(b'{"value":1}\n{"value":"\xff"}\n')
    assert isinstance(good, NewRecord)
    assert bad.code == "bad_record"
    with pytest.raises(BadRequest):
        PARSER.body(b'{"value":"\xff"}')


def test_a_deep_value_is_refused():
    """Not a crash."""
    with pytest.raises(BadRequest):
        PARSER.body(b'{"value":' + b"[" * 100_000)


def test_an_array_of_millions_is_refused_before_it_is_read():
    """Its elements are never made into objects."""
    with pytest.raises(TooLarge):
        PARSER.body(b"[" + b"0," * 8_000_000 + b"0]")


def test_a_key_and_headers_count_for_the_size():
    """The bound is on the whole record."""
    parser = RecordParser(20)
    parser.body(b'{"value":12345,"key":"12345"}')
    for body in (b'{"value":12345,"key":"1234567890123456"}', b'{"value":1,"headers":[["12345","12345"]]}'):
        with pytest.raises(TooLarge):
            parser.body(body)


def test_more_headers_than_are_kept_are_refused():
    """Kafka's client reads a record of 100,001 as one without any."""

    def record(count):
        return b'{"value":1,"headers":[%b]}' % b",".join([b'["a",null]'] * count)

    kept = PARSER.body(record(MAX_HEADERS))
    assert isinstance(kept, NewRecord)
    assert len(kept.headers) == MAX_HEADERS
    with pytest.raises(BadRecord):
        PARSER.body(record(MAX_HEADERS + 1))
    with pytest.raises(TooLarge):
        RecordParser(5000).body(record(MAX_HEADERS))


@given(st.lists(st.sampled_from([b"a", b"", b"bb"]), max_size=2000))
def test_batches_hold_the_same_lines(lines):
    """In order, none of them long."""
    block = b"".join(line + b"\n" for line in lines)
    parts = batches(block)
    assert [x for part in parts for x in part.split(b"\n") if x] == [x for x in lines if x]
    assert all(part.count(b"\n") <= MAX_LINES_AT_ONCE for part in parts)
