import csv
import io
import json

import pytest

from tailrace.cli.forms import NAMES, make_form
from tailrace.cli.texts import Table
from tailrace.core.records import Record
from tailrace.core.scans import RecordBatch

VALUES = [b'{"a":1}', b"text", b"two\nlines", b"", None, b"\xff\x00", b"null"]


def batch(values=VALUES):
    return RecordBatch([Record("t", 1, i, 1_700_000_000_000 + i, b"k", v) for i, v in enumerate(values)])


def made(name):
    form = make_form(name)
    return form.begin() + form.rows(batch()) + form.end()


def test_raw_is_the_bytes_and_a_line_feed():
    """What kcat prints: the value's bytes, null as an empty line."""
    assert made("raw") == b'{"a":1}\ntext\ntwo\nlines\n\n\n\xff\x00\nnull\n'


def test_value_is_one_line_for_each():
    """Line tools see as many lines as there are records."""
    assert made("value").split(b"\n") == [
        b'{"a":1}',
        b"text",
        rb"two\nlines",
        b"",
        b"null",
        b"/wA=",
        b"null",
        b"",
    ]


def test_json_is_a_record_a_line():
    """Each line is the record object."""
    lines = [json.loads(line) for line in made("json").splitlines()]
    assert [line["offset"] for line in lines] == list(range(len(VALUES)))


def test_csv_tells_null_from_empty():
    """A column says what an empty cell is."""
    rows = list(csv.DictReader(io.StringIO(made("csv").decode(), newline="")))
    assert [row["value_encoding"] for row in rows] == ["text"] * 4 + ["null", "base64", "text"]
    assert rows[2]["value"] == "two\nlines"


def test_parquet_keeps_bytes():
    """Keys and values come back as they went in."""
    parquet = pytest.importorskip("pyarrow.parquet")
    table = parquet.read_table(io.BytesIO(made("parquet")))
    assert table.column("value").to_pylist() == VALUES


def test_a_table_obeys_no_control_character():
    """A value cannot move the cursor of the terminal that shows it."""
    lines = Table(width=200).rows(batch([b"\x1b[2Jgone\x07"])).decode()
    assert "\x1b" not in lines
    assert "\\x1b[2Jgone" in lines


def test_a_table_is_cut_to_the_width():
    """No line is wider than the terminal."""
    lines = Table(width=80).rows(batch([b"x" * 500])).decode().splitlines()
    assert [len(line) for line in lines] == [80]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "parquet"])
def test_no_record_is_no_row(name):
    """An empty topic gives at most a head line."""
    form = make_form(name)
    assert (form.begin() + form.end()).count(b"\n") <= 1
