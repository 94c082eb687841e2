"""Gives each catch-up read to the consumer that stands there, and lets the others wait their turn."""

import asyncio
import logging
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from tailrace.core.errors import BrokerUnavailable, Internal, Overloaded, Stopping
from tailrace.core.ports import Block
from tailrace.kafka.connection import ClientSettings
from tailrace.kafka.reader_place import Answer, CatchUpConsumer, ReadRequest

_log = logging.getLogger(__name__)

READ_SECONDS = 30.0
CLOSE_SECONDS = 5.0
# Reads that may wait for a consumer; each is one reader that catches up.
MAX_WAITING = 20_000
# Partitions whose last read failed; of more than these the oldest count as healthy again.
MAX_FAILING = 10_000

_Place = tuple[str, int, int]


@dataclass(slots=True)
class _Waiting:
    topic: str
    tag: str
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
        self._closed = False
        # Idle consumers, longest idle first, and where each stands.
        self._idle: OrderedDict[CatchUpConsumer, _Place | None] = OrderedDict()
        self._all: list[CatchUpConsumer] = []
        self._waiting: deque[_Waiting] = deque()
        # Partitions whose last read got no answer. One consumer at a time reads of all of them, so that
        # they can't take all consumers from the others until their deadline, again and again.
        self._failing: dict[tuple[str, int], None] = {}
        self._set_back: deque[_Waiting] = deque()
        self._trying: _Waiting | None = None

    async def read(self, topic: str, tag: str, partition: int, offset: int, max_bytes: int) -> Block:
        """One slice; at most 30 s, in the queue and from Kafka together."""
        if self._closed:
            raise Stopping("Reading has ended.")
        if len(self._waiting) + len(self._set_back) >= MAX_WAITING:
            raise Overloaded(f"{MAX_WAITING} reads wait already.")
        answer: asyncio.Future[Block] = asyncio.get_running_loop().create_future()
        deadline = time.monotonic() + READ_SECONDS
        self._waiting.append(_Waiting(topic, tag, partition, offset, max_bytes, deadline, answer))
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
        for waiting in (*self._waiting, *self._set_back):
            if not waiting.answer.done():
                waiting.answer.set_exception(Stopping("Reading has ended."))
        self._waiting.clear()
        self._set_back.clear()
        for consumer in self._all:
            consumer.close()
        deadline = time.monotonic() + seconds
        for consumer in self._all:
            consumer.join(max(0.0, deadline - time.monotonic()))

    def _serve(self) -> None:
        while (self._idle or len(self._all) < self._size) and (waiting := self._next()):
            try:
                consumer = self._consumer_for(waiting)
            except Exception as error:  # noqa: BLE001 - whatever it is, who waits has to hear it
                _log.exception("A consumer could not be made.")
                self._answer(waiting, Internal("Reading from Kafka failed.", cause=str(error)))
            else:
                self._start(consumer, waiting)

    def _next(self) -> _Waiting | None:
        """Who waits longest, of failing partitions only if none of them is being read; None if nobody."""
        queues = [self._waiting] if self._trying else [self._set_back, self._waiting]
        for waiting in chain.from_iterable(map(_taken, queues)):
            if (waiting.topic, waiting.partition) not in self._failing:
                return waiting
            if self._trying is None:
                self._trying = waiting
                return waiting
            self._set_back.append(waiting)
        return None

    def _consumer_for(self, waiting: _Waiting) -> CatchUpConsumer:
        wanted = (waiting.topic, waiting.partition, waiting.offset)
        for consumer, place in self._idle.items():
            if place == wanted:
                del self._idle[consumer]
                return consumer
        if len(self._all) < self._size:
            consumer = CatchUpConsumer(self._settings, f"tailrace-catch-up-{len(self._all) + 1}")
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
                waiting.topic,
                waiting.tag,
                waiting.partition,
                waiting.offset,
                waiting.max_bytes,
                waiting.deadline,
                done,
            )
        )

    def _finish(self, consumer: CatchUpConsumer, waiting: _Waiting, answer: Answer) -> None:
        if isinstance(answer, Block) and not answer.at_end:
            self._idle[consumer] = (waiting.topic, waiting.partition, answer.next_offset)
        else:
            self._idle[consumer] = None
        self._note_failing((waiting.topic, waiting.partition), failing=isinstance(answer, BrokerUnavailable))
        self._answer(waiting, answer)
        if not self._closed:
            self._serve()

    def _note_failing(self, place: tuple[str, int], *, failing: bool) -> None:
        self._failing.pop(place, None)
        if failing:
            self._failing[place] = None
            if len(self._failing) > MAX_FAILING:
                del self._failing[next(iter(self._failing))]

    def _answer(self, waiting: _Waiting, answer: Answer) -> None:
        if self._trying is waiting:
            self._trying = None
        if waiting.answer.done():
            return
        if isinstance(answer, Block):
            waiting.answer.set_result(answer)
        else:
            waiting.answer.set_exception(answer)


def _taken(queue: deque[_Waiting]) -> Iterator[_Waiting]:
    """Take one after another, but for those who went away."""
    while queue:
        waiting = queue.popleft()
        if not waiting.answer.done():
            yield waiting
