"""What all log streams of a process wait for together: files that grow, topics that appear, a broker."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from time import perf_counter

from tailrace.core.errors import TailraceError, Unavailable
from tailrace.core.ports import LogReader
from tailrace.transports.tasklogs.disk import Disk
from tailrace.transports.tasklogs.file import FileReader
from tailrace.transports.tasklogs.notices import WriteNotices

_log = logging.getLogger("tailrace.tasklogs")

LOOK_SECONDS = 0.1
# Looking takes at most this share of a thread, however many files there are; but a disk that was slow once
# keeps nobody waiting for long.
LOOK_SHARE = 0.05
LONGEST_PAUSE_SECONDS = 2.0
# One question about all topics that are waited for, which also shows whether a broker answers.
ASK_SECONDS = 0.5
ASK_REACHED_SECONDS = 2.0
TOPICS_AT_ONCE = 200


class LogWatch:
    """Looks after files and topics for as long as somebody waits for one.

    Args:
        disk: threads for files.
        reader: the log, for questions.
        clock: seconds, monotonic.
        spawn: runs a coroutine to its end.
    """

    def __init__(
        self,
        disk: Disk,
        reader: LogReader,
        clock: Callable[[], float],
        spawn: Callable[[Coroutine[object, object, None]], object],
    ) -> None:
        self._disk = disk
        self._reader = reader
        self._clock = clock
        self._spawn = spawn
        self._files: dict[FileReader, Callable[[], None]] = {}
        self._notices = WriteNotices(self._tell)
        self._topics: dict[str, dict[Callable[[], None], None]] = {}
        self._streams: Counter[str] = Counter()
        self._looking = self._asking = False
        # Since when no broker answers.
        self.away_since: float | None = None

    # -- files

    def follow(self, file: FileReader, changed: Callable[[], None]) -> None:
        """Call when a look at the file may bring something; once, until asked again."""
        self._files[file] = changed
        self._notices.follow(file)
        if not self._looking:
            self._looking = True
            self._spawn(self._look())

    def forget(self, file: FileReader) -> None:
        """Look at a file no more, and close it."""
        self._files.pop(file, None)
        self._notices.forget(file)
        self._disk.leave(file.close)

    async def _look(self) -> None:
        try:
            while self._files:
                files, seconds = await self._changed(list(self._files))
                for file in files:
                    self._tell(file)
                await asyncio.sleep(min(max(LOOK_SECONDS, seconds / LOOK_SHARE), LONGEST_PAUSE_SECONDS))
        finally:
            self._looking = False

    def _tell(self, file: FileReader) -> None:
        if told := self._files.pop(file, None):
            told()

    async def _changed(self, files: list[FileReader]) -> tuple[list[FileReader], float]:
        try:
            return await self._disk.run(partial(_those_changed, files))
        except Unavailable as error:
            _log.warning("%s", error.detail)
            return [], 0.0

    def close(self) -> None:
        """Hear of files no more."""
        self._notices.close()

    # -- topics, and the broker

    def enter(self, topic: str) -> None:
        """A stream begins: from now on it is known whether a broker answers."""
        self._streams[topic] += 1
        if not self._asking:
            self._asking = True
            # What was known when somebody asked last is old.
            self.away_since = None
            self._spawn(self._ask())

    def leave(self, topic: str) -> None:
        """A stream has ended."""
        self._streams[topic] -= 1
        if not self._streams[topic]:
            del self._streams[topic]

    def await_topic(self, topic: str, appeared: Callable[[], None]) -> None:
        """Call when the topic is there."""
        self._topics.setdefault(topic, {})[appeared] = None

    def give_up_topic(self, topic: str, appeared: Callable[[], None]) -> None:
        """Wait for a topic no more."""
        waiting = self._topics.get(topic, {})
        waiting.pop(appeared, None)
        if not waiting:
            self._topics.pop(topic, None)

    def away_for(self) -> float:
        """For how long no broker has answered."""
        return 0.0 if self.away_since is None else self._clock() - self.away_since

    async def _ask(self) -> None:
        try:
            while self._streams:
                await self._ask_once()
                await asyncio.sleep(ASK_SECONDS if self._topics else ASK_REACHED_SECONDS)
        finally:
            self._asking = False

    async def _ask_once(self) -> None:
        begun = self._clock()
        # Any topic will do to see whether a broker answers.
        names = list(self._topics) or list(self._streams)[:1]
        try:
            for at in range(0, len(names), TOPICS_AT_ONCE):
                await self._find(names[at : at + TOPICS_AT_ONCE])
        except Unavailable:
            self.away_since = begun if self.away_since is None else self.away_since
        except Exception:  # noqa: BLE001 - one odd answer must not end the questions for good
            _log.exception("Asking after topics failed.")
        else:
            self.away_since = None

    async def _find(self, names: Sequence[str]) -> None:
        try:
            found = await self._reader.describe(names)
        except Unavailable:
            raise
        except TailraceError as error:
            if len(names) > 1:
                # One that may not be asked about hides no other.
                for name in names:
                    await self._find([name])
                return
            _log.warning("Whether there is a topic %r can't be seen: %s", names[0], error.detail)
            return
        for name in found:
            self._appeared(name)

    def _appeared(self, topic: str) -> None:
        for told in self._topics.pop(topic, {}):
            told()


def _those_changed(files: list[FileReader]) -> tuple[list[FileReader], float]:
    """Files that a read may bring something of, and how long looking took, without waiting for a thread."""
    begun = perf_counter()
    return [file for file in files if _changed(file)], perf_counter() - begun


def _changed(file: FileReader) -> bool:
    try:
        return file.changed()
    except OSError:
        # Its own stream has to hear it, when it reads.
        return True
