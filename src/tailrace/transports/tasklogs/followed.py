"""A task's file as one stream follows it: what is there, then what it grows by."""

import asyncio
import contextlib
from collections.abc import Callable

from tailrace.transports.tasklogs.body import LogBody
from tailrace.transports.tasklogs.disk import Disk
from tailrace.transports.tasklogs.file import FileReader, Read
from tailrace.transports.tasklogs.first_lines import FirstLines
from tailrace.transports.tasklogs.watch import LogWatch

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
        first_lines: what goes before what.
    """

    def __init__(
        self,
        reader: FileReader,
        task: str,
        body: LogBody,
        disk: Disk,
        watch: LogWatch,
        first_lines: FirstLines,
    ) -> None:
        self.reader = reader
        # Whether all that is in it was given.
        self.at_end = False
        self._task = task
        self._body = body
        self._disk = disk
        self._watch = watch
        self._first_lines = first_lines
        self._unfinished = False

    async def begin(self, first: Callable[[], Read]) -> None:
        """Give the first lines, and then all that there are."""
        with self._first_lines.awaited():
            read = await self._disk.run(first, self._task)
            self._body.give_file(read)
        await self._give_on(read)

    async def _give_on(self, read: Read) -> None:
        """Give what comes after what was given."""
        await self._body.room()
        while read.more and not self._body.over.is_set():
            read = await self._disk.run(self.reader.read, self._task)
            self._body.give_file(read)
            await self._body.room()
        self._unfinished = read.unfinished

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
            read = await self._disk.run(self.reader.read, self._task)
            self._body.give_file(read)
            await self._give_on(read)

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
