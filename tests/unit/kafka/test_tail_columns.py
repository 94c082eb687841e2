"""From the client's messages to chunks."""

from confluent_kafka import Message
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.records import Chunk, Record
from tailrace.kafka.reader_columns import partition_chunk
from tailrace.kafka.tail import only_new
from tailrace.kafka.tail_columns import chunks

data = st.none() | st.binary(max_size=5)
rows = st.tuples(st.sampled_from("ab"), st.integers(0, 2), data, data, st.just(()) | st.just((("h", b"1"),)))


def message(row, offset):
    topic, partition, key, value, headers = row
    return Message(
        topic=topic,
        partition=partition,
        offset=offset,
        key=key,
        value=value,
        timestamp=(1, offset * 10),
        headers=list(headers) or None,
    )


def record(row, offset):
    topic, partition, key, value, headers = row
    return Record(topic, partition, offset, offset * 10, key, value, headers)


def plain(found):
    """Headers compare as tuples."""
    return [(r.topic, r.partition, r.offset, r.timestamp, r.key, r.value, tuple(r.headers)) for r in found]


@given(st.lists(rows, min_size=1, max_size=30))
def test_chunks_hold_every_message(given_rows):
    """By topic, each in the order in which it came."""
    found = list(chunks([message(row, n) for n, row in enumerate(given_rows)]))
    for chunk in found:
        wanted = [record(row, n) for n, row in enumerate(given_rows) if row[0] == chunk.topic]
        assert plain(chunk.records()) == plain(wanted)
    assert len({chunk.topic for chunk in found}) == len(found)
    assert sum(map(len, found)) == len(given_rows)


@given(st.lists(rows, max_size=9), st.booleans())
def test_a_partition_becomes_columns(given_rows, holes):
    """Offsets, with holes or without, and headers that only some records have."""
    offsets = [n * (n if holes else 1) for n in range(len(given_rows))]
    messages = [message(row, offset) for row, offset in zip(given_rows, offsets, strict=True)]
    wanted = [record(("t", 0, *row[2:]), offset) for row, offset in zip(given_rows, offsets, strict=True)]
    chunk = partition_chunk("t", 0, messages)
    assert plain(chunk.records() if chunk else []) == plain(wanted)


@given(st.lists(st.integers(0, 1), min_size=1, max_size=20), st.integers(0, 12), st.integers(0, 12))
def test_only_new_drops_what_was_told(partitions, first, second):
    """What lies before a partition's position is left out, all else stays."""
    positions = {0: first, 1: second}
    records = [Record("t", p, partitions[:n].count(p), 0, None, None) for n, p in enumerate(partitions)]
    new = only_new(Chunk.of(records), positions)
    wanted = [r for r in records if r.offset >= positions[r.partition]]
    assert list(new.records() if new else []) == wanted
