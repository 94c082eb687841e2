"""What a log's client is sent: lines of a file and of a topic, woven, with one cursor over both."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tailrace.core.cursors import Cursor, format_topic
from tailrace.core.errors import Overloaded
from tailrace.core.locate import TopicStart
from tailrace.protocol.tasklog_cursor import FILE_NAME, FilePlace, cursor_text
from tailrace.protocol.tasklog_forms import Step, framed
from tailrace.protocol.tasklog_lines import CURSOR, IDLE, LINES, Item, line_groups, read_event, read_items
from tailrace.transports.budget import Budget
from tailrace.transports.sink import HttpSink
from tailrace.transports.tasklogs.file import Read
from tailrace.transports.tasklogs.request import LogRequest

# A client that does not read costs about so much, and what it was not sent yet as it is kept for all.
WRITE_BYTES = 64 << 10
# What a client that does not read holds by itself; what goes beyond is of a budget that all share.
STALLED_BYTES = 512 << 10
# Made in one turn of the loop, about; a client that reads as fast as it can has to wait for the others then.
LINES_A_TURN = 1024
# What a form adds to a line, about.
LINE_BYTES = 32


class _Given(NamedTuple):
    """Writes that are made one by one, and of how many bytes."""

    writes: Iterator[bytes]
    nbytes: int


class LogBody:
    """The body of one answer; it is the sink of the topic's subscription.

    Args:
        request: whose log, in which form, from where on.
        sink: the connection.
        is_away: whether no broker answers at present.
        clock: seconds, monotonic.
        long_lines: what all may hold of lines that are too long for one client's own bound.
    """

    def __init__(
        self,
        request: LogRequest,
        sink: HttpSink,
        is_away: Callable[[], bool],
        clock: Callable[[], float],
        long_lines: Budget,
    ) -> None:
        self.over = asyncio.Event()
        self.lines = self.nbytes = 0
        self.first_line: float | None = None
        # When something was written last.
        self.heard = clock()
        self._task = request.task
        self._form = request.form
        self._sink = sink
        self._is_away = is_away
        self._clock = clock
        self._place: FilePlace | None = request.cursor.file
        self._topic_cursor = "" if request.cursor.topic is None else str(request.cursor.topic)
        self._tag: str | None = None
        self._positions: dict[int, int] = {}
        self._drained = asyncio.Event()
        self._breaks_off = self._finishing = False
        # What was given and is not made yet: few, as whoever gives waits for room.
        self._waiting: deque[_Given] = deque()
        self._long_lines, self._held = long_lines, 0

    # -- where its client stands

    @property
    def cursor(self) -> str:
        """Over both."""
        return cursor_text(self._place, self._topic_cursor)

    @property
    def topic_offsets(self) -> Mapping[int, int]:
        """The next offset of each partition of the topic."""
        if not self._topic_cursor:
            return {}
        places = Cursor.parse(self._topic_cursor).topics[self._task].positions
        return {partition: position.offset for partition, position in places.items()}

    def stand_at(self, start: TopicStart) -> None:
        """What comes of the topic begins there."""
        self._positions, self._tag = dict(start.positions), start.tag
        self._topic_cursor = format_topic(self._task, start.tag, self._positions)

    def _move_to(self, text: str) -> None:
        self._topic_cursor = text
        if self._form.each_cursor:
            self._tag = Cursor.parse(text).topics[self._task].tag
            self._positions = dict(self.topic_offsets)

    # -- lines

    def give_file(self, read: Read) -> None:
        """Lines of the file."""
        self._flow(self._of_file(read), sum(map(len, read.lines)))

    def _of_file(self, read: Read) -> Iterator[bytes]:
        if read.cut:
            yield from self._event("gap", {"file": FILE_NAME, "cause": "truncated", "to": None})
        self._place = read.place or self._place
        if self._form.each_cursor:
            pairs = zip(read.lines, read.places, strict=True)
            steps = [Step((line,), cursor_text(place, self._topic_cursor)) for line, place in pairs]
        else:
            steps = [Step(read.lines, self.cursor)]
        if read.lines:
            yield self._lines(steps)

    def give_lines(self, lines: Sequence[bytes]) -> None:
        """Lines of the topic, behind which the cursor stands already."""
        self._flow(self._of_last(lines))

    def _of_last(self, lines: Sequence[bytes]) -> Iterator[bytes]:
        weight = start = 0
        for n, line in enumerate(lines, 1):
            weight += len(line) + LINE_BYTES
            if weight >= WRITE_BYTES or n == len(lines):
                yield self._lines([Step(lines[start:n], self.cursor if n == len(lines) else "")])
                weight, start = 0, n

    def _lines(self, steps: Sequence[Step]) -> bytes:
        self.first_line = self.first_line or self._clock()
        self.lines += sum(len(step.lines) for step in steps)
        return self._framed(self._form.steps(steps))

    # -- what the topic's subscription writes

    @property
    def blocked(self) -> bool:
        """Whether what was given has not left this process yet."""
        return self._sink.blocked or bool(self._waiting)

    def write(self, data: bytes) -> None:
        """Take what the hub says."""
        self._flow(self._of_topic(data), len(data))

    def _of_topic(self, data: bytes) -> Iterator[bytes]:
        steps: list[Step] = []
        weight = 0
        for item in read_items(data):
            if item.kind == LINES:
                for lines, is_last in line_groups(item.body):
                    steps.append(self._step(item, lines, is_last=is_last))
                    weight += sum(map(len, lines)) + LINE_BYTES * len(lines)
                    if weight >= WRITE_BYTES:
                        yield self._lines(steps)
                        steps, weight = [], 0
                continue
            if item.kind == CURSOR:
                self._move_to(item.body.decode("ascii"))
            if steps:
                last = steps[-1] if self._form.each_cursor else Step(steps[-1].lines, self.cursor)
                yield self._lines([*steps[:-1], last])
                steps, weight = [], 0
            elif item.kind in {CURSOR, IDLE}:
                yield from self._beat()
            if item.kind not in {CURSOR, IDLE}:
                yield from self._event(*read_event(item))

    def _step(self, item: Item, lines: Sequence[bytes], *, is_last: bool) -> Step:
        """Lines of a record, and where its reader stands behind the last of them."""
        if not self._form.each_cursor or not is_last:
            return Step(lines, "")
        self._positions[item.partition] = item.offset + 1
        self._topic_cursor = format_topic(self._task, self._tag, self._positions)
        return Step(lines, self.cursor)

    def finish(self) -> None:
        """The end, once all that was given has left."""
        self._finishing = True
        self._push()

    def _finish(self) -> None:
        # A client that could be told nothing has to see that the log may go on.
        if self._breaks_off:
            self._sink.abort()
        else:
            self._sink.finish()
        self._end()

    def abort(self) -> None:
        """Break off."""
        self._sink.abort()
        self._end()

    def _end(self) -> None:
        self.over.set()
        self.let_go()
        # Who waits for room waits no more.
        self._drained.set()

    def let_go(self) -> None:
        """Hold nothing any more: its client is gone, or has all."""
        self._waiting.clear()
        self._release()

    # -- beside the lines

    def _beat(self) -> Iterator[bytes]:
        if beat := self._form.heartbeat(self.cursor, away=self._is_away()):
            yield self._framed([beat])

    def _event(self, name: str, body: Mapping[str, object]) -> Iterator[bytes]:
        if name == "gap" and "topic" in body:
            self._move_to(str(body["cursor"]))
        self._breaks_off = name == "bye" and not self._form.tells
        if said := self._form.event(name, {**body, "cursor": self.cursor}):
            yield self._framed([said])

    def _framed(self, pieces: Sequence[bytes]) -> bytes:
        return framed(pieces, is_chunked=self._sink.chunked)

    # -- back-pressure

    def _flow(self, writes: Iterator[bytes], nbytes: int = 0) -> None:
        """Make and send writes one by one, each when the one before has left, of so many bytes."""
        self._waiting.append(_Given(writes, nbytes))
        self._push()

    def _push(self) -> None:
        lines = self.lines
        while self._waiting and not self._sink.blocked and not self.over.is_set():
            if self.lines - lines >= LINES_A_TURN:
                asyncio.get_running_loop().call_soon(self._sink.on_drain)
                return
            self._release()
            stands = self._place, self._topic_cursor
            data = next(self._waiting[0].writes, None)
            if data is None:
                self._waiting.popleft()
                continue
            if not self._hold(data):
                self._place, self._topic_cursor = stands
                data = self._last_words()
            self.nbytes += len(data)
            self.heard = self._clock()
            self._sink.write(data)
        if not self._sink.blocked:
            self._release()
        if self._finishing and not self._waiting and not self.over.is_set():
            self._finish()

    def _hold(self, data: bytes) -> bool:
        """Whether there is room for a write until it has left, and for what the next ones are made of."""
        held = len(data) + sum(given.nbytes for given in self._waiting)
        if held <= STALLED_BYTES:
            return True
        if not self._long_lines.take(held):
            return False
        self._held = held
        return True

    def _release(self) -> None:
        self._long_lines.give(self._held)
        self._held = 0

    def _last_words(self) -> bytes:
        """An end with an error, instead of all that was to come."""
        self._waiting.clear()
        self._finishing = True
        full = Overloaded("Too many long lines of logs are on their way.", hint="Ask again later.")
        return b"".join(self._event("problem", full.problem()))

    async def room(self) -> None:
        """Wait until what was given has left."""
        while self.blocked and not self.over.is_set():
            self._drained.clear()
            await self._drained.wait()

    def drained(self) -> None:
        """What was written has left."""
        self._push()
        if not self.blocked:
            self._drained.set()
