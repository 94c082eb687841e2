"""One page of records: stateless, safe to repeat, the same on any gateway process."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from tailrace.core.cursors import Cursor, TopicCursor
from tailrace.core.errors import BadRequest, TopicNotFound
from tailrace.core.gaps import Gap, lost_gap, place_before
from tailrace.core.hub import Hub
from tailrace.core.locate import TopicStart
from tailrace.core.ports import Block, LogReader, LostPosition
from tailrace.core.records import Chunk, Run
from tailrace.core.selection import Selection
from tailrace.core.starts import END, Start, parse_start
from tailrace.protocol.codecs import encode_rows
from tailrace.protocol.framing import bare
from tailrace.protocol.ndjson import NdjsonFormat
from tailrace.transports.budget import Share
from tailrace.transports.gateway import Answer, Call, Gateway

READ_BYTES = 1 << 20
# A larger page is sent in such pieces, each when the one before has left.
PIECE_BYTES = 64 << 10

_NDJSON = NdjsonFormat(bare)


async def records(gateway: Gateway, call: Call) -> Answer | None:
    """A page from `from` on; with nothing there, it waits for the first record as long as `wait` says."""
    with Share(gateway.pages, "Too many pages of records are on their way.") as share:
        body = await _body(gateway, call, share)
        if len(body) <= PIECE_BYTES or call.scope["method"] == "HEAD":
            return Answer(body)
        await _send(call, body)
        return None


async def _body(gateway: Gateway, call: Call, share: Share) -> bytes:
    tally = gateway.tallies["page"]
    tally.open += 1
    try:
        page = await _page(gateway, call, share)
    finally:
        tally.open -= 1
    body = page.json()
    tally.records += len(page.rows)
    tally.nbytes += len(body)
    tally.gaps.update(str(gap["cause"]) for gap in page.gaps)
    return body


async def _send(call: Call, body: bytes) -> None:
    """Send a large page as its client takes it: until then it counts."""
    headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
    headers += call.response_headers
    await call.send({"type": "http.response.start", "status": 200, "headers": headers})
    for start in range(0, len(body), PIECE_BYTES):
        stop = start + PIECE_BYTES
        piece = {"type": "http.response.body", "body": body[start:stop], "more_body": stop < len(body)}
        await call.send(piece)


async def _page(gateway: Gateway, call: Call, share: Share) -> "_Page":
    values = call.parameters
    start = parse_start(str(values["from"]), int(time.time() * 1000))
    limit, wait, partition = values["limit"], values["wait"], values["partition"]
    assert isinstance(limit, int)
    assert isinstance(wait, float)
    wanted = partition if isinstance(partition, int) else None
    deadline = time.monotonic() + wait
    page = await _read(gateway, call.topic, start, wanted, limit, share)
    while page.empty and (left := deadline - time.monotonic()) > 0:
        await _wait(gateway.hub, page, wanted, left)
        page = await _read(gateway, call.topic, page.cursor(), wanted, limit, share)
    return page


@dataclass(slots=True)
class _Page:
    """What was found so far, and where that leads."""

    start: TopicStart
    positions: dict[int, int]
    rows: list[bytes] = field(default_factory=list)
    gaps: list[Mapping[str, object]] = field(default_factory=list)
    # Of partitions that the page is not about: its cursor stays before them.
    untold: list[Gap] = field(default_factory=list)
    end: bool = True

    @property
    def topic(self) -> str:
        return self.start.feed.topic

    @property
    def empty(self) -> bool:
        return not self.rows and not self.gaps

    def cursor(self) -> Cursor:
        tag, positions = place_before(self.untold, self.start.feed.window.tag, self.positions)
        return Cursor({self.topic: TopicCursor.at(positions, tag)})

    def tell(self, gaps: Sequence[Gap]) -> None:
        """Add gaps, each with a cursor from which those after it are told again."""
        self.untold += gaps
        for gap in gaps:
            self.untold.remove(gap)
            self.gaps.append({**gap.event(self.topic), "cursor": str(self.cursor())})

    def json(self) -> bytes:
        tail = {"gaps": self.gaps, "cursor": str(self.cursor()), "end": self.end}
        return b'{"records":[%b],%b' % (b",".join(self.rows), msgspec.json.encode(tail)[1:])


async def _read(
    gateway: Gateway, topic: str, start: Start, wanted: int | None, limit: int, share: Share
) -> _Page:
    found = await _locate(gateway, topic, start)
    if wanted is not None and wanted not in found.positions:
        raise BadRequest(f"The topic {topic!r} has no partition {wanted}.")
    page = _Page(found, dict(found.positions))
    page.untold += [gap for gap in found.gaps if wanted not in {None, gap.partition}]
    page.tell([gap for gap in found.gaps if wanted in {None, gap.partition}])
    # That a topic was made again is told once: a cursor has one tag for all its partitions.
    page.untold = [gap for gap in page.untold if gap.cause != "recreated"]
    await _Filling(gateway.reader, page, limit, gateway.settings.limits.page, share).run(wanted)
    return page


async def _locate(gateway: Gateway, topic: str, start: Start) -> TopicStart:
    """Where the page begins, in the topic as it is now and not as the hub saw it a second ago."""
    info = (await gateway.reader.describe([topic])).get(topic)
    if info is None:
        raise TopicNotFound(f"There is no topic {topic!r}.", hint="Make it first: POST /v1/topics.")
    (found,) = await gateway.hub.locate([topic], start, END)
    if found.feed.window.tag != info.tag:
        await gateway.hub.watch.compare(topic)
        (found,) = await gateway.hub.locate([topic], start, END)
    return found


class _Filling:
    """Fills a page from the log, the partition that is furthest behind first."""

    def __init__(self, reader: LogReader, page: _Page, limit: int, nbytes: int, share: Share) -> None:
        self._reader = reader
        self._page = page
        self._records_left = limit
        self._bytes_left = nbytes
        self._share = share

    async def run(self, wanted: int | None) -> None:
        page = self._page
        ends = page.start.to or {}
        partitions = [wanted] if wanted is not None else list(page.positions)
        partitions.sort(key=lambda p: page.positions[p] - ends.get(p, 0))
        for partition in partitions:
            await self._read(partition, ends.get(partition, 0))

    async def _read(self, partition: int, end: int) -> None:
        page = self._page
        while page.positions[partition] < end:
            if not self._records_left or self._bytes_left <= 0:
                page.end = False
                return
            offset = page.positions[partition]
            try:
                block = await self._reader.read(page.topic, partition, offset, READ_BYTES)
            except LostPosition as lost:
                gap = lost_gap(partition, offset, lost.earliest, lost.latest)
                page.positions[partition] = min(max(offset, lost.earliest), lost.latest)
                page.tell([gap])
                if page.positions[partition] == offset:
                    return
                continue
            self._take(partition, block)
            if block.at_end and page.positions[partition] >= block.next_offset:
                return

    def _take(self, partition: int, block: Block) -> None:
        page = self._page
        rows, chunk = self._rows(block.chunk)
        self._share.grow(sum(map(len, rows)))
        page.rows += rows
        whole = chunk is None or block.chunk is None or len(rows) == len(block.chunk)
        page.positions[partition] = (
            block.next_offset if whole or chunk is None else chunk.offsets[len(rows) - 1] + 1
        )
        there = page.positions[partition]
        page.tell([Gap(partition, start, to, cause) for start, to, cause in block.skipped if start < there])

    def _rows(self, chunk: Chunk | None) -> tuple[Sequence[bytes], Chunk | None]:
        """As many rows as still fit: one at least."""
        if chunk is None:
            return (), None
        run = chunk.runs[0]
        chunk = chunk.slice(Run(run.partition, 0, min(len(chunk), self._records_left)))
        rows: list[bytes] = []
        for row in encode_rows(chunk, after=b""):
            if rows and len(row) > self._bytes_left:
                self._bytes_left = 0
                break
            rows.append(row)
            self._bytes_left -= len(row) + 1
        self._records_left -= len(rows)
        return rows, chunk


class _Bell:
    """A sink that only tells that something came."""

    blocked = False

    def __init__(self) -> None:
        self.rung = asyncio.Event()

    def write(self, data: bytes) -> None:
        """Something came."""
        del data
        self.rung.set()

    def finish(self) -> None:
        """The stream is over: look again."""
        self.rung.set()

    def abort(self) -> None:
        """The same."""
        self.rung.set()


async def _wait(hub: Hub, page: _Page, wanted: int | None, seconds: float) -> None:
    """Until a record comes behind the page, or the time is over."""
    bell = _Bell()
    stream = hub.stream(bell, _NDJSON)
    start = TopicStart(page.start.feed, page.start.tag, page.positions)
    hub.begin(stream, [start], Selection(partitions=None if wanted is None else frozenset({wanted})))
    try:
        async with asyncio.timeout(seconds):
            await bell.rung.wait()
    except TimeoutError:
        return
    finally:
        stream.close()
