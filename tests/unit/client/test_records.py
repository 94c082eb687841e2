import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tailrace.client.load import record_line, value_line
from tailrace.client.problems import _BY_CODE, Problem, to_error
from tailrace.client.records import parse_lines
from tailrace.core.errors import Unavailable
from tailrace.core.ports import NewRecord
from tailrace.core.records import Chunk, Record
from tailrace.protocol.codecs import encode_records
from tailrace.protocol.produce import RecordParser

data = st.none() | st.binary(max_size=30) | st.text(max_size=10).map(str.encode) | st.just(b"null\n")
names = st.text(max_size=5).filter(lambda name: "\0" not in name)
headers = st.lists(st.tuples(names, data), max_size=3).map(tuple)


@given(data, data, headers)
def test_a_line_to_a_gateway_keeps_every_byte(key, value, pairs):
    """What the gateway's parser makes of it is the record."""
    record = NewRecord(value, key, 3, 12, pairs)
    assert RecordParser(1 << 20).lines(record_line(record)) == [record]


@example(b"\t0")
@given(st.binary(max_size=40))
def test_a_bare_value_keeps_every_byte(value):
    """JSON, text or neither."""
    (stored,) = RecordParser(1 << 20).lines(value_line(value))
    assert stored.value == value


@given(
    st.lists(
        st.tuples(
            data,
            data.filter(lambda v: v is None or (not set(v) & set(b"\r\n") and v.strip() != b"null")),
            headers,
        ),
        min_size=1,
        max_size=4,
    )
)
def test_a_stream_s_lines_are_its_records(rows):
    """What was encoded comes back."""
    records = [Record("t", 0, i, 5, key, value, tuple(pairs)) for i, (key, value, pairs) in enumerate(rows)]
    (parsed,) = parse_lines(encode_records(Chunk.of(records)).split(b"\n"))
    assert parsed == records


def test_control_lines_stand_where_they_stood():
    """Records before a cursor are told before it."""
    record = encode_records(Chunk.of([Record("t", 0, 1, 5, None, b"1")])).rstrip()
    parts = list(parse_lines([record, b'{"cursor":"t:0@2"}', record, b""]))
    assert [type(part).__name__ for part in parts] == ["list", "Control", "list"]


@pytest.mark.parametrize("line", [b"<html>", b'{"topic":1}', b'{"topic":"t"}'])
def test_a_line_that_is_neither_is_refused(line):
    """A page of a proxy is not taken for records."""
    with pytest.raises(Unavailable):
        list(parse_lines([line]))


@pytest.mark.parametrize("error", _BY_CODE.values())
def test_each_problem_comes_back_as_its_error(error):
    """Exit codes are the same through a gateway as without one."""
    problem = msgspec.convert(error("d", cause="c", hint="h").problem(), Problem)
    came = to_error(problem)
    assert (type(came), came.detail, came.cause, came.hint) == (error, "d", "c", "h")
