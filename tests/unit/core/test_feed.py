"""Feeds: who waits, what is shared, and what a feed may hold."""

import json

from tailrace.core.cursors import Cursor
from tailrace.core.feed import ENTRY_BYTES, WRITE_BYTES
from tailrace.core.ports import NewRecord
from tailrace.core.records import ROW_OVERHEAD_BYTES, Chunk, Record
from tailrace.core.routes import KEY, Match, Route
from tailrace.core.starts import BEGINNING, END
from tailrace.core.window import SPAN_ENTRIES, Payload, Window


def feed_of(core, topic):
    return core.hub.watch.find(topic)


async def test_a_stream_of_a_busy_and_a_quiet_topic_waits_in_the_quiet_one_once(core):
    """However often the busy one wakes it."""
    core.log.create("quiet")
    await core.open("t", "quiet", start=END)
    for _ in range(100):
        core.log.append("t", b"1")
        await core.settle(4)
    assert len(feed_of(core, "quiet")._waiting) == 1


async def test_a_quiet_feed_forgets_streams_that_have_gone(core):
    """Clients that come and go leave nothing behind in a topic without records."""
    for _ in range(100):
        stream, _ = await core.open("t", start=END)
        await core.settle(4)
        stream.close()
    assert not feed_of(core, "t")._waiting
    assert not feed_of(core, "t").listeners


async def test_keys_and_headers_count_as_bytes(core):
    """A record may have its megabyte in its key: what is not counted has no bound."""
    chunk = Chunk.of([Record("t", 0, 0, 0, b"k" * 1000, b"v" * 100, (("h", b"x" * 500),))])
    assert chunk.nbytes >= 1600
    assert chunk.nbytes <= 1601 + 2 * ROW_OVERHEAD_BYTES


async def test_long_keys_are_published_in_parts_that_fit_a_write(core):
    """No write joins hundreds of megabytes because values are short."""
    await core.open("t", start=END)
    for _ in range(100):
        core.log.store("t", 0, NewRecord(b"1", key=b"k" * 10_000))
    await core.settle()
    window = feed_of(core, "t").window
    sizes = [window.entry(seq).nbytes for seq in range(window.base, window.tip)]
    assert max(sizes) < ENTRY_BYTES + 20_000
    assert window.nbytes <= 100_000


async def test_live_streams_share_what_is_written(core):
    """The same bytes object for all, made once."""
    sinks = [(await core.open("t", start=END))[1] for _ in range(3)]
    await core.settle()
    core.log.append("t", *[b"x" * 500] * 2000)
    await core.settle(200)
    assert len({sink.data for sink in sinks}) == 1
    assert len(feed_of(core, "t")._payloads) <= 8
    assert len(sinks[0].offsets()) == 2000


async def test_shared_writes_are_counted_and_do_not_outlast_a_look(core):
    """Bursts of many topics, each quiet since, would hold what no limit knows of."""
    await core.open("t", start=END)
    core.log.append("t", *[b"x" * 500] * 100)
    await core.settle()
    feed = feed_of(core, "t")
    assert core.hub.watch.nbytes > feed.window.nbytes
    await core.hub.watch.trim(1_000_000)
    assert not feed._payloads
    assert core.hub.watch.nbytes == feed.window.nbytes


async def test_windows_that_are_read_least_recently_go_first(make_core):
    """However early the topics of the others were watched."""
    core = make_core()
    watch, streams = core.hub.watch, {}
    for topic in ("busy", "quiet", "left"):
        core.log.create(topic)
        streams[topic], _ = await core.open(topic, start=END)
        for _ in range(40):
            core.log.append(topic, b"x" * 100)
            await core.settle(3)
    streams["left"].close()
    await watch.trim(1_000_000)
    core.clock.now += 1
    core.log.append("busy", b"1")
    await core.settle()
    await watch.trim(1_000_000)
    trimmed = []
    for cut in (14_000, 8_000, 8_000):
        await watch.trim(watch.nbytes - cut)
        trimmed.append([topic for topic in streams if feed_of(core, topic).window.base])
    assert trimmed == [["left"], ["quiet", "left"], ["busy", "quiet", "left"]]


async def test_who_comes_back_from_different_places_soon_writes_the_same(make_core):
    """Many small entries on the way cost each of a crowd one walk to where the next span begins."""
    core = make_core(window_bytes=10_000_000)
    core.log.create("t", 1)
    await core.open("t", start=END)
    await core.settle()
    for n in range(3000):
        core.log.append("t", b"%d" % n)
        await core.settle(1)
    crowd = []
    for start in (10, 300, 301, 2990, 3000):
        _, sink = await core.open("t", start=Cursor.parse(f"t:0@{start}"))
        sink.writes = []
        sink.write = sink.writes.append
        crowd.append((start, sink))
    await core.settle(200)
    for start, sink in crowd:
        lines = [json.loads(line) for line in b"".join(sink.writes).splitlines()]
        assert [line["offset"] for line in lines if "topic" in line] == list(range(start, 3000))
        assert max(map(len, sink.writes), default=0) < WRITE_BYTES + ENTRY_BYTES
    first, second = (sink.writes for start, sink in crowd if start in {300, 301})
    assert len(first) < 3000 / SPAN_ENTRIES + 5
    assert {id(write) for write in first[3:-1]} <= {id(write) for write in second}


async def test_who_reads_the_past_writes_whole_blocks_that_are_made_once(make_core):
    """Readers of one partition meet at the starts of its blocks."""
    core = make_core()
    core.log.create("t", 1)
    core.log.append("t", *[b"x" * 1000] * 3000)
    crowd = []
    for start in (BEGINNING, Cursor.parse("t:0@7")):
        _, sink = await core.open("t", start=start)
        sink.writes = []
        sink.write = sink.writes.append
        crowd.append(sink.writes)
    await core.settle(300)
    for writes, start in zip(crowd, (0, 7), strict=True):
        lines = [json.loads(line) for line in b"".join(writes).splitlines()]
        assert [line["offset"] for line in lines if "topic" in line] == list(range(start, 3000))
    assert len({id(write) for write in crowd[0]} & {id(write) for write in crowd[1]}) > 5


async def test_a_trimmed_window_forgets_its_spans(core):
    """And counts their bytes."""
    window = Window("tag", {0: 0}, 10_000_000)
    for n in range(1000):
        window.append(Chunk.of([Record("t", 0, n, 0, None, b"x")]))
    assert window.span(SPAN_ENTRIES).stop == 2 * SPAN_ENTRIES
    window.span(SPAN_ENTRIES).payload(core.format, lambda: Payload(b"x" * 1_000_000, 0, 0))
    window.weigh()
    assert window.nbytes > 1_000_000
    window.trim(50_000)
    assert window.span(SPAN_ENTRIES) is None
    window.weigh()
    assert window.nbytes <= 50_000


async def test_a_write_is_bounded(core):
    """What has piled up goes out in several writes."""
    _, sink = await core.open("t", start=END)
    await core.settle()
    writes = []
    sink.write = lambda data: writes.append(len(data))
    core.log.append("t", *[b"x" * 1000] * 3000)
    await core.settle(200)
    assert max(writes) < WRITE_BYTES + ENTRY_BYTES
    assert sum(writes) > 3_000_000


def _fails(chunk):
    raise ValueError("a record it was not made for")


async def test_a_route_that_fails_keeps_no_record_from_others(core, caplog):
    """It once lost the rest of what was read, for every reader of every topic."""
    _, other = await core.open("t", start=END)
    _, mine = await core.open("t", start=END, match=Match(KEY, b"mine"))
    await core.open("t", start=END, match=Match(Route("fails", _fails), 1))
    await core.settle()
    core.log.store("t", 0, NewRecord(b"1", key=b"mine"))
    await core.settle()
    assert other.offsets() == mine.offsets() == [(0, 0)]
    assert "none match" in caplog.text
