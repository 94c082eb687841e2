"""The merge of a topic's partitions, against a plain model."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.core.ports import NewRecord
from tailrace.memory import MemoryLog, MemoryReader
from tailrace.transports.socketio.listing import Listing

# Partition and timestamp of each record, in the order in which they are stored.
RECORDS = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9)), max_size=40)


def stored(records, partitions=4):
    log = MemoryLog()
    log.create("demo", partitions)
    for number, (partition, timestamp) in enumerate(records):
        log.store("demo", partition, NewRecord(b"%d" % number, timestamp=timestamp))
    return log


async def listed(log, *, release=(), size=4 << 20, change=lambda taken: None):
    reader = MemoryReader(log)
    listing = Listing(
        reader, "demo", await reader.earliest("demo"), await reader.latest("demo"), total_bytes=size
    )
    values = []
    while await listing.more():
        values.append(listing.take())
        change(len(values))
        if len(values) in release:
            listing.release()
    return values


def merged(log):
    """Always the partition whose next record has the smallest (timestamp, partition)."""
    heads = [list(partition.records) for partition in log.topic("demo").partitions]
    values = []
    while any(heads):
        head = min((records for records in heads if records), key=lambda r: (r[0].timestamp, r[0].partition))
        values.append(head.pop(0).value)
    return values


@given(records=RECORDS, release=st.sets(st.integers(1, 40)))
def test_the_order_is_that_of_the_model(records, release):
    """However often its records are let go and read again."""
    log = stored(records)
    assert asyncio.run(listed(log, release=release)) == merged(log)


def test_it_reads_on_where_a_read_ends():
    """Every read gives a part only."""
    log = stored([(number % 4, number) for number in range(2000)])
    assert asyncio.run(listed(log, size=0)) == [b"%d" % number for number in range(2000)]


def test_what_comes_after_the_call_is_left_out():
    """The end is fixed when the list begins."""
    log = stored([(0, 1), (0, 2)])
    assert asyncio.run(listed(log, change=lambda _taken: log.append("demo", b"late"))) == [b"0", b"1"]


def test_holes_are_passed_over():
    """Aborted and control records have offsets but no place in the list."""
    log = stored([(0, 1)])
    log.hole("demo", offsets=5)
    log.append("demo", b"after")
    log.hole("demo")
    assert asyncio.run(listed(log)) == [b"0", b"after"]


@pytest.mark.parametrize("cut", ["trim", "truncate"])
def test_a_log_cut_meanwhile_ends_the_list_sooner(cut):
    """What is gone is left out; nothing hangs."""
    log = stored([(0, number) for number in range(10)])
    edge = {"trim": 8, "truncate": 3}[cut]

    def change(taken):
        if taken == 5:
            getattr(log, cut)("demo", edge)

    values = asyncio.run(listed(log, release={5}, change=change))
    assert values == [b"0", b"1", b"2", b"3", b"4", *([b"8", b"9"] if cut == "trim" else [])]
