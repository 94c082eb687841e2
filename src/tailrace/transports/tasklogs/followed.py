"""A task's file as one stream follows it: what is there, then what it grows by."""

import asyncio
import contextlib
from collections.abc import Callable

from tailrace.transports.tasklogs.body import LogBody
from tailrace.transports.tasklogs.file import FileReader, Read
from tailrace.transports.tasklogs.watch import Disk, LogWatch

# A last line without its line feed is given once its file has been quiet for so long.
QUIET_SECONDS = 1.0


class FollowedLog:
    """Gives a file's lines to a body.

    Args:
        reader: the way along the file.
        task: whose it is.
        body: what its client is sent.
        disk: threads for files.
        watch: looks whether it grows.
    """

    def __init__(self, reader: FileReader, task: str, body: LogBody, disk: Disk, watch: LogWatch) -> None:
        self.reader = reader
        # Whether all that is in it was given.
        self.at_end = False
        self._task = task
        self._body = body
        self._disk = disk
        self._watch = watch
        self._unfinished = False

    async def pump(self, first: Callable[[], Read]) -> None:
        """Give all lines that there are."""
        read = await self._disk.run(first, self._task)
        while True:
            self._body.give_file(read)
            await self._body.room()
            if not read.more or self._body.over.is_set():
                self._unfinished = read.unfinished
                return
            read = await self._disk.run(self.reader.read, self._task)

    async def settle(self) -> None:
        """Give an unfinished last line before what comes of the topic, unless it is being written."""
        if self._unfinished:
            await asyncio.sleep(QUIET_SECONDS)
            if not await self._disk.run(self.reader.changed, self._task):
                await self.give_unfinished()

    async def follow(self) -> None:
        """Give its lines as they come."""
        grown = asyncio.Event()
        while True:
            self.at_end = True
            grown.clear()
            self._watch.follow(self.reader, grown.set)
            await self._await_more(grown)
            self.at_end = False
            await self.pump(self.reader.read)

    async def _await_more(self, grown: asyncio.Event) -> None:
        if self._unfinished:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(grown.wait(), QUIET_SECONDS)
            if not grown.is_set():
                await self.give_unfinished()
        await grown.wait()

    async def give_unfinished(self) -> None:
        """Give a last line that nobody has ended."""
        self._unfinished = False
        self._body.give_file(await self._disk.run(self.reader.rest, self._task))
        await self._body.room()
