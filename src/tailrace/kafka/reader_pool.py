"""Gives each catch-up read to the consumer that stands there, and lets the others wait their turn."""

import asyncio
import time
from collections import OrderedDict, deque
from dataclasses import dataclass

from tailrace.core.errors import BrokerUnavailable, Overloaded, Stopping
from tailrace.core.ports import Block
from tailrace.kafka.connection import ClientSettings
from tailrace.kafka.reader_place import Answer, CatchUpConsumer, ReadRequest

READ_SECONDS = 30.0
CLOSE_SECONDS = 5.0
# Reads that may wait for a consumer; each is one reader that catches up.
MAX_WAITING = 20_000

_Place = tuple[str, int, int]


@dataclass(slots=True)
class _Waiting:
    topic: str
    partition: int
    offset: int
    max_bytes: int
    deadline: float
    answer: asyncio.Future[Block]


class CatchUpPool:
    """A few consumers for all catch-up reads of a process; used on the loop's thread only."""

    def __init__(self, settings: ClientSettings, size: int) -> None:
        self._settings = settings
        self._size = size
        self._made = 0
        self._closed = False
        # Idle consumers, longest idle first, and where each stands.
        self._idle: OrderedDict[CatchUpConsumer, _Place | None] = OrderedDict()
        self._all: list[CatchUpConsumer] = []
        self._waiting: deque[_Waiting] = deque()

    async def read(self, topic: str, partition: int, offset: int, max_bytes: int) -> Block:
        """One slice; at most 30 s, in the queue and from Kafka together."""
        if self._closed:
            raise Stopping("Reading has ended.")
        if len(self._waiting) >= MAX_WAITING:
            raise Overloaded(f"{MAX_WAITING} reads wait already.")
        answer: asyncio.Future[Block] = asyncio.get_running_loop().create_future()
        deadline = time.monotonic() + READ_SECONDS
        self._waiting.append(_Waiting(topic, partition, offset, max_bytes, deadline, answer))
        self._serve()
        try:
            async with asyncio.timeout(READ_SECONDS + 1):
                return await answer
        except TimeoutError:
            raise BrokerUnavailable(
                f"Reading {topic}/{partition} took more than {READ_SECONDS:.0f} s."
            ) from None

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Refuse what waits, then end the consumers within the seconds."""
        self._closed = True
        while self._waiting:
            waiting = self._waiting.popleft()
            if not waiting.answer.done():
                waiting.answer.set_exception(Stopping("Reading has ended."))
        for consumer in self._all:
            consumer.close()
        deadline = time.monotonic() + seconds
        for consumer in self._all:
            consumer.join(max(0.0, deadline - time.monotonic()))

    def _serve(self) -> None:
        while self._waiting and (self._idle or self._made < self._size):
            waiting = self._waiting.popleft()
            # Done already: whoever asked went away.
            if not waiting.answer.done():
                self._start(self._consumer_for(waiting), waiting)

    def _consumer_for(self, waiting: _Waiting) -> CatchUpConsumer:
        wanted = (waiting.topic, waiting.partition, waiting.offset)
        for consumer, place in self._idle.items():
            if place == wanted:
                del self._idle[consumer]
                return consumer
        if self._made < self._size:
            self._made += 1
            consumer = CatchUpConsumer(self._settings, f"tailrace-catch-up-{self._made}")
            self._all.append(consumer)
            return consumer
        return self._idle.popitem(last=False)[0]

    def _start(self, consumer: CatchUpConsumer, waiting: _Waiting) -> None:
        loop = asyncio.get_running_loop()

        def done(answer: Answer) -> None:
            try:
                loop.call_soon_threadsafe(self._finish, consumer, waiting, answer)
            except RuntimeError:
                # The loop was closed meanwhile: nobody waits.
                return

        consumer.submit(
            ReadRequest(
                waiting.topic, waiting.partition, waiting.offset, waiting.max_bytes, waiting.deadline, done
            )
        )

    def _finish(self, consumer: CatchUpConsumer, waiting: _Waiting, answer: Answer) -> None:
        if isinstance(answer, Block) and not answer.at_end:
            self._idle[consumer] = (waiting.topic, waiting.partition, answer.next_offset)
        else:
            self._idle[consumer] = None
        if not waiting.answer.done():
            if isinstance(answer, Block):
                waiting.answer.set_result(answer)
            else:
                waiting.answer.set_exception(answer)
        if not self._closed:
            self._serve()
