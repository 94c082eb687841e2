"""Whatever is appended, trimmed or blocked meanwhile: a reader gets every record from its cursor on, once."""

import asyncio
import json
from dataclasses import dataclass

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tailrace.core.cursors import Cursor, TopicCursor
from tailrace.core.hub import Hub, Limits
from tailrace.core.ports import NewRecord
from tailrace.core.routes import KEY, Match
from tailrace.core.selection import Selection
from tailrace.core.starts import BEGINNING
from tailrace.core.subscription import Subscription
from tailrace.memory.log import MemoryLog
from tailrace.memory.reader import MemoryReader
from tailrace.memory.tail import MemoryTail
from tailrace.protocol.framing import bare
from tailrace.protocol.ndjson import NdjsonFormat
from tailrace.protocol.sse import SseRecordFormat, SseWriteFormat

FORMAT = NdjsonFormat(bare)
KEYS = [None, b"a", b"b"]


@pytest.fixture(scope="module", autouse=True)
def no_waiting_at_the_end():
    """The log in memory answers at once: rounds of the loop are time enough."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tailrace.core.blocks.END_SECONDS", 0)
        yield


class ListSink:
    """Keeps what was written; blocks when told to."""

    def __init__(self):
        self.data = b""
        self.blocked = False
        self.finished = False
        self.aborted = False

    def write(self, data):
        self.data += data

    def finish(self):
        self.finished = True

    def abort(self):
        self.aborted = True

    def lines(self):
        return [json.loads(line) for line in self.data.splitlines() if line]


def make_hub(log, window_bytes=2_000, memory_bytes=40_000):
    loop = asyncio.get_running_loop()
    return Hub(
        MemoryReader(log),
        lambda listener: MemoryTail(log, listener, loop.call_soon),
        Limits(window_bytes=window_bytes, memory_bytes=memory_bytes),
        call_soon=loop.call_soon,
        clock=loop.time,
        spawn=loop.create_task,
    )


async def settle(rounds=40):
    for _ in range(rounds):
        await asyncio.sleep(0)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 2), st.integers(1, 12)),
        st.tuples(st.just("hole"), st.integers(0, 2), st.integers(1, 3)),
        st.tuples(st.just("block"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("unblock"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("settle"), st.integers(1, 30), st.just(0)),
        st.tuples(st.just("join"), st.integers(0, 2), st.integers(0, 40)),
        # Up to an end that may be in the past, ahead, or in a hole.
        st.tuples(st.just("join"), st.integers(0, 2), st.integers(0, 40), st.integers(-20, 30)),
    ),
    max_size=40,
)


def expected(log, reader):
    """The offsets of each partition that a reader has to get."""
    return {
        p: [r.offset for r in part.records if reader.wants(p, r)]
        for p, part in enumerate(log.topic("t").partitions)
    }


def received(lines):
    got = {0: [], 1: [], 2: []}
    for line in lines:
        if "topic" in line:
            got[line["partition"]].append(line["offset"])
    return got


@dataclass
class Reader:
    """A stream, and what it was opened for."""

    subscription: Subscription
    sink: ListSink
    positions: dict[int, int]
    key: bytes | None
    to: dict[int, int] | None

    def wants(self, partition, record):
        within = self.to is None or record.offset < self.to[partition]
        return record.offset >= self.positions[partition] and within and self.key in {None, record.key}

    def end(self):
        """Where it says that it stands in the topic."""
        if self.subscription.ended:
            return Cursor.parse(self.sink.lines()[-1]["end"]["cursor"]).topics["t"].positions
        return Cursor.parse(self.subscription.cursor_text()).topics["t"].positions


class Story:
    """A log, a hub, and readers that joined it at any place."""

    def __init__(self):
        self.log = MemoryLog()
        self.log.create("t", 3)
        self.hub = make_hub(self.log)
        self.readers = []

    async def step(self, name, a, b, *more):
        if name == "append":
            for n in range(b):
                value = json.dumps({"n": n}).encode() if n % 3 else b"text \n"
                self.log.store("t", a, NewRecord(value, KEYS[n % 3]))
        elif name == "hole":
            self.log.hole("t", a, b)
        elif name == "settle":
            await settle(a)
        elif name == "join":
            await self.join(a, b, *more)
        elif self.readers:
            reader = self.readers[a % len(self.readers)]
            reader.sink.blocked = name == "block"
            reader.subscription.wake()

    async def join(self, which, back, ahead=None):
        ends = {p: part.end for p, part in enumerate(self.log.topic("t").partitions)}
        positions = {p: max(0, end - back * (p + 1) // 2) for p, end in ends.items()}
        to = None if ahead is None else {p: max(0, end + ahead * (p + 1) // 2) for p, end in ends.items()}
        key = b"a" if which == 1 else None
        sink = ListSink()
        subscription = self.hub.stream(sink, FORMAT)
        starts = await self.hub.locate(["t"], cursor_at(positions), to and cursor_at(to))
        self.hub.begin(subscription, starts, Selection(Match(KEY, key) if key else None))
        self.readers.append(Reader(subscription, sink, positions, key, to))

    async def check(self):
        for reader in self.readers:
            reader.sink.blocked = False
            reader.subscription.wake()
        await settle(400)
        # Whoever waits for records that are not for it learns of its end by a look.
        await self.hub.look_after_streams()
        await settle(100)
        for reader in self.readers:
            assert received(reader.sink.lines()) == expected(self.log, reader)
            self.check_end(reader)

    def check_end(self, reader):
        partitions = self.log.topic("t").partitions
        if reader.to is not None:
            assert reader.sink.finished == all(part.end >= reader.to[p] for p, part in enumerate(partitions))
        end = reader.end()
        for p, part in enumerate(partitions):
            start = reader.positions[p]
            got = [r.offset + 1 for r in part.records if reader.to is None or r.offset < reader.to[p]]
            # Beyond `to` only as far as nothing is to be delivered.
            assert max(got, default=0) <= max(end[p].offset, start) <= max(part.end, start)


def cursor_at(offsets):
    return Cursor({"t": TopicCursor.at(offsets)})


# Ends whose last records were aborted: behind them stands a record in the window, and nothing at all.
@example([("join", 0, 0), ("hole", 0, 1), ("append", 0, 1), ("join", 0, 4, -1)])
@example([("join", 0, 0), ("append", 0, 1), ("hole", 0, 1), ("join", 0, 4, 0)])
# An end that only aborted records lead to, which nobody hears of.
@example([("join", 0, 0, 1), ("settle", 2, 0), ("append", 1, 1), ("hole", 2, 1)])
# A block of the past that holds nothing for a filter.
@example(
    [
        ("append", 0, 1),
        ("join", 0, 2),
        ("settle", 2, 0),
        ("append", 0, 3),
        ("settle", 1, 0),
        ("append", 1, 10),
        ("join", 1, 8),
    ]
)
@given(steps)
def test_every_record_from_the_cursor_on_once_and_in_order(story):
    """Blocks, window and live records join without a hole or a repeat, filtered or not."""

    async def run():
        told = Story()
        for step in story:
            await told.step(*step)
        await told.check()

    asyncio.run(run())


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(1, 9)), min_size=1, max_size=12), st.data())
def test_a_stream_cut_anywhere_resumes_by_the_id_of_its_last_record(appends, data):
    """Server-sent events: the id of each record is a cursor that repeats and loses nothing."""

    async def run():
        log = MemoryLog()
        log.create("t", 3)
        for partition, count in appends[: len(appends) // 2]:
            log.append("t", *[b"1"] * count, partition=partition)
        hub = make_hub(log)
        events = await read_sse(hub, log, appends[len(appends) // 2 :], BEGINNING)
        cut = data.draw(st.integers(0, len(events) - 1))
        resumed = await read_sse(hub, log, [], Cursor.parse(events[cut][0]))
        got = sorted((e["partition"], e["offset"]) for _, e in events[: cut + 1] + resumed)
        everything = [(p, r.offset) for p, t in enumerate(log.topic("t").partitions) for r in t.records]
        assert got == everything

    asyncio.run(run())


async def read_sse(hub, log, appends, start):
    sink = ListSink()
    subscription = hub.stream(sink, SseRecordFormat(bare))
    hub.begin(subscription, await hub.locate(["t"], start), Selection())
    for partition, count in appends:
        log.append("t", *[b"1"] * count, partition=partition)
        await settle(3)
    await settle(200)
    blocks = [block.split(b"\n") for block in sink.data.split(b"\n\n") if b"data:" in block]
    return [(b[0].removeprefix(b"id: ").decode(), json.loads(b[1].removeprefix(b"data: "))) for b in blocks]


async def test_the_cursor_of_a_write_stands_after_it():
    """An event stream whose records have no id tells the cursor as a block of only an id."""
    log = MemoryLog()
    log.create("t", 3)
    log.append("t", b"1", b"2")
    hub = make_hub(log)
    sink = ListSink()
    subscription = hub.stream(sink, SseWriteFormat(bare))
    hub.begin(subscription, await hub.locate(["t"], BEGINNING), Selection())
    await settle()
    assert sink.data.endswith(b"\n\nid: %b\n\n" % subscription.cursor_text().encode())
    assert b'data: {"topic":"t"' in sink.data
