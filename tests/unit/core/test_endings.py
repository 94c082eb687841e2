"""Ends, losses and waits at the edges of windows."""

import asyncio

from tailrace.core.cursors import Cursor
from tailrace.core.ports import NewRecord
from tailrace.core.routes import KEY, Match
from tailrace.core.starts import BEGINNING, Last
from tailrace.core.watch import MISSING_LOOKS


def offsets(sink, partition):
    """What came of a partition."""
    return [line["offset"] for line in sink.lines() if line.get("partition") == partition and "value" in line]


async def test_a_partition_that_has_ended_holds_no_other_back(make_core):
    """One partition's end lies before the window, the other's rows are still in it."""
    core = make_core(window_bytes=1_000)
    core.log.create("t", 2)
    await core.open("t")
    await core.settle()
    for _ in range(50):
        core.log.append("t", b"1", partition=0)
        await core.settle(2)
    core.log.append("t", *[b"2"] * 5, partition=1)
    await core.settle()
    _, sink = await core.open("t", start="t:0@5,1@0", to="t:0@10,1@5")
    await core.settle()
    assert offsets(sink, 0) == [5, 6, 7, 8, 9]
    assert offsets(sink, 1) == [0, 1, 2, 3, 4]
    assert sink.finished


async def test_after_a_truncation_no_cached_block_is_served(core):
    """What was cut off was read before; its offsets now hold other records."""
    core.log.append("t", *[b'"old"'] * 100)
    await core.open("t")
    await core.open("t")
    await core.settle()
    core.log.truncate("t", 50)
    core.log.append("t", *[b'"new"'] * 100)
    core.hub.watch.on_lost("t", 0, 100, "truncated", 50)
    _, sink = await core.open("t")
    await core.settle()
    values = [line["value"] for line in sink.lines() if "value" in line]
    assert values == ["old"] * 50 + ["new"] * 100


async def test_a_topic_out_of_sight_for_a_while_is_not_made_again(core):
    """Two looks missed it; a new client finds it: nobody's records come twice."""
    core.log.append("t", b"0", b"1")
    _, sink = await core.open("t")
    await core.settle()
    watched = core.hub.watch._watched["t"]
    core.hub.watch._compare(watched, None)
    core.hub.watch._compare(watched, None)
    await core.open("t")
    core.log.append("t", b"2")
    await core.settle()
    assert offsets(sink, 0) == [0, 1, 2]
    assert [line["gap"]["cause"] for line in sink.lines() if "gap" in line] == ["deleted", "deleted"]


async def test_a_feed_let_go_while_a_stream_was_located_is_watched_again(core):
    """Locating took longer than an unused topic is kept."""
    starts = await core.hub.locate(["t"], BEGINNING)
    for _ in range(2):
        core.hub.watch._forget_unused()
        core.clock.now += 31
    core.hub.watch._forget_unused()
    assert core.hub.topics_watched == 0
    _, sink = await core.open("t", located=starts)
    core.log.append("t", b"1")
    await core.settle()
    assert offsets(sink, 0) == [0]


async def test_an_owed_partition_holds_nobody_back_without_new_records(make_core):
    """One partition's read hangs; what the window has of the other comes after a second."""
    core = make_core(window_bytes=1_000)
    core.log.create("t", 2)
    await core.open("t")
    await core.settle()
    for _ in range(50):
        core.log.append("t", b"1", partition=0)
        await core.settle(2)
    core.log.append("t", b"2", b"2", partition=1)
    await core.settle()
    core.reader.gate.clear()
    _, sink = await core.open("t", start="t:0@0,1@0")
    await core.settle()
    assert offsets(sink, 1) == []
    core.clock.now += 2
    await core.hub.look_after_streams()
    await core.settle()
    assert offsets(sink, 1) == [0, 1]


async def test_a_bounded_filtered_stream_moves_on_and_ends_without_a_match(core):
    """Nothing matches up to `to`: the cursor moves all the same, and the stream ends."""
    match = Match(KEY, b"k")
    counted, _ = await core.open("t", match=match, limit=5)
    stream, sink = await core.open("t", to="t:0@30,1@0", match=match)
    await core.settle()
    for _ in range(30):
        core.log.store("t", 0, NewRecord(b"1", b"other"))
    await core.settle()
    while not sink.finished:
        await core.hub.look_after_streams()
    assert stream.ended
    assert Cursor.parse(counted.cursor_text()).topics["t"].positions[0].offset == 30


async def test_the_last_before_an_end_that_never_was_end_at_the_end(core):
    """`from=-10` with a `to` far beyond the topic looks at the topic only."""
    core.log.append("t", *[b"1"] * 20)
    async with asyncio.timeout(5):
        _, sink = await core.open("t", start=Last(10), to="t:0@9000000000000,1@0")
        await core.settle()
    assert offsets(sink, 0) == list(range(10, 20))


async def test_a_stream_with_an_end_is_over_when_its_topic_is_deleted_or_made_again(core):
    """What it was to read up to is gone; nothing of the new topic is its own."""
    for topic, change in (("u", core.log.delete), ("v", core.log.recreate)):
        core.log.create(topic)
        core.log.append(topic, b"1", b"2")
        _, sink = await core.open(topic, to=f"{topic}:0@1000000")
        await core.settle()
        change(topic)
        for _ in range(MISSING_LOOKS):
            await core.hub.watch.look_after()
        await core.settle()
        assert sink.kinds()[-3:] == ["gap", "cursor", "end"]
        assert sink.lines()[-1]["end"]["reason"] == "to"
        assert offsets(sink, 0) == [0, 1]


async def test_an_end_in_a_topic_made_again_meanwhile_is_reached_at_once(core):
    """Offsets of the old topic say nothing about the new one."""
    old = core.tag()
    core.log.recreate("t")
    core.log.append("t", *[b"1"] * 10)
    _, sink = await core.open("t", start=f"t~{old}:0@5,1@5", to=f"t~{old}:0@1000,1@1000")
    await core.settle()
    assert sink.kinds()[-1] == "end"
    assert [line["gap"]["cause"] for line in sink.lines() if "gap" in line] == ["recreated", "recreated"]
    assert offsets(sink, 0) == []


async def test_a_topic_that_is_gone_ends_no_other(core):
    """A stream of two topics goes on to its end in the other one, and ends there."""
    core.log.create("u")
    _, sink = await core.open("t", "u", to="t:0@2,1@0;u:0@5")
    await core.settle()
    core.log.recreate("u")
    await core.hub.watch.look_after()
    core.log.append("u", *[b"1"] * 5)
    core.log.append("t", b"1")
    await core.settle()
    assert not sink.finished
    core.log.append("t", b"2")
    await core.settle()
    assert sink.finished
    assert [line["topic"] for line in sink.lines() if "value" in line] == ["t", "t"]


async def test_a_stream_whose_reads_do_not_answer_is_idle_all_the_same(make_core):
    """The broker went away while the stream was behind: what it waits for is no record."""
    core = make_core(window_bytes=1_000)
    core.log.create("t")
    core.log.append("t", *[b"1"] * 100)
    core.reader.gate.clear()
    stream, sink = await core.open("t", idle=3)
    await core.settle()
    core.clock.now += 2
    await core.hub.look_after_streams()
    await core.settle()
    assert not stream.ended
    core.clock.now += 2
    await core.hub.look_after_streams()
    assert sink.lines()[-1]["end"]["reason"] == "idle"
