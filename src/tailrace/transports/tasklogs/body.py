"""What a log's client is sent: lines of a file and of a topic, woven, with one cursor over both."""

import asyncio
from collections.abc import Callable, Mapping, Sequence

from tailrace.core.cursors import Cursor, format_topic
from tailrace.core.locate import TopicStart
from tailrace.protocol.tasklog_cursor import FILE_NAME, FilePlace, cursor_text
from tailrace.protocol.tasklog_forms import Step, framed
from tailrace.protocol.tasklog_lines import CURSOR, IDLE, LINES, Item, read_event, read_items
from tailrace.transports.sink import HttpSink
from tailrace.transports.tasklogs.file import Read
from tailrace.transports.tasklogs.request import LogRequest


class LogBody:
    """The body of one answer; it is the sink of the topic's subscription.

    Args:
        request: whose log, in which form, from where on.
        sink: the connection.
        is_away: whether no broker answers at present.
        clock: seconds, monotonic.
    """

    def __init__(
        self, request: LogRequest, sink: HttpSink, is_away: Callable[[], bool], clock: Callable[[], float]
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
        self._breaks_off = False

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
        if read.cut:
            self._event("gap", {"file": FILE_NAME, "cause": "truncated", "to": None})
        if not read.lines:
            self._place = read.place or self._place
            return
        if self._form.each_cursor:
            pairs = zip(read.lines, read.places, strict=True)
            steps = [Step((line,), cursor_text(place, self._topic_cursor)) for line, place in pairs]
        else:
            steps = [Step(read.lines, cursor_text(read.place, self._topic_cursor))]
        self._place = read.place
        self._give(steps)

    def give_lines(self, lines: Sequence[bytes]) -> None:
        """Lines of the topic, behind which the cursor stands already."""
        if lines:
            self._give([Step(lines, self.cursor)])

    def _give(self, steps: Sequence[Step]) -> None:
        self.first_line = self.first_line or self._clock()
        self.lines += sum(len(step.lines) for step in steps)
        self._send(self._form.steps(steps))

    # -- what the topic's subscription writes

    @property
    def blocked(self) -> bool:
        """Whether the last write has not left this process yet."""
        return self._sink.blocked

    def write(self, data: bytes) -> None:
        """Take what the hub says."""
        steps: list[Step] = []
        lines: list[bytes] = []
        for item in read_items(data):
            if item.kind == LINES:
                if self._form.each_cursor:
                    steps.append(self._step(item))
                else:
                    lines += item.body.split(b"\n")
                continue
            if item.kind == CURSOR:
                self._move_to(item.body.decode("ascii"))
            if steps or lines:
                self._give(steps or [Step(lines, self.cursor)])
                steps, lines = [], []
            elif item.kind in {CURSOR, IDLE}:
                self._beat()
            if item.kind not in {CURSOR, IDLE}:
                self._event(*read_event(item))

    def _step(self, item: Item) -> Step:
        self._positions[item.partition] = item.offset + 1
        self._topic_cursor = format_topic(self._task, self._tag, self._positions)
        return Step(item.body.split(b"\n"), self.cursor)

    def finish(self) -> None:
        """The end: a client that could be told nothing has to see that the log may go on."""
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
        # Who waits for room waits no more.
        self._drained.set()

    # -- beside the lines

    def _beat(self) -> None:
        beat = self._form.heartbeat(self.cursor, away=self._is_away())
        self._send([beat] if beat else ())

    def _event(self, name: str, body: Mapping[str, object]) -> None:
        if name == "gap" and "topic" in body:
            self._move_to(str(body["cursor"]))
        self._breaks_off = name == "bye" and not self._form.tells
        said = self._form.event(name, {**body, "cursor": self.cursor})
        self._send([said] if said else ())

    def _send(self, pieces: Sequence[bytes]) -> None:
        if pieces:
            data = framed(pieces, is_chunked=self._sink.chunked)
            self.nbytes += len(data)
            self.heard = self._clock()
            self._sink.write(data)

    # -- back-pressure

    async def room(self) -> None:
        """Wait until what was written has left."""
        while self._sink.blocked and not self.over.is_set():
            self._drained.clear()
            await self._drained.wait()

    def drained(self) -> None:
        """All has left."""
        self._drained.set()
