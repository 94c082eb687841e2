"""Catch-up reads: shared, bounded, and for nobody once nobody waits."""

import pytest

from tailrace.core.blocks import BlockCache
from tailrace.core.partition_blocks import Lost, Skip

KEY = ("t", "tag", 0)


class Asked:
    """Keeps the answers to one question."""

    def __init__(self):
        self.answers = []

    def __call__(self, answer):
        self.answers.append(answer)


@pytest.fixture
def blocks(core):
    core.log.append("t", *[b"x" * 1000] * 1000)
    return BlockCache(core.reader, 500_000, core.spawn)


async def test_many_who_wait_for_one_offset_share_one_read(core, blocks):
    """A herd of clients that come back at the same place costs one read."""
    asked = [Asked() for _ in range(100)]
    for waiter in asked:
        blocks.request(KEY, 0, waiter)
    await core.settle()
    assert core.reader.reads == 1
    assert [waiter.answers for waiter in asked] == [[None]] * 100
    assert blocks.find(KEY, 100).start == 0


async def test_a_read_serves_all_whose_offset_it_brought(core, blocks):
    """Readers near each other wait for the same block."""
    first, near = Asked(), Asked()
    blocks.request(KEY, 0, first)
    blocks.request(KEY, 50, near)
    await core.settle()
    assert core.reader.reads == 1
    assert near.answers == [None]


async def test_what_is_cached_stays_within_the_limit(core, blocks):
    """The least recently read blocks go first."""
    for offset in range(0, 1000, 100):
        blocks.request(KEY, offset, Asked())
        await core.settle()
    assert blocks.nbytes <= 500_000
    assert blocks.find(KEY, 0) is None
    assert blocks.find(KEY, 950) is not None


async def test_a_lost_offset_is_told_with_the_bounds_of_the_log(core, blocks):
    """Whoever asked learns from where on there is something."""
    core.log.trim("t", 500)
    asked = Asked()
    blocks.request(KEY, 3, asked)
    await core.settle()
    assert asked.answers == [Lost(500, 1000)]


async def test_a_range_without_records_is_skipped(core):
    """Aborted and compacted records leave holes."""
    core.log.hole("t", 0, 20)
    asked = Asked()
    BlockCache(core.reader, 1000, core.spawn).request(KEY, 0, asked)
    await core.settle()
    assert asked.answers == [Skip(20, at_end=True)]


async def test_a_read_that_fails_is_tried_again_for_as_long_as_somebody_waits(core, blocks, monkeypatch):
    """When the last one has gone the log is left alone, also that of a topic that never comes back."""
    monkeypatch.setattr("tailrace.core.blocks.RETRY_SECONDS", 0.001)
    core.log.away = True
    withdraw = blocks.request(KEY, 0, Asked())
    await core.until(lambda: core.reader.reads >= 3)
    withdraw()
    await core.until(lambda: not core.tasks)


async def test_a_stream_that_is_closed_asks_no_more(make_core, monkeypatch):
    """A deleted topic's readers that leave take their questions along."""
    monkeypatch.setattr("tailrace.core.blocks.RETRY_SECONDS", 0.001)
    core = make_core(window_bytes=1000)
    core.log.create("t")
    core.log.append("t", *[b"x" * 100] * 5000)
    stream, _ = await core.open("t")
    core.log.delete("t")
    await core.settle()
    stream.close()
    await core.until(lambda: not core.tasks)


async def test_answers_come_when_the_broker_is_back(core, blocks, monkeypatch):
    """Who waits goes on by itself."""
    monkeypatch.setattr("tailrace.core.blocks.RETRY_SECONDS", 0.001)
    core.log.away = True
    asked = Asked()
    blocks.request(KEY, 0, asked)
    await core.settle()
    core.log.away = False
    await core.until(lambda: asked.answers)
    assert asked.answers == [None]


async def test_what_was_read_ahead_for_a_reader_is_asked_no_more_when_it_has_left(core, blocks, monkeypatch):
    """Otherwise a deleted topic would be asked for as long as the process lives."""
    monkeypatch.setattr("tailrace.core.blocks.RETRY_SECONDS", 0.001)
    blocks.enter(KEY)
    blocks.request(KEY, 0, Asked())
    await core.settle()
    core.log.away = True
    blocks.passed(KEY, blocks.find(KEY, 0))
    blocks.leave(KEY)
    await core.until(lambda: not core.tasks)


async def test_partitions_of_which_nothing_is_left_are_forgotten(core):
    """Topics come and go for as long as the process lives."""
    blocks = BlockCache(core.reader, 1000, core.spawn)
    core.log.append("t", b"x" * 1000)
    for tag in "abc":
        blocks.request(("t", tag, 0), 0, Asked())
        await core.settle()
    blocks.forget(("t", "c", 0))
    assert not blocks._partitions


async def test_a_fault_while_reading_is_logged_once_and_tried_again(core, blocks, monkeypatch, caplog):
    """A consumer that could not be made, for want of threads, must not leave its readers waiting."""
    monkeypatch.setattr("tailrace.core.blocks.RETRY_SECONDS", 0.001)
    read, failures = core.reader.read, iter([OSError("no threads")] * 3)

    async def failing(*args):
        if failure := next(failures, None):
            raise failure
        return await read(*args)

    core.reader.read = failing
    asked = Asked()
    blocks.request(KEY, 0, asked)
    await core.until(lambda: asked.answers)
    assert asked.answers == [None]
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_reads_go_upwards_and_then_round_again(core, blocks):
    """Readers at low offsets that ask again and again must not keep those further on waiting."""
    core.log.append("t", *[b"1"] * 100_000)
    order = []
    core.reader.gate.clear()
    for offset in (80_000, 60_000, 40_000, 20_000, 1_000):
        blocks.request(KEY, offset, lambda _, offset=offset: order.append(offset))
    await core.settle()
    core.reader.gate.set()
    await core.until(lambda: len(order) == 5)
    assert order == [80_000, 60_000, 1_000, 20_000, 40_000]
