"""Cursors: both forms say the same, and whatever is no cursor is refused with a reason."""

import base64
import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.cursors import COMPACT_ABOVE_BYTES, Cursor, Position, TopicCursor, join_topics, topic_tag
from tailrace.core.errors import BadCursor
from tailrace.core.starts import MAX_LAST, Last, Moment, parse_start
from tailrace.core.varints import write_varint

offsets = st.integers(0, 2**63 - 1)
positions = st.one_of(
    st.builds(Position, offsets),
    st.builds(lambda at: Position(timestamp=at), offsets),
)
names = st.from_regex(r"[A-Za-z0-9._-]{1,249}", fullmatch=True).filter(lambda name: name not in {".", ".."})
tags = st.none() | st.from_regex(r"[A-Za-z0-9_-]{6}", fullmatch=True)
places = st.builds(TopicCursor, st.dictionaries(st.integers(0, 2**31 - 1), positions, max_size=40), tags)
cursors = st.builds(Cursor, st.dictionaries(names, places, min_size=1, max_size=4))


@given(cursors)
def test_a_cursor_is_read_as_it_was_written(cursor):
    """In whichever form its length asks for."""
    assert Cursor.parse(str(cursor)) == cursor


@given(cursors)
def test_both_forms_say_the_same(cursor):
    """The short form loses nothing."""
    assert Cursor.parse(cursor.compact()) == cursor


@given(offsets, st.integers(0, 2**31 - 1))
def test_a_leader_epoch_is_read_and_dropped(offset, epoch):
    """In both forms; another gateway may have written it."""
    short = bytearray()
    for number in (1, 1, ord("t"), 0, 1, 7, 1, offset, epoch):
        write_varint(short, number)
    plain = Cursor({"t": TopicCursor({7: Position(offset)})})
    assert Cursor.parse(f"t:7@{offset}e{epoch}") == plain
    assert Cursor.parse("~2" + base64.urlsafe_b64encode(short).decode().rstrip("=")) == plain


def test_a_leader_epoch_beyond_kafkas_is_refused():
    """As any number that Kafka has not."""
    with pytest.raises(BadCursor):
        Cursor.parse(f"t:0@1e{2**31}")


@given(
    st.text()
    | st.text(alphabet="t:~2@0123,;e-_A=", max_size=60)
    | st.binary().map(lambda b: b.decode("latin-1"))
)
def test_any_text_is_a_cursor_or_refused(text):
    """Never another error."""
    with contextlib.suppress(BadCursor):
        Cursor.parse(text)


@given(st.binary(max_size=80), st.booleans())
def test_any_short_form_is_a_cursor_or_refused(data, padded):
    """Damage of any kind."""
    text = "~2" + base64.urlsafe_b64encode(data).decode().rstrip("" if padded else "=")
    with contextlib.suppress(BadCursor):
        Cursor.parse(text)


@given(st.text() | st.text(alphabet="-0123456789smhdTZ:+.", max_size=30))
def test_any_text_is_a_start_or_refused(text):
    """Also dates beyond any calendar."""
    with contextlib.suppress(BadCursor):
        parse_start(text, 1_000_000)


@given(st.datetimes(timezones=st.timezones() | st.none()).filter(lambda at: at.year > 1970))
def test_a_time_is_read_to_the_millisecond(at):
    """No float comes between."""
    at = at.replace(microsecond=at.microsecond // 1000 * 1000)
    start = parse_start(at.isoformat(), 0)
    assert isinstance(start, Moment)
    assert start.timestamp % 1000 == at.microsecond // 1000


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("t:0@1;t:0@2", "twice"),
        ("t:0@1,0@2", "twice"),
        ("t:0@99999999999999999999", "no partition@offset"),
        ("t:0@9223372036854775808", "beyond Kafka's"),
        ("t:4294967296@0", "beyond Kafka's"),
        ("t~short:0@1", "6 characters"),
        ("../etc:0@1", "topic name"),
        ("", "topic name"),
    ],
)
def test_what_is_wrong_is_said(text, why):
    """In the error's first sentence."""
    with pytest.raises(BadCursor, match=why):
        Cursor.parse(text)


def test_writers_sort_and_readers_take_any_order():
    """So that equal places have equal texts."""
    assert str(Cursor.parse("b:1@2,0@1;a:0@3")) == "a:0@3;b:0@1,1@2"
    assert join_topics(["b:0@1", "a:0@3"]) == "a:0@3;b:0@1"


def test_a_long_cursor_becomes_short():
    """Above 512 bytes."""
    text = join_topics([f"topic-{n}:" + ",".join(f"{p}@100" for p in range(20)) for n in range(9)])
    assert text.startswith("~2")
    assert (
        len(Cursor.parse("t:" + ",".join(f"{p}@100000" for p in range(100))).compact())
        < COMPACT_ABOVE_BYTES * 2
    )


def test_a_tag_covers_the_cluster_and_the_topic():
    """Another of either is another tag."""
    tags = {topic_tag(cluster, bytes(15) + last) for cluster in ("a", "b") for last in (b"\1", b"\2")}
    assert len(tags) == 4
    assert {len(tag) for tag in tags} == {6}


def test_the_last_n_has_a_bound():
    """Finding them reads them."""
    assert parse_start(f"-{MAX_LAST}", 0) == Last(MAX_LAST)
    with pytest.raises(BadCursor):
        parse_start(f"-{MAX_LAST + 1}", 0)
