"""Lines as records."""

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from tailrace.shipping.entries import (
    LONGEST_PIECE,
    line_entries,
    missing_entry,
    text_entries,
    whole_characters,
)


def records(entries):
    return [json.loads(entry.value) for entry in entries]


@given(st.binary(max_size=200), st.integers(1, 3000))
def test_no_byte_of_a_line_is_lost(data, times):
    """Whatever they are, and however many."""
    line = data * times
    found = records(line_entries(1, line, {}))
    pieces = [base64.b64decode(r["bytes"]) if "bytes" in r else r["log"].encode() for r in found]
    assert b"".join(pieces) == line
    assert all(len(piece) <= LONGEST_PIECE for piece in pieces)
    assert [r.get("more", False) for r in found] == [True] * (len(found) - 1) + [False]


@given(st.text(min_size=1, max_size=50).filter(lambda text: "\n" not in text))
def test_a_text_is_itself(text):
    """Line feeds are its caller's."""
    (record,) = records(text_entries(1, f"{text}\n", {"level": "INFO"}))
    assert record["level"] == "INFO"
    assert record["log"] == text.encode(errors="backslashreplace").decode() + "\n"


@given(st.text(min_size=2, max_size=20, alphabet="a€😀é"), st.integers(0, 3))
def test_a_cut_character_is_left_for_the_next_piece(text, cut):
    """So that both pieces are UTF-8."""
    data = b"a" + text.encode()
    kept = whole_characters(data[: len(data) - cut])
    assert f"a{text}".startswith(kept.decode())
    assert len(data) - cut - len(kept) < 4


def test_what_is_no_text_is_cut_anywhere():
    """It is base64 in any case."""
    assert whole_characters(b"\x80" * 10) == b"\x80" * 10
    assert whole_characters(b"") == b""


def test_missing_lines_are_told_in_words_and_as_a_number():
    """For people and for programs."""
    (record,) = records([missing_entry(1, 1_200, "no room")])
    assert record == {"log": "[tailrace: 1,200 lines missing here: no room]\n", "missing": 1200}
