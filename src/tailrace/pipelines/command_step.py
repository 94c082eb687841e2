"""Records through a command: a step of a member, as a handler in Python is."""

import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from tailrace.core.errors import BadRecord, TailraceError
from tailrace.core.groups import Polled, Sender
from tailrace.pipelines.conversation import CommandFailed, Conversation
from tailrace.pipelines.lines import Result, json_question, json_results, text_question, text_results
from tailrace.runtime.steps import StepFailed, Turn

_log = logging.getLogger("tailrace.pipelines")

MOST_AHEAD = 512
"""Lines that a quick command has before it; a slow one has one, so that a stop does not wait for many."""
UNSENT_BYTES = 1024 * 1024
QUICK_SECONDS = 0.005
LOOK_SECONDS = 0.1
SILENT_SECONDS = 30.0
"""A command that has not answered for so long may not know that it should: it is said, and again later."""

Question = Callable[[bytes | None], bytes]
Read = Callable[[bytes, Sequence[str]], Sequence[Result]]


class _Asked(NamedTuple):
    row: int
    key: bytes | None


class CommandStep:
    """Asks a command about each record and sends what it answers; never two answers in the wrong order."""

    size = 1

    def __init__(
        self, conversation: Conversation, topics: Sequence[str], sender: Sender, *, text: bool, many: bool
    ) -> None:
        self._talk = conversation
        self._topics = tuple(topics)
        self._send = sender.send
        self._question: Question = text_question if text else json_question
        self._read: Read = text_results if text else json_results
        self._many = many
        self._window = 1
        self.last_error: str | None = None

    def run(self, batch: Polled, row: int, turn: Turn) -> int:
        """Handle rows from `row` on, as Step says."""
        asked: deque[_Asked] = deque()
        following = row
        values, keys = batch.values(), batch.keys()
        self._refuse_late(batch, row)
        heard_at = warned_at = time.monotonic()
        while asked or (following < len(values) and not turn.interrupted):
            first = asked[0].row if asked else following
            try:
                following = self._ask(values, keys, following, asked, turn)
                self._talk.turn(LOOK_SECONDS)
                answered = self._answers(asked)
            except TailraceError as error:
                raise self._failed(batch, asked[0].row if asked else first, error) from error
            now = time.monotonic()
            if answered:
                self._pace((now - heard_at) / answered)
                heard_at = warned_at = now
            elif asked and now - warned_at > SILENT_SECONDS:
                warned_at = now
                self._say_silent(batch, asked[0].row, now - heard_at)
        return following

    def _ask(
        self,
        values: Sequence[bytes | None],
        keys: Sequence[bytes | None],
        row: int,
        asked: deque[_Asked],
        turn: Turn,
    ) -> int:
        """Ask ahead as far as the command is quick; answers the next row."""
        while len(asked) < self._window and row < len(values) and self._talk.unsent < UNSENT_BYTES:
            if turn.interrupted:
                break
            try:
                line = self._question(values[row])
            except BadRecord:
                if asked:
                    # Those before it are answered first: they are not its fault.
                    break
                raise
            self._talk.ask(line)
            asked.append(_Asked(row, keys[row]))
            row += 1
        return row

    def _answers(self, asked: deque[_Asked]) -> int:
        """Send what has been answered; answers of how many records."""
        count = 0
        while (line := self._talk.take()) is not None:
            if not asked:
                raise CommandFailed(
                    f"The line {line[:80].decode(errors='replace')!r} answers nothing.",
                    hint="Print one line for each: a list for several results, an empty line for none.",
                )
            for topic, record in self._read(line, self._topics):
                key = asked[0].key if record.key is None else record.key
                for one in (topic,) if topic else self._topics:
                    self._send(one, record.value, key, record.partition, record.timestamp, record.headers)
            if not self._many or not line.strip():
                asked.popleft()
                count += 1
        return count

    def _pace(self, seconds_each: float) -> None:
        self._window = min(MOST_AHEAD, self._window * 2) if seconds_each < QUICK_SECONDS else 1

    def _refuse_late(self, batch: Polled, row: int) -> None:
        """A line too many would be taken for the next record's answer."""
        try:
            self._talk.turn(0)
            self._answers(deque())
        except TailraceError as error:
            raise self._failed(batch, row, error) from error

    def _failed(self, batch: Polled, row: int, error: TailraceError) -> StepFailed:
        record = batch.record(row)
        where = f"topic {record.topic}, partition {record.partition}, offset {record.offset}"
        told = TailraceError(f"{error.detail} It was at {where}.", cause=error.cause, hint=error.hint)
        self.last_error = str(told)
        return StepFailed(row, told)

    def _say_silent(self, batch: Polled, row: int, seconds: float) -> None:
        record = batch.record(row)
        _log.warning(
            "No answer for %.0f s to the record at topic %s, partition %d, offset %d. "
            "A command prints a line for each, an empty one for no result, and flushes it.",
            seconds,
            record.topic,
            record.partition,
            record.offset,
        )
