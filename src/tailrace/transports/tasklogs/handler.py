"""`GET /api/v1/logs`: who may read a task's log, and the stream that gives it."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from functools import partial

from tailrace.core.errors import Unavailable
from tailrace.core.hub import Hub
from tailrace.core.ports import LogReader
from tailrace.transports.access import no_such_log
from tailrace.transports.budget import Budget
from tailrace.transports.gateway import Answer, Call, Gateway
from tailrace.transports.sink import HttpSink
from tailrace.transports.tasklogs.disk import Disk
from tailrace.transports.tasklogs.first_lines import FirstLines
from tailrace.transports.tasklogs.folder import LogFolder
from tailrace.transports.tasklogs.request import read_request
from tailrace.transports.tasklogs.stream import LogServices, LogStream
from tailrace.transports.tasklogs.watch import LogWatch

_log = logging.getLogger("tailrace.http")

EXISTS_SECONDS = 3.0
# Lines above some 256 KiB on their way to all clients; one may be 1 MiB, and six times as much where each of
# its characters is escaped.
LONG_LINES_BYTES = 64 << 20

Spawn = Callable[[Coroutine[object, object, None]], asyncio.Task[None]]


class TaskLogs:
    """The handler of the route of task logs.

    Args:
        gateway: settings, and where it counts.
        hub: reads the cluster that has the tasks' topics.
        reader: the same cluster, for questions.
        spawn: runs a coroutine to its end.
    """

    def __init__(self, gateway: Gateway, hub: Hub, reader: LogReader, spawn: Spawn) -> None:
        loop = asyncio.get_running_loop()
        disk = Disk()
        self._idle = gateway.settings.tasklogs.idle
        self._longest_cursor = gateway.settings.limits.cursor
        folder = LogFolder(gateway.settings.tasklogs.folder)
        # Where its disk hangs, nobody waits for the answer.
        disk.leave(folder.warn_if_absent)
        self._services = LogServices(
            hub,
            reader,
            folder,
            disk,
            LogWatch(disk, reader, loop.time, spawn),
            FirstLines(),
            gateway.pages,
            Budget(LONG_LINES_BYTES),
            gateway.tallies["tasklog"],
            loop.time,
            spawn,
        )

    def close(self) -> None:
        """Look at files no more."""
        self._services.watch.close()
        self._services.disk.close()

    async def __call__(self, gateway: Gateway, call: Call) -> Answer | None:
        """Open a stream; its lines go to the connection by themselves from then on."""
        begun = self._services.clock()
        request = read_request(call.parameters, call.headers, self._idle, self._longest_cursor)
        assert call.principal is not None
        owned = await gateway.access.authorize_log(call.principal, request.task)
        if not (
            owned
            or await self._exists(request.task)
            or await gateway.access.owned(call.principal, request.task)
        ):
            raise no_such_log()
        headers = [(b"content-type", request.form.media.encode()), (b"x-accel-buffering", b"no")]
        sink: HttpSink | None = call.scope["tailrace.open_stream"](200, headers + call.response_headers)
        if sink is not None:
            may_read = partial(_authorize_again, gateway, call, request.task)
            stream = LogStream(request, sink, self._services, may_read)
            self._services.spawn(self._stream(stream, call, begun))
        return None

    async def _stream(self, stream: LogStream, call: Call, begun: float) -> None:
        clock = self._services.clock
        try:
            await stream.run()
        finally:
            first = None if stream.body.first_line is None else round(stream.body.first_line - begun, 4)
            fields = {
                "route": call.route.path,
                "method": "GET",
                "status": 200,
                "first_byte_seconds": first,
                "seconds": round(clock() - begun, 4),
                "lines": stream.body.lines,
                "bytes": stream.body.nbytes,
            }
            _log.info("A log was read.", extra={"fields": fields})

    async def _exists(self, task: str) -> bool:
        """Whether there is a file or a topic; who may read any topic may know."""
        services = self._services
        if await services.disk.run(partial(services.folder.has, task), task):
            return True
        try:
            async with asyncio.timeout(EXISTS_SECONDS):
                return task in await services.reader.describe([task])
        except (Unavailable, TimeoutError):
            # It is waited for, and said if it stays so.
            return True


async def _authorize_again(gateway: Gateway, call: Call, task: str) -> None:
    """By the tokens, grants and owners of now."""
    principal = gateway.access.identify(call.headers, "GET")
    await gateway.access.authorize_log(principal, task)
