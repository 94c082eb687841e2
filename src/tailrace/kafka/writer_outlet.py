"""One idempotent producer: sends batches, knows which topics it may send to, settles each record's fate."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tailrace.core.cursors import valid_topic_name
from tailrace.core.errors import BadRecord, BrokerUnavailable, Overloaded, TailraceError, TopicNotFound
from tailrace.core.ports import NewRecord, Stored
from tailrace.kafka.errors import translate_error, translate_exception
from tailrace.kafka.writer_batch import Batch
from tailrace.kafka.writer_polling import Report, ThreadPolling, TimerPolling

# Between two polls among the sending: more would let reports pile up, fewer cost a call each.
_POLL_EVERY = 500
# A topic's partitions are asked again after this; that it is gone shows at the next write.
_KNOWN_SECONDS = 60.0
# Younger knowledge is believed where a record names a partition beyond it, else a client could make us ask
# for each of its records.
_FRESH_SECONDS = 0.5
_MOST_KNOWN_TOPICS = 10_000
_ASK_SECONDS = 10.0
# The asking threads are few: with many topics asked for while no broker answers, some never get their turn.
_ANSWER_SECONDS = 20.0
_GONE = frozenset({
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.UNKNOWN_TOPIC_ID,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
})  # fmt: skip
_GIVEN_UP = frozenset({KafkaError._PURGE_QUEUE, KafkaError._DESTROY})
_make = tuple.__new__
_FATAL = frozenset({KafkaError._FATAL, KafkaError._GAPLESS_GUARANTEE})


class Outlet:
    """A producer with its topics; `on_settled` gets each batch whose records all have an outcome.

    `on_fatal` is called once, when the producer can never send again.
    """

    def __init__(
        self,
        config: dict[str, Any],
        *,
        at_once: bool,
        on_settled: Callable[[Batch], None],
        on_fatal: Callable[["Outlet"], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._producer = Producer(config)
        self._polling = (ThreadPolling if at_once else TimerPolling)(
            self._producer, self._settle, self._raise_fatal
        )
        self._on_settled = on_settled
        self._on_fatal = on_fatal
        self._known: dict[str, tuple[int, float]] = {}
        self._asking: dict[str, list[Batch]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="tailrace-writer-ask")
        self._fatal = False

    @property
    def in_flight(self) -> int:
        """How many records have no delivery report yet."""
        return len(self._producer)

    def send(self, batch: Batch) -> None:
        """Send all records in order, after those that wait for the same topic."""
        waiting = self._asking.get(batch.topic)
        if waiting is not None:
            waiting.append(batch)
            return
        partitions, asked_at = self._known.get(batch.topic, (0, 0.0))
        age = time.monotonic() - asked_at
        if partitions and age < _KNOWN_SECONDS:
            batch.asked = age < _FRESH_SECONDS
            self._send(batch, partitions)
        else:
            self._ask(batch)

    def purge(self) -> None:
        """Give up all that is not acknowledged; the outcomes follow."""
        for topic in list(self._asking):
            self._answer(topic, self._fate(topic, KafkaError(KafkaError._PURGE_QUEUE)))
        self._producer.purge()

    async def close(self) -> None:
        """End threads and the producer; call it when nothing is in flight, or nobody cares."""
        for task in self._tasks:
            task.cancel()
        await self._polling.stop()
        await asyncio.to_thread(self._threads.shutdown, wait=True, cancel_futures=True)
        await asyncio.to_thread(self._producer.close)

    # --- sending ---

    def _send(self, batch: Batch, partitions: int) -> None:
        stop = len(batch.records)
        while batch.at < stop:
            if not self._send_some(batch, partitions, min(stop, batch.at + _POLL_EVERY)):
                self._known.pop(batch.topic, None)
                self._ask(batch)
                break
            self._polling.sent()
        self._settled(batch)

    def _send_some(self, batch: Batch, partitions: int, stop: int) -> bool:
        """Send up to a row; False where the topic is not as it was known and has to be asked for."""
        produce, topic, records = self._producer.produce, batch.topic, batch.records
        on_report = self._polling.on_report
        for index in range(batch.at, stop):
            record = records[index]
            batch.at = index
            try:
                if record.partition is None and record.timestamp is None and not record.headers:
                    produce(topic, record.value, record.key, -1, partial(on_report, batch, index))
                else:
                    self._produce_full(topic, record, partitions, partial(on_report, batch, index))
            except KafkaException as error:
                if error.args[0].code() in _GONE and not batch.asked:
                    return False
                self._refused(batch, index, error)
            except (TypeError, ValueError, OverflowError) as error:
                self._fail(batch, index, BadRecord("The record cannot be stored.", cause=f"{error}."))
            except BufferError:
                self._fail(batch, index, Overloaded("The queue to the broker is full."))
            except BadRecord as error:
                self._fail(batch, index, error)
        batch.at = stop
        return True

    def _produce_full(self, topic: str, record: NewRecord, partitions: int, report: Report) -> None:
        partition = -1
        if record.partition is not None:
            partition = record.partition
            if partition < 0:
                raise BadRecord(
                    f"A partition cannot be {partition}.", hint="Leave it out to have one chosen."
                )
            if partition >= partitions:
                raise KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION))
        more: dict[str, Any] = {"headers": list(record.headers)} if record.headers else {}
        if record.timestamp is not None:
            more["timestamp"] = sendable_timestamp(record.timestamp)
        self._producer.produce(topic, record.value, record.key, partition, report, **more)

    # --- fates ---

    def _settle(self, batch: Batch, index: int, error: KafkaError | None, message: Message) -> None:
        if error is None:
            # All are there in the report of a stored record. Past NamedTuple's constructor: it is slower.
            stored = (message.partition(), message.offset(), message.timestamp()[1])
            batch.outcomes[index] = _make(Stored, stored)
            batch.pending -= 1
        else:
            self._fail(batch, index, self._fate(batch.topic, error))
        if not batch.pending:
            self._settled(batch)

    def _settled(self, batch: Batch) -> None:
        # The last report may come while the batch is still being sent, and is then seen twice.
        if not batch.pending and not batch.told:
            batch.told = True
            self._on_settled(batch)

    def _refused(self, batch: Batch, index: int, exception: KafkaException) -> None:
        error: KafkaError = exception.args[0]
        if error.code() in _FATAL:
            self._raise_fatal()
        named = batch.records[index].partition
        if error.code() == KafkaError._UNKNOWN_PARTITION and named is not None:
            self._fail(batch, index, BadRecord(f"The topic {batch.topic!r} has no partition {named}."))
        else:
            self._fail(batch, index, self._fate(batch.topic, error))

    def _fail(self, batch: Batch, index: int, error: TailraceError) -> None:
        batch.outcomes[index] = error
        batch.failed.append(error.code)
        batch.pending -= 1

    def _fate(self, topic: str, error: KafkaError) -> TailraceError:
        if error.code() in _GONE:
            self._known.pop(topic, None)
            return _no_topic(topic)
        if self._fatal and error.code() in _GIVEN_UP:
            # This producer is given up, not the gateway.
            return BrokerUnavailable(
                f"The record could not be stored in {topic!r}: its producer had to be replaced.",
                hint="Send it again.",
            )
        return translate_error(error, f"The record could not be stored in {topic!r}.")

    def _raise_fatal(self) -> None:
        if not self._fatal:
            self._fatal = True
            self._on_fatal(self)

    # --- topics ---

    def _ask(self, batch: Batch) -> None:
        batch.asked = True
        self._asking[batch.topic] = [batch]
        task = self._loop.create_task(self._ask_for(batch.topic))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _ask_for(self, topic: str) -> None:
        answer: int | TailraceError
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                answer = await self._loop.run_in_executor(self._threads, self._partitions, topic)
        except TailraceError as error:
            answer = error
        except TimeoutError:
            answer = BrokerUnavailable(f"No broker could be asked for the topic {topic!r}.")
        self._answer(topic, answer)

    def _partitions(self, topic: str) -> int:
        """Ask by the producer itself, so that it knows the topic's newest form when it sends."""
        if not valid_topic_name(topic):
            raise _no_topic(topic)
        try:
            found = self._producer.list_topics(topic, timeout=_ASK_SECONDS).topics[topic]
        except KafkaException as error:
            raise translate_exception(error, f"The topic {topic!r} could not be asked for.") from None
        if found.error is not None and not found.partitions:
            if found.error.code() in _GONE:
                raise _no_topic(topic)
            raise translate_error(found.error, f"The topic {topic!r} could not be asked for.")
        return len(found.partitions)

    def _answer(self, topic: str, answer: int | TailraceError) -> None:
        waiting = self._asking.pop(topic, [])
        if isinstance(answer, int):
            self._remember(topic, answer)
        for batch in waiting:
            if isinstance(answer, int):
                # One of them may find the topic changed: then the others wait behind it again.
                self.send(batch)
            else:
                batch.fail_rest(answer)
                self._settled(batch)

    def _remember(self, topic: str, partitions: int) -> None:
        self._known.pop(topic, None)
        if len(self._known) >= _MOST_KNOWN_TOPICS:
            del self._known[next(iter(self._known))]
        self._known[topic] = (partitions, time.monotonic())


def _no_topic(topic: str) -> TopicNotFound:
    return TopicNotFound(
        f"There is no topic {topic[:249]!r}.", hint="Make it first; writing never makes one."
    )


def sendable_timestamp(timestamp: int) -> int:
    """The timestamp, if the client sends it as it is."""
    if timestamp <= 0:
        # The client would take 0 as now.
        raise BadRecord("A record's timestamp must be after 1970.", hint="Leave it out for now.")
    return timestamp
