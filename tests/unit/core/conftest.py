"""The core on a log in memory: a hub, streams of it, and sinks that keep what was written."""

import asyncio
import json

import pytest

from tailrace.core.cursors import Cursor
from tailrace.core.hub import Hub, Limits
from tailrace.core.selection import Selection
from tailrace.core.starts import BEGINNING
from tailrace.memory import MemoryLog, MemoryReader, MemoryTail
from tailrace.protocol.framing import bare
from tailrace.protocol.ndjson import NdjsonFormat

NDJSON = NdjsonFormat(bare)


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

    def kinds(self):
        return ["record" if "topic" in line else next(iter(line)) for line in self.lines()]

    def offsets(self):
        return [(line["partition"], line["offset"]) for line in self.lines() if "topic" in line]


class Clock:
    """Time that passes when told to."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class GatedReader(MemoryReader):
    """The log in memory; its reads wait at the gate, their answers on the way back, as a slow broker's do."""

    def __init__(self, log):
        super().__init__(log)
        self.gate = asyncio.Event()
        self.gate.set()
        self.answers = asyncio.Event()
        self.answers.set()
        self.reads = 0

    async def read(self, topic, partition, offset, max_bytes):
        self.reads += 1
        await self.gate.wait()
        block = await super().read(topic, partition, offset, max_bytes)
        await self.answers.wait()
        return block


class Core:
    """A hub on a log, and its streams."""

    format = NDJSON

    def __init__(self, window_bytes, memory_bytes, heartbeat):
        loop = asyncio.get_running_loop()
        self.log = MemoryLog()
        self.clock = Clock()
        self.reader = GatedReader(self.log)
        self.tasks = set()
        self.hub = Hub(
            self.reader,
            lambda listener: MemoryTail(self.log, listener, loop.call_soon),
            Limits(memory_bytes, window_bytes, heartbeat),
            call_soon=loop.call_soon,
            clock=self.clock,
            spawn=self.spawn,
        )

    def spawn(self, work):
        self.tasks.add(task := asyncio.get_running_loop().create_task(work))
        task.add_done_callback(self.tasks.discard)

    async def open(
        self, *topics, start=BEGINNING, to=None, limit=None, idle=None, format_=NDJSON, located=None, **more
    ):
        """A stream and its sink."""
        start = Cursor.parse(start) if isinstance(start, str) else start
        sink = ListSink()
        stream = self.hub.stream(sink, format_, limit=limit, idle=idle)
        starts = located or await self.hub.locate(
            topics, start, Cursor.parse(to) if isinstance(to, str) else to
        )
        self.hub.begin(stream, starts, Selection(counted=limit is not None, **more))
        return stream, sink

    async def settle(self, rounds=60):
        for _ in range(rounds):
            await asyncio.sleep(0)

    async def until(self, condition):
        """Wait for what has no event of its own."""
        async with asyncio.timeout(5):
            while not condition():  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    def tag(self, topic="t"):
        return self.log.topic(topic).tag


@pytest.fixture
async def make_core():
    """Make a hub with bounds of its own."""
    made = []

    def make(window_bytes=100_000, memory_bytes=1_000_000, heartbeat=15.0):
        made.append(Core(window_bytes, memory_bytes, heartbeat))
        return made[-1]

    yield make
    for core in made:
        core.hub.stop()
        core.hub.close()
        for task in core.tasks:
            task.cancel()
        await asyncio.gather(*core.tasks, return_exceptions=True)


@pytest.fixture
async def core(make_core):
    """A hub, and the topic `t` of two partitions."""
    core = make_core()
    core.log.create("t", 2)
    return core
