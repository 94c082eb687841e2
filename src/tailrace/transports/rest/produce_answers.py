"""What a produce stream says back: errors, places, and how far it is; sent as fast as the client reads."""

import asyncio
from collections.abc import Sequence
from typing import Literal

import msgspec

from tailrace.core.cursors import Cursor, TopicCursor
from tailrace.core.errors import RequestTimeout, TailraceError
from tailrace.core.ports import Outcome, Stored
from tailrace.protocol.produce import answer
from tailrace.transports.gateway import Sender

ACK_SECONDS = 1.0
UNREAD_SECONDS = 30.0

Mode = Literal["errors", "summary", "all"]


class Answers:
    """Collects answers in the order of the records and sends them.

    Args:
        send: where they go.
        topic: the topic that is written.
        place: its tag, and the next offset of each partition at the start.
        mode: which answers are wanted.
        bound: bytes of answers above which no more records are read.
    """

    def __init__(self, send: Sender, topic: str, place: TopicCursor, mode: Mode, bound: int) -> None:
        self.acked = 0
        self._failed = 0
        self._send = send
        self._topic = topic
        self._tag = place.tag
        self._positions = {p: position.offset for p, position in place.positions.items()}
        self._mode = mode
        self._bound = bound
        self._out: list[bytes] = []
        self._size = 0
        self._told = 0
        self._due = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """The fates of the next records."""
        if set(map(type, outcomes)) == {Stored}:
            self._move(outcomes)  # type: ignore[arg-type]
            if self._mode == "all":
                self._put(b"\n".join(map(answer, outcomes)) + b"\n")
            self.acked += len(outcomes)
            return
        for outcome in outcomes:
            self._add_one(outcome)

    def _move(self, outcomes: Sequence[Stored]) -> None:
        # Offsets ascend in each partition, so each one's last tells, and few have to be looked at.
        seen: set[int] = set()
        for outcome in reversed(outcomes):
            if outcome.partition not in seen:
                seen.add(outcome.partition)
                self._positions[outcome.partition] = outcome.offset + 1
                if len(seen) == len(self._positions):
                    return

    def _add_one(self, outcome: Outcome) -> None:
        self.acked += 1
        if isinstance(outcome, Stored):
            self._positions[outcome.partition] = outcome.offset + 1
            if self._mode == "all":
                self._put(answer(outcome) + b"\n")
            return
        self._failed += 1
        if self._mode != "summary":
            error = {"line": self.acked, "error": outcome.problem()}
            self._put(msgspec.json.encode(error) + b"\n")

    async def room(self) -> None:
        """Done when the client has read enough of the answers."""
        await self._room.wait()

    async def run(self) -> None:
        """Send answers as they come, and every second how far it is; until cancelled.

        Raises:
            RequestTimeout: the client has not read for 30 s.
        """
        loop = asyncio.get_running_loop()
        next_ack = loop.time() + ACK_SECONDS
        while True:
            try:
                async with asyncio.timeout_at(next_ack):
                    await self._due.wait()
            except TimeoutError:
                next_ack = loop.time() + ACK_SECONDS
                self._tell_progress()
            if self._out:
                await self._flush()

    async def finish(self, error: TailraceError | None) -> None:
        """The last words, and the end of the response."""
        if error:
            self._put(msgspec.json.encode({"error": error.problem(), "acked": self.acked}) + b"\n")
        self._put(self._progress())
        data = self._take()
        await self._send({"type": "http.response.body", "body": data})

    def _tell_progress(self) -> None:
        if self._mode == "errors" and self.acked > self._told:
            self._put(self._progress())

    def _progress(self) -> bytes:
        self._told = self.acked
        cursor = str(Cursor({self._topic: TopicCursor.at(self._positions, self._tag)}))
        return msgspec.json.encode({"acked": self.acked, "failed": self._failed, "cursor": cursor}) + b"\n"

    def _put(self, data: bytes) -> None:
        self._out.append(data)
        self._size += len(data)
        self._due.set()
        if self._size > self._bound:
            self._room.clear()

    def _take(self) -> bytes:
        data = b"".join(self._out)
        self._out, self._size = [], 0
        self._due.clear()
        return data

    async def _flush(self) -> None:
        try:
            async with asyncio.timeout(UNREAD_SECONDS):
                await self._send({"type": "http.response.body", "body": self._take(), "more_body": True})
        except TimeoutError:
            raise RequestTimeout(
                f"The answers were not read for {UNREAD_SECONDS:g} seconds; the last record that is decided "
                f"is number {self.acked}.",
                hint="Read while you write, or ask for answers=summary.",
            ) from None
        finally:
            self._room.set()
