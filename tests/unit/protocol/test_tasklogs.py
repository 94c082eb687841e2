"""Task logs: records as lines, forms, cursors."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.errors import BadCursor
from tailrace.core.records import Chunk, Record
from tailrace.protocol.tasklog_cursor import FilePlace, LogCursor, cursor_text
from tailrace.protocol.tasklog_forms import FORMS, Step
from tailrace.protocol.tasklog_lines import CURSOR, LINES, LogFormat, log_lines, read_items


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        (None, None),
        (b'{"log":"a\\n"}', [b"a"]),
        (b'{"log":"\\n\\na\\nb\\r\\n\\n"}', [b"a", b"b\r"]),
        (b'{"log":"\\n"}', [b""]),
        (b'{"log":""}', [b""]),
        (b'{"x":1,"log":"\\u00e4\\u0000","y":[{}]}', ["ä\0".encode()]),
        (b'{"log":"\\ud800"}', [b'{"log":"\\ud800"}']),
        (b'{"log":1}', [b'{"log":1}']),
        (b'["log"]', [b'["log"]']),
        (b"plain\n", [b"plain"]),
        (b"\xff\xfe", [b"\xff\xfe"]),
        (b'{"log":"a\xff"}', [b'{"log":"a\xff"}']),
        (b"", [b""]),
        (b"[" * 100_000, [b"[" * 100_000]),
    ],
)
def test_the_lines_of_a_record(value, lines):
    """Line feeds at both ends go, inner ones split; what is no log is given as it is."""
    assert log_lines(value) == lines


@given(st.lists(st.one_of(st.none(), st.binary(max_size=40)), min_size=1, max_size=20))
def test_items_keep_records_and_their_places(values):
    """Whole, and cut between any two records."""
    chunk = Chunk.of([Record("t", 0, n, 0, None, value) for n, value in enumerate(values)])
    form = LogFormat()
    data = form.records(chunk, "tag", {})
    expected = [(LINES, n, b"\n".join(log_lines(v) or ())) for n, v in enumerate(values) if v is not None]
    assert [(i.kind, i.offset, i.body) for i in read_items(data)] == expected
    parts = [0, *form.ends(chunk, data)]
    cut = [data[a:b] for a, b in pairwise(parts)]
    assert b"".join(cut) == data
    assert [i.body for part in cut for i in read_items(part)] == [body for _, _, body in expected]
    assert next(read_items(form.cursor("t:0@1"))) == (CURSOR, 0, 0, b"t:0@1")


@given(st.lists(st.binary(max_size=1200).map(lambda line: line.replace(b"\n", b"").replace(b"\r", b""))))
def test_a_reader_of_512_bytes_sees_no_blank_line(lines):
    """Each piece is read 512 bytes at a time, and cut into lines as `iter_lines` does."""
    pieces = FORMS["bare"].steps([Step(lines, "")])
    assert b"".join(pieces) == b"".join(line + b"\r\n" for line in lines)
    pending, seen = b"", []
    for read in (piece[at : at + 512] for piece in pieces for at in range(0, len(piece), 512)):
        assert not read.endswith(b"\r")
        whole = pending + read
        found = whole.split(b"\r\n")
        pending = found.pop()
        seen += found
    assert seen == lines


@given(st.binary(max_size=50))
def test_a_line_in_json_is_exact(line):
    """As text, or as base64 where it is none."""
    data = FORMS["ndjson"].steps([Step([line], "c")])[0].splitlines()
    said = json.loads(data[0])
    try:
        assert said == {"line": line.decode()}
    except UnicodeDecodeError:
        assert said["encoding"] == "base64"
    assert json.loads(data[1]) == {"cursor": "c"}


@pytest.mark.parametrize("file", [None, FilePlace("abc_-9", 2**31 - 1, 10**12)])
@pytest.mark.parametrize("topic", ["", "job~abcdef:0@1,1@2", "job:0@t1000"])
def test_cursors_come_back(file, topic):
    """Of either part, and of both."""
    text = cursor_text(file, topic)
    if text:
        found = LogCursor.parse(text)
        assert (found.file, str(found.topic or "")) == (file, topic)


@given(st.text(max_size=60))
def test_what_is_no_cursor_is_refused(text):
    """And nothing else happens."""
    try:
        LogCursor.parse(f"worker.log~abcdef:1@{text}")
        LogCursor.parse(text)
    except BadCursor:
        pass
