"""Where a topic begins to be watched."""

import asyncio
import math

import pytest

from tailrace.core import watch as watching
from tailrace.core.starts import END
from tailrace.memory import MemoryTail


@pytest.fixture
def crowd(monkeypatch):
    """However few come, they are a crowd; what is short stays within a test."""
    monkeypatch.setattr(watching, "CROWD_SECONDS", math.inf)
    monkeypatch.setattr(watching, "CROWD_TOPICS", 1)
    monkeypatch.setattr(watching, "SHORT_TOPIC_RECORDS", 5)


@pytest.mark.usefixtures("crowd")
async def test_in_a_crowd_all_of_a_short_topic_is_in_its_window(core):
    """Who reads it from the beginning need not catch up; who begins at its end gets nothing of it."""
    core.log.append("t", *[b"1"] * 5)
    _, sink = await core.open("t")
    _, at_end = await core.open("t", start=END)
    await core.settle()
    core.log.append("t", b"2")
    await core.settle()
    assert sink.offsets() == [(0, n) for n in range(6)]
    assert at_end.offsets() == [(0, 5)]
    assert core.reader.reads == 0


@pytest.mark.usefixtures("crowd")
async def test_what_was_deleted_of_a_short_topic_is_not_looked_for(core):
    """It begins with the first record that is still there."""
    core.log.append("t", *[b"1"] * 50)
    core.log.trim("t", 47)
    _, sink = await core.open("t")
    await core.settle()
    assert sink.offsets() == [(0, n) for n in range(47, 50)]
    assert core.reader.reads == 0


@pytest.mark.usefixtures("crowd")
async def test_a_longer_topic_is_watched_from_its_end(core):
    """What is before comes of the log."""
    core.log.append("t", *[b"1"] * 6)
    _, sink = await core.open("t")
    await core.settle()
    assert sink.offsets() == [(0, n) for n in range(6)]
    assert core.reader.reads > 0


@pytest.mark.usefixtures("crowd")
async def test_what_is_deleted_before_the_tail_reads_it_moves_nobody_back(core, monkeypatch):
    """Who stands past the tail of a topic that is watched from its beginning has missed nothing."""
    monkeypatch.setattr(MemoryTail, "watch", lambda *_: None)  # it has not come to read yet
    core.log.append("t", *[b"1"] * 5)
    await core.open("t")
    stream, sink = await core.open("t", start=END)
    core.hub.watch.on_lost("t", 0, 0, "retention", 3)
    await core.settle()
    assert "gap" not in sink.kinds()
    assert ":0@5" in stream.cursor_text()


async def test_only_who_comes_with_many_others_need_not_catch_up(core):
    """The last of a crowd is one of them; who comes later is not."""
    topics = [f"t{n}" for n in range(watching.CROWD_TOPICS)]
    for topic in (*topics, "after"):
        core.log.create(topic)
        core.log.append(topic, b"1")
    for topic in topics[:-1]:
        await core.open(topic)
    await core.settle()
    reads = core.reader.reads
    assert reads
    _, last = await core.open(topics[-1])
    await core.settle()
    assert (last.offsets(), core.reader.reads) == ([(0, 0)], reads)
    core.clock.now += watching.CROWD_SECONDS
    _, after = await core.open("after")
    await core.settle()
    assert after.offsets() == [(0, 0)]
    assert core.reader.reads > reads


@pytest.mark.usefixtures("crowd")
async def test_who_wants_only_what_is_new_has_the_tail_read_nothing_else(core):
    """Few records may be many bytes; both kinds of readers may come at once and share what is watched."""
    core.log.create("new")
    core.log.create("both")
    core.log.append("new", *[b"1"] * 5)
    await core.open("new", start=END)
    await core.settle()
    assert core.hub.watch.records_read == 0
    core.log.append("both", *[b"1"] * 5)
    (_, at_end), (_, sink) = await asyncio.gather(core.open("both", start=END), core.open("both"))
    core.log.append("both", b"2")
    await core.settle()
    assert (at_end.offsets(), sink.offsets()) == ([(0, 5)], [(0, n) for n in range(6)])
    assert len(core.hub.watch) == 2
