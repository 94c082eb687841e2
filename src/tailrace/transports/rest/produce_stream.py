"""An NDJSON body of any length: read, stored and answered as it comes, no faster than the broker takes it."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from itertools import chain
from typing import TypeVar

from tailrace.core.cursors import TopicCursor
from tailrace.core.errors import (
    Overloaded,
    RequestTimeout,
    Stopping,
    TailraceError,
    TopicNotFound,
    UnknownOutcome,
)
from tailrace.core.ports import NewRecord, Outcome
from tailrace.protocol.produce import Parsed, RecordParser, in_order
from tailrace.protocol.produce_lines import LineBuffer, batches
from tailrace.transports.body import ClientGone
from tailrace.transports.gateway import Call, Gateway
from tailrace.transports.rest.produce_answers import Answers

T = TypeVar("T")

# A record that no broker took is given up after 25 s, so that something has moved by then.
STUCK_SECONDS = 30.0
# After an error, for a client that writes on to notice it and read why.
LAST_WORDS_SECONDS = 5.0


async def produce_stream(gateway: Gateway, call: Call) -> None:
    """Store every line of the body and answer as `answers` says.

    Raises:
        TopicNotFound: before anything was read.
        BrokerUnavailable: the same.
    """
    info = (await gateway.reader.describe([call.topic])).get(call.topic)
    if info is None:
        raise TopicNotFound(f"There is no topic {call.topic!r}.", hint="Make it first: POST /v1/topics.")
    place = TopicCursor.at(await gateway.reader.latest(call.topic), info.tag)
    stream = _ProduceStream(gateway, call, place)
    gateway.on_stop.append(stream.stop)
    if gateway.stopping:
        # It came while the broker was asked.
        stream.stop()
    try:
        await stream.run()
    finally:
        gateway.on_stop.remove(stream.stop)


class _Block:
    """Records that were read together; `parts` are the outcomes of each append, None until it is done."""

    __slots__ = ("complete", "parsed", "parts")

    def __init__(self, parsed: Parsed) -> None:
        self.parsed = parsed
        self.parts: list[Sequence[Outcome] | None] = []
        self.complete = False

    @property
    def done(self) -> bool:
        return self.complete and None not in self.parts

    def cut(self, rest: Sequence[NewRecord]) -> None:
        """Leave out the records that were not taken, and what stands behind the first of them."""
        kept = len(self.parsed)
        left = len(rest)
        while left:
            kept -= 1
            left -= isinstance(self.parsed[kept], NewRecord)
        self.parsed = self.parsed[:kept]

    def outcomes(self) -> Sequence[Outcome]:
        parts = [part for part in self.parts if part is not None]
        return in_order(self.parsed, parts[0] if len(parts) == 1 else list(chain(*parts)))


class _ProduceStream:
    """One stream: reads lines, hands records to the writer, passes their fates on in order."""

    def __init__(self, gateway: Gateway, call: Call, place: TopicCursor) -> None:
        limits = gateway.settings.limits
        mode = call.parameters["answers"]
        self._writer = gateway.writer
        self._deadlines = gateway.settings.deadlines
        self._call = call
        self._parser = RecordParser(limits.record)
        self._lines = LineBuffer(limits.line)
        self._answers = Answers(
            call.send,
            call.topic,
            place,
            "all" if mode == "all" else "summary" if mode == "summary" else "errors",
            limits.write,
        )
        self._waiting: deque[_Block] = deque()
        self._moved = asyncio.Event()
        self._interrupted: TailraceError | None = None
        self._wait: asyncio.Timeout | None = None

    def stop(self) -> None:
        """Come to an end: this process goes away."""
        self._interrupt(Stopping("This gateway is going away.", hint="Go on with the record after `acked`."))

    async def run(self) -> None:
        """Read to the end of the body, or to what ends it."""
        # The body may not be read to its end, so the connection carries no other request.
        headers = [(b"content-type", b"application/x-ndjson"), (b"connection", b"close")]
        headers += self._call.response_headers
        await self._call.send({"type": "http.response.start", "status": 200, "headers": headers})
        sending = asyncio.create_task(self._answers.run())
        sending.add_done_callback(self._sending_ended)
        error = None
        try:
            try:
                await self._read()
                await self._settle()
            except TailraceError as ended:
                error = ended
        finally:
            sending.cancel()
        await self._finish(error)

    def _sending_ended(self, sending: asyncio.Task[None]) -> None:
        if not sending.cancelled() and isinstance(failure := sending.exception(), TailraceError):
            self._interrupt(failure)

    def _interrupt(self, error: TailraceError) -> None:
        self._interrupted = self._interrupted or error
        if self._wait is not None:
            self._wait.reschedule(0)

    # -- in

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        more = True
        while more:
            pending = self._lines.pending
            deadline = (
                begun + self._deadlines.line if pending else loop.time() + self._deadlines.between_lines
            )
            message = await self._before(deadline, self._call.receive, self._line_too_slow)
            if message["type"] == "http.disconnect":
                raise ClientGone
            more = message.get("more_body", False)
            block = self._lines.feed(message.get("body", b""))
            if block or not pending:
                begun = loop.time()
            if not more:
                block += self._lines.rest()
            await self._store_block(block)
            self._lines.check()

    async def _store_block(self, block: bytes) -> None:
        parts = batches(block) if block else ()
        for number, part in enumerate(parts):
            if number:
                await asyncio.sleep(0)  # others have their turn between two parts
            if parsed := self._parser.lines(part):
                await self._store(parsed)

    async def _store(self, parsed: Parsed) -> None:
        loop = asyncio.get_running_loop()
        block = _Block(parsed)
        self._waiting.append(block)
        records = [record for record in parsed if isinstance(record, NewRecord)]
        try:
            while records:
                # The writer keeps the list that it took.
                records = records[self._append(block, records) :]
                if records:
                    await self._before(loop.time() + STUCK_SECONDS, self._writer.writable, _stuck)
        finally:
            # Also when it is interrupted: what was taken is decided and told, or it would be sent again.
            if records:
                block.cut(records)
            block.complete = True
            self._pass_on()
        await self._before(loop.time() + STUCK_SECONDS * 2, self._answers.room, _stuck)

    def _append(self, block: _Block, records: list[NewRecord]) -> int:
        number = len(block.parts)

        def done(outcomes: Sequence[Outcome]) -> None:
            block.parts[number] = outcomes
            self._pass_on()

        block.parts.append(None)
        taken = self._writer.append(self._call.topic, records, done, linger=True)
        if not taken:
            block.parts.pop()
        return taken

    # -- out

    def _pass_on(self) -> None:
        while self._waiting and self._waiting[0].done:
            self._answers.add(self._waiting.popleft().outcomes())
            self._moved.set()

    async def _settle(self) -> None:
        """Wait for the fates of what was taken, as long as something moves."""
        loop = asyncio.get_running_loop()
        while self._waiting:
            self._moved.clear()
            await self._before(loop.time() + STUCK_SECONDS, self._moved.wait, _undecided)

    async def _finish(self, error: TailraceError | None) -> None:
        discarding = asyncio.create_task(self._discard()) if error else None
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                if error:
                    await self._let_decide()
                await self._answers.finish(error)
        except TimeoutError:
            raise ClientGone from None
        finally:
            if discarding:
                discarding.cancel()

    async def _let_decide(self) -> None:
        """What was taken before an error is still decided and told, if that is soon."""
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS / 2):
                while self._waiting and self._waiting[0].complete:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            return

    async def _discard(self) -> None:
        """Read on without looking, so that a client that writes comes to read."""
        while (await self._call.receive()).get("more_body"):  # noqa: ASYNC110 - no poll, a turn for others
            await asyncio.sleep(0)

    # -- waits

    async def _before(
        self, deadline: float, wait: Callable[[], Awaitable[T]], late: Callable[[], TailraceError]
    ) -> T:
        if self._interrupted:
            raise self._interrupted
        try:
            async with asyncio.timeout_at(deadline) as self._wait:
                return await wait()
        except TimeoutError:
            raise self._interrupted or late() from None
        finally:
            self._wait = None

    def _line_too_slow(self) -> RequestTimeout:
        if self._lines.pending:
            return RequestTimeout(f"A line was not complete after {self._deadlines.line:g} seconds.")
        return RequestTimeout(
            f"No line came for {self._deadlines.between_lines:g} seconds.",
            hint="An empty line keeps the stream alive.",
        )


def _stuck() -> Overloaded:
    return Overloaded("The broker takes no more records.", hint="Go on with the record after `acked`.")


def _undecided() -> UnknownOutcome:
    return UnknownOutcome("The broker did not say in time whether the last records are stored.")
