"""One client's stream of a task's log: its file's lines, then its topic's, and both as they come."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from functools import partial

from tailrace.core.errors import BrokerUnavailable, Internal, TailraceError, TopicNotFound, Unavailable
from tailrace.core.hub import Hub
from tailrace.core.locate import TopicStart
from tailrace.core.ports import LogReader
from tailrace.core.selection import Selection
from tailrace.core.tally import Tally
from tailrace.protocol.tasklog_lines import LogFormat
from tailrace.transports.budget import Budget, Share
from tailrace.transports.sink import HttpSink
from tailrace.transports.tasklogs.body import LogBody
from tailrace.transports.tasklogs.disk import Disk
from tailrace.transports.tasklogs.file import FileReader
from tailrace.transports.tasklogs.first_lines import FirstLines
from tailrace.transports.tasklogs.folder import LogFolder
from tailrace.transports.tasklogs.followed import FollowedLog
from tailrace.transports.tasklogs.last import LastLines, last_lines
from tailrace.transports.tasklogs.request import LogRequest
from tailrace.transports.tasklogs.watch import LogWatch

_log = logging.getLogger("tailrace.tasklogs")

# A broker that is away for so long is said, and a log that can say nothing else ends with that.
AWAY_SECONDS = 40.0
# Clients give up 50 s after the last byte: what is said has to be said before.
SILENT_SECONDS = 45.0
# A short absence is none: brokers change leaders.
SURELY_AWAY_SECONDS = 5.0
LOCATE_SECONDS = 30.0
LOCATE_AGAIN_SECONDS = 1.0
# The last lines of file and topic together need both; without a broker the file's are given alone.
LAST_SECONDS = 10.0
LOOK_SECONDS = 0.25
LOOK_FOLLOWING_SECONDS = 2.0
CHECK_SECONDS = 3.0
# A token may be revoked and a task get another owner while a log is read.
RIGHT_SECONDS = 30.0

LOG_FORMAT = LogFormat()


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
    first_lines: FirstLines
    pages: Budget
    long_lines: Budget
    tally: Tally
    clock: Callable[[], float]
    spawn: Callable[[Coroutine[object, object, None]], asyncio.Task[None]]


class LogStream:
    """Weaves a file and a topic into one body.

    Args:
        request: what is wanted.
        sink: the connection.
        services: what it reads with.
        may_read: raises where whoever reads may do so no longer.
    """

    def __init__(
        self,
        request: LogRequest,
        sink: HttpSink,
        services: LogServices,
        may_read: Callable[[], Awaitable[object]],
    ) -> None:
        self._request = request
        self._may_read = may_read
        self._sink = sink
        self._services = services
        self._clock = services.clock
        reader = FileReader(services.folder, request.task, each=request.form.each_cursor)
        self.body = LogBody(
            request, sink, lambda: services.watch.away_for() > 0, services.clock, services.long_lines
        )
        self._file = FollowedLog(
            reader, request.task, self.body, services.disk, services.watch, services.first_lines
        )
        self._subscription = services.hub.stream(self.body, LOG_FORMAT, tally=services.tally)
        self._share = Share(services.pages, "Too many last lines of logs are on their way.")
        # Made later: there was no topic when it began, so that all it has is new.
        self._topic_begun = self._awaits_topic = self._made_later = False

    # -- its life

    async def run(self) -> None:
        """Stream until the end."""
        if self._sink.closed:
            # Its client went before it began: nobody would end it.
            self._subscription.close()
            return
        services, task = self._services, self._request.task
        services.watch.enter(task)
        running = asyncio.current_task()
        assert running is not None
        self._sink.on_drain = self._drain
        self._sink.on_close = partial(self._leave, running)
        try:
            await self._run()
        except TailraceError as error:
            self._subscription.fail(error)
        except Exception as error:  # noqa: BLE001 - nobody awaits this, and the client has to be told
            _log.exception("A log's stream failed.")
            self._subscription.fail(Internal("The log broke off.", cause=type(error).__name__))
        finally:
            self._subscription.close()
            self._share.release()
            services.watch.forget(self._file.reader)
            services.watch.leave(task)

    def _drain(self) -> None:
        self.body.drained()
        if not self.body.blocked:
            self._subscription.wake()

    def _leave(self, running: asyncio.Task[object]) -> None:
        """The client is gone."""
        self.body.let_go()
        running.cancel()

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._watch_right())
                start = await self._begin()
                tasks.create_task(self._file.follow())
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
                self.body.stand_at(found.before)
            in_file = request.last - (len(found.lines) if found else 0)
            await self._file.begin(partial(self._file.reader.begin_last, in_file))
            await self._file.settle()
            return self._give_last(found) if found else None
        place = request.cursor.file
        await self._file.begin(
            self._file.reader.read if place is None else partial(self._file.reader.begin_at, place)
        )
        await self._file.settle()
        return None

    # -- the topic

    async def _find_last(self, count: int) -> LastLines | None:
        if self._services.watch.away_for():
            return None
        try:
            async with asyncio.timeout(LAST_SECONDS):
                return await self._last(count)
        except TopicNotFound:
            self._made_later = True
        except (BrokerUnavailable, TimeoutError):
            # They are asked for again.
            pass
        return None

    async def _last(self, count: int) -> LastLines:
        services = self._services
        self._share.release()
        return await last_lines(services.hub, services.reader, self._request.task, count, self._share.grow)

    def _give_last(self, found: LastLines) -> TopicStart:
        self.body.stand_at(found.after)
        self.body.give_lines(found.lines)
        return found.after

    async def _follow_topic(self, start: TopicStart | None) -> None:
        start = start or await self._locate()
        await self.body.room()
        self._share.release()
        if not start.gaps:
            # Otherwise the first of them says where it stands.
            self.body.stand_at(start)
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
                self._made_later = True
                await self._await_topic()
            except (BrokerUnavailable, TimeoutError):
                await asyncio.sleep(LOCATE_AGAIN_SECONDS)

    async def _locate_once(self) -> TopicStart:
        request = self._request
        if request.last is not None and not self._made_later:
            return self._give_last(await self._last(request.last))
        await self._services.first_lines.given()
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

    # -- its end

    async def _watch_right(self) -> None:
        while True:
            await asyncio.sleep(RIGHT_SECONDS)
            # What cannot be found out at present takes no right away.
            with contextlib.suppress(Unavailable):
                await self._may_read()

    async def _watch_end(self) -> None:
        """End it when nothing has come for too long, or no broker has answered."""
        idle = self._request.idle
        look = LOOK_FOLLOWING_SECONDS if idle is None else min(LOOK_SECONDS, idle / 4)
        quiet, lines, looked = 0.0, self.body.lines, self._clock()
        while not self.body.over.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(look):
                    await self.body.over.wait()
            now = self._clock()
            # A line begins it anew, and while something else is waited for it stands.
            quiet = 0.0 if self.body.lines != lines else quiet + (now - looked if self._waits else 0.0)
            lines, looked = self.body.lines, now
            if self._is_away(now):
                self._subscription.fail(
                    BrokerUnavailable(f"The broker has been away for {AWAY_SECONDS:g} s.")
                )
            elif idle is not None and quiet >= idle and await self._has_all(surely=quiet >= 2 * idle):
                await self._end()
            elif self._is_silent(self._clock()):
                self._subscription.fail(Unavailable("The log can't be read to its end at present."))
        raise _Over

    @property
    def _waits(self) -> bool:
        """Whether it waits for Kafka, and for nothing else."""
        topic = self._awaits_topic or (self._topic_begun and self._subscription.live)
        away = self._services.watch.away_for() > 0
        return topic and self._file.at_end and not self._sink.blocked and not away

    def _is_silent(self, now: float) -> bool:
        """Whether its client is about to give up, whatever keeps the log from its end."""
        if self._request.form.tells or self._request.idle is None or self._sink.blocked:
            return False
        return now - self.body.heard >= SILENT_SECONDS

    def _is_away(self, now: float) -> bool:
        if self._request.form.tells and self._request.idle is None:
            # It is told with each heartbeat.
            return False
        away = self._services.watch.away_for()
        silent = now - self.body.heard
        return away >= AWAY_SECONDS or (away >= SURELY_AWAY_SECONDS and silent >= SILENT_SECONDS)

    async def _has_all(self, *, surely: bool) -> bool:
        """Whether all that the topic has was given; a tail that hangs is waited for once more."""
        if not self._topic_begun or surely:
            return True
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                ends = await self._services.reader.latest(self._request.task)
        except TopicNotFound:
            return True
        except (Unavailable, TimeoutError):
            return False
        offsets = self.body.topic_offsets
        return all(offsets.get(partition, 0) >= end for partition, end in ends.items())

    async def _end(self) -> None:
        await self._file.give_unfinished()
        self._subscription.end("idle")
