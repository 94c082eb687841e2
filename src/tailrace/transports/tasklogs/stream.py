"""One client's stream of a task's log: its file's lines, then its topic's, and both as they come."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from tailrace.core.cursors import Cursor, format_topic
from tailrace.core.errors import BrokerUnavailable, Internal, TailraceError, TopicNotFound, Unavailable
from tailrace.core.hub import Hub
from tailrace.core.locate import TopicStart
from tailrace.core.ports import LogReader
from tailrace.core.selection import Selection
from tailrace.core.tally import Tally
from tailrace.protocol.tasklog_cursor import FilePlace, cursor_text
from tailrace.protocol.tasklog_forms import Step, framed
from tailrace.protocol.tasklog_lines import CURSOR, IDLE, LINES, Item, LogFormat, read_event, read_items
from tailrace.transports.sink import HttpSink
from tailrace.transports.tasklogs.file import FileReader, Read
from tailrace.transports.tasklogs.folder import LogFolder
from tailrace.transports.tasklogs.last import LastLines, last_lines
from tailrace.transports.tasklogs.request import LogRequest
from tailrace.transports.tasklogs.watch import Disk, LogWatch

_log = logging.getLogger("tailrace.tasklogs")

# A broker that is away for so long is said, and a log that can say nothing else ends with that.
AWAY_SECONDS = 40.0
# Clients give up 50 s after the last byte: what is said has to be said before.
SILENT_SECONDS = 45.0
# A short absence is none: brokers change leaders.
SURELY_AWAY_SECONDS = 5.0
LOCATE_SECONDS = 10.0
LOCATE_AGAIN_SECONDS = 1.0
# The last lines of file and topic together need both; without a broker the file's are given alone.
LAST_SECONDS = 3.0
LOOK_SECONDS = 0.25
LOOK_FOLLOWING_SECONDS = 2.0
CHECK_SECONDS = 5.0

LOG_FORMAT = LogFormat()


def _leave(running: asyncio.Task[object]) -> None:
    """The client is gone."""
    running.cancel()


class _Over(Exception):
    """The stream has come to its end."""


@dataclass(frozen=True, slots=True)
class LogServices:
    """What all log streams of a process share."""

    hub: Hub
    reader: LogReader
    folder: LogFolder
    disk: Disk
    watch: LogWatch
    tally: Tally
    clock: Callable[[], float]
    spawn: Callable[[Coroutine[object, object, None]], asyncio.Task[None]]


class LogStream:
    """Weaves a file and a topic into one body; it is the sink of the topic's subscription.

    Args:
        request: what is wanted.
        sink: the body.
        services: what it reads with.
    """

    def __init__(self, request: LogRequest, sink: HttpSink, services: LogServices) -> None:
        self.lines = self.nbytes = 0
        self.first_line: float | None = None
        self._request = request
        self._form = request.form
        self._sink = sink
        self._services = services
        self._clock = services.clock
        self._file = FileReader(services.folder, request.task, each=request.form.each_cursor)
        self._place: FilePlace | None = request.cursor.file
        self._topic_cursor = "" if request.cursor.topic is None else str(request.cursor.topic)
        self._tag: str | None = None
        self._positions: dict[int, int] = {}
        self._subscription = services.hub.stream(self, LOG_FORMAT, tally=services.tally)
        self._drained = asyncio.Event()
        self._over = asyncio.Event()
        self._file_at_end = self._topic_begun = self._awaits_topic = False
        self._breaks_off = False
        self._idle_for = 0.0
        self._heard = self._clock()

    # -- its life

    async def run(self) -> None:
        """Stream until the end."""
        services, task = self._services, self._request.task
        services.watch.enter(task)
        running = asyncio.current_task()
        assert running is not None
        self._sink.on_drain = self._drain
        self._sink.on_close = lambda: _leave(running)
        try:
            await self._run()
        except TailraceError as error:
            self._subscription.fail(error)
        except Exception as error:  # noqa: BLE001 - nobody awaits this, and the client has to be told
            _log.exception("A log's stream failed.")
            self._subscription.fail(Internal("The log broke off.", cause=type(error).__name__))
        finally:
            self._subscription.close()
            services.watch.forget(self._file)
            services.watch.leave(task)

    async def _run(self) -> None:
        start = await self._begin()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_file())
                tasks.create_task(self._follow_topic(start))
                tasks.create_task(self._watch_end())
        except* _Over:
            pass
        except* TailraceError as errors:
            raise errors.exceptions[0] from None

    async def _begin(self) -> TopicStart | None:
        """All that is in the file; with `tail`, the last lines of both."""
        request = self._request
        if request.last is not None:
            found = await self._find_last(request.last)
            if found is not None:
                self._stand_at(found.before)
            in_file = request.last - (len(found.lines) if found else 0)
            await self._pump(partial(self._file.begin_last, in_file))
            return self._give_last(found) if found else None
        file = request.cursor.file
        await self._pump(self._file.read if file is None else partial(self._file.begin_at, file))
        return None

    # -- the file

    async def _follow_file(self) -> None:
        grown = asyncio.Event()
        while True:
            self._file_at_end = True
            grown.clear()
            self._services.watch.follow(self._file, grown.set)
            await grown.wait()
            self._file_at_end = False
            await self._pump(self._file.read)

    async def _pump(self, first: Callable[[], Read]) -> None:
        """Give all lines that there are."""
        read = await self._services.disk.run(first)
        while True:
            if read.cut:
                self._event("gap", {"file": "worker.log", "cause": "truncated", "to": None})
            self._give_file(read)
            await self._room()
            if not read.more or self._over.is_set():
                return
            read = await self._services.disk.run(self._file.read)

    def _give_file(self, read: Read) -> None:
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

    async def _room(self) -> None:
        while self._sink.blocked and not self._sink.closed:
            self._drained.clear()
            await self._drained.wait()

    def _drain(self) -> None:
        self._drained.set()
        self._subscription.wake()

    # -- the topic

    async def _find_last(self, count: int) -> LastLines | None:
        with contextlib.suppress(TopicNotFound, BrokerUnavailable, TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                return await self._last(count)
        return None

    async def _last(self, count: int) -> LastLines:
        return await last_lines(self._services.hub, self._services.reader, self._request.task, count)

    def _give_last(self, found: LastLines) -> TopicStart:
        self._stand_at(found.after)
        if found.lines:
            self._give([Step(found.lines, self.cursor)])
        return found.after

    def _stand_at(self, start: TopicStart) -> None:
        self._positions, self._tag = dict(start.positions), start.tag
        self._topic_cursor = format_topic(self._request.task, start.tag, self._positions)

    async def _follow_topic(self, start: TopicStart | None) -> None:
        start = start or await self._locate()
        self._positions, self._tag = dict(start.positions), start.tag
        self._topic_begun = True
        self._services.hub.begin(self._subscription, [start], Selection())
        # The cursor to come back with, also where no record comes for a while.
        self._subscription.heartbeat()

    async def _locate(self) -> TopicStart:
        while True:
            try:
                async with asyncio.timeout(LOCATE_SECONDS):
                    return await self._locate_once()
            except TopicNotFound:
                await self._await_topic()
            except (BrokerUnavailable, TimeoutError):
                await asyncio.sleep(LOCATE_AGAIN_SECONDS)

    async def _locate_once(self) -> TopicStart:
        request = self._request
        if request.last is not None:
            return self._give_last(await self._last(request.last))
        (found,) = await self._services.hub.locate([request.task], request.start)
        return found

    async def _await_topic(self) -> None:
        appeared = asyncio.Event()
        watch, task = self._services.watch, self._request.task
        watch.await_topic(task, appeared.set)
        self._awaits_topic = True
        try:
            await appeared.wait()
        finally:
            self._awaits_topic = False
            watch.give_up_topic(task, appeared.set)

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
        self._topic_cursor = format_topic(self._request.task, self._tag, self._positions)
        return Step(item.body.split(b"\n"), self.cursor)

    def _move_to(self, text: str) -> None:
        self._topic_cursor = text
        if self._form.each_cursor:
            place = Cursor.parse(text).topics[self._request.task]
            self._tag = place.tag
            self._positions = {p: position.offset for p, position in place.positions.items()}

    def finish(self) -> None:
        """The end: a client that was told nothing has to see that the log may go on."""
        if self._breaks_off:
            self._sink.abort()
        else:
            self._sink.finish()
        self._end_now()

    def abort(self) -> None:
        """Break off."""
        self._sink.abort()
        self._end_now()

    def _end_now(self) -> None:
        self._over.set()
        # Who waits for room waits no more.
        self._drained.set()

    # -- what is written

    @property
    def cursor(self) -> str:
        """Where its client stands."""
        return cursor_text(self._place, self._topic_cursor)

    def _give(self, steps: Sequence[Step]) -> None:
        now = self._clock()
        self.first_line = self.first_line or now
        self.lines += sum(len(step.lines) for step in steps)
        self._idle_for = 0.0
        self._send(self._form.steps(steps))

    def _beat(self) -> None:
        beat = self._form.heartbeat(self.cursor, away=self._services.watch.away_for() > 0)
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
            self._heard = self._clock()
            self._sink.write(data)

    # -- its end

    async def _watch_end(self) -> None:
        """End it when nothing has come for too long, or no broker has answered."""
        idle = self._request.idle
        look = LOOK_FOLLOWING_SECONDS if idle is None else min(LOOK_SECONDS, idle / 4)
        looked = self._clock()
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(look):
                    await self._over.wait()
            now = self._clock()
            if self._waits:
                self._idle_for += now - looked
            looked = now
            if self._is_away(now):
                self._subscription.fail(
                    BrokerUnavailable(f"The broker has been away for {AWAY_SECONDS:g} s.")
                )
            elif idle is not None and self._idle_for >= idle and await self._came_to_end(idle):
                await self._end()
        raise _Over

    @property
    def _waits(self) -> bool:
        """Whether it waits for Kafka, and for nothing else."""
        topic = self._awaits_topic or (self._topic_begun and self._subscription.live)
        away = self._services.watch.away_for() > 0
        return topic and self._file_at_end and not self._sink.blocked and not away

    def _is_away(self, now: float) -> bool:
        if self._form.tells and self._request.idle is None:
            # It is told with each heartbeat.
            return False
        away = self._services.watch.away_for()
        return away >= AWAY_SECONDS or (away >= SURELY_AWAY_SECONDS and now - self._heard >= SILENT_SECONDS)

    async def _came_to_end(self, idle: float) -> bool:
        """Whether all that the topic has was given; a tail that hangs is waited for once more."""
        if not self._topic_begun or self._idle_for >= 2 * idle:
            return True
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                ends = await self._services.reader.latest(self._request.task)
        except TopicNotFound:
            return True
        except (Unavailable, TimeoutError):
            return False
        places = Cursor.parse(self._topic_cursor).topics[self._request.task].positions
        return all(p in places and places[p].offset >= end for p, end in ends.items())

    async def _end(self) -> None:
        self._give_file(await self._services.disk.run(self._file.rest))
        self._subscription.end("idle")
