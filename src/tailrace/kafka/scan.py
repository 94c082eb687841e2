"""A scan straight on brokers: one consumer over all partitions, no group, no commit."""

import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from uuid import uuid4

from confluent_kafka import Consumer, Message, TopicPartition

from tailrace.core.cursors import Cursor, TopicCursor
from tailrace.core.errors import BrokerUnavailable, TopicNotFound
from tailrace.core.records import Chunk
from tailrace.core.scans import Batch, Missing, Progress, ScanRequest, Waiting
from tailrace.core.starts import parse_start
from tailrace.kafka.connection import CORRUPT, END_OF_PARTITION, LOST, UNKNOWN_TOPIC, ask_bounds
from tailrace.kafka.errors import translate_error
from tailrace.kafka.reader_columns import partition_chunk
from tailrace.kafka.reader_corrupt import behind_corrupt, trusted
from tailrace.kafka.scan_follow import TopicChanges
from tailrace.kafka.scan_places import Place, Places, Questions, Resolver, chosen_places
from tailrace.kafka.settings import ClientSettings, client_config, consumer_config

# Larger batches are slower: their messages leave the processor's cache (500: 0.5 s a million records of
# 100 bytes, 2,000: 1.0 s, 10,000: 2.0 s).
BATCH_RECORDS = 500
# How often a wait looks whether Ctrl-C was pressed.
WAIT_SECONDS = 0.1
# How long nothing may come before a reading that is to end gives up.
SILENCE_SECONDS = 30.0
# How soon brokers that could not say where to go on are asked again.
ASK_AGAIN_SECONDS = 1.0

_SCAN_SETTINGS = {
    "enable_partition_eof": True,
    # The default of 1,000 ms stalls bursts.
    "fetch_queue_backoff_ms": 10,
    "queued_min_messages": 100_000,
    "queued_max_messages_kbytes": 8_192,
    "reconnect_backoff_max_ms": 1_000,
}

# Some messages of one partition without an error, in order.
_Run = tuple[Place, Sequence[Message]]


class KafkaBatch:
    """Messages as the client gave them; columns are made only of what is asked for."""

    def __init__(self, runs: Sequence[_Run]) -> None:
        self._runs = runs

    def __len__(self) -> int:
        return sum(len(messages) for _, messages in self._runs)

    def values(self) -> Sequence[bytes | None]:
        """The bare values."""
        values: list[bytes | None] = []
        for _, messages in self._runs:
            values += map(Message.value, messages)
        return values

    def chunks(self) -> Sequence[Chunk]:
        """The records, a chunk for each run of one partition."""
        return [chunk for place, messages in self._runs if (chunk := partition_chunk(*place, messages))]


class KafkaScan:
    """Reads what a request asks for; the questions to the brokers are asked when it is made.

    Args:
        settings: where the cluster is and how to get in.
        request: what to read.
        now_ms: the time that relative starts count from.
    """

    def __init__(self, settings: ClientSettings, request: ScanRequest, now_ms: int) -> None:
        unused_group = f"tailrace-{uuid4().hex}"
        config = consumer_config(settings, unused_group, **_SCAN_SETTINGS)
        self._new_consumer = partial(Consumer, config)
        self._consumer = self._new_consumer()
        self._settings = client_config(settings)
        self._questions = Questions(self._settings)
        self._topics = self._questions.topics(request.topics)
        ranges = self._questions.ranges(chosen_places(self._topics, request.partitions))
        resolver = Resolver(self._questions, self._topics, ranges, self._peek)
        self._next, self._missing = resolver.resolve(parse_start(request.start, now_ms))
        self._stops: Places | None = None
        if request.stop is not None:
            self._stops, _ = resolver.resolve(parse_start(request.stop, now_ms))
        self._left = request.limit
        self._partitions = request.partitions
        self._changes = TopicChanges(self._questions, self._topics)
        self._open = set(self._next)
        self._starts = dict(self._next)
        # In topics that were made again since.
        self._passed = 0
        # Partitions that cannot be read where they stand, and whether for a corrupt batch.
        self._lost: dict[Place, bool] = {}
        self._ask_at = 0.0

    def cursor(self) -> Cursor:
        """Where to go on after the last event handed out."""
        topics = {
            name: TopicCursor.at({p: o for (t, p), o in self._next.items() if t == name}, topic.tag)
            for name, topic in self._topics.items()
        }
        return Cursor(topics)

    def progress(self) -> Progress:
        """How far it is, in offsets."""
        done = self._passed + sum(self._next[place] - start for place, start in self._starts.items())
        if self._stops is None:
            return Progress(done, None)
        total = sum(max(0, stop - self._starts[place]) for place, stop in self._stops.items())
        return Progress(done, total if self._left is None else min(total, done + self._left))

    def events(self) -> Iterator[Batch | Missing | Waiting | None]:
        """What comes, until the stop or the limit."""
        yield from self._missing
        self._close_finished(list(self._open))
        if not self._open or self._left == 0:
            return
        self._consumer.assign([TopicPartition(*place, self._next[place]) for place in self._open])
        heard = time.monotonic()
        while self._open and self._left != 0:
            messages = self._poll()
            if messages:
                yield from self._events_of(messages)
            else:
                yield None
            found = list(self._find_lost(time.monotonic())) if self._lost else []
            if self._stops is None:
                found += self._follow(time.monotonic())
            yield from found
            if messages or self._stops is None or any(isinstance(event, Missing) for event in found):
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE_SECONDS:
                raise BrokerUnavailable(
                    f"Nothing came from the brokers for {SILENCE_SECONDS:.0f} s.",
                    hint="Go on from the cursor (--save-cursor) when they answer again.",
                )

    def _poll(self) -> list[Message]:
        # consume() with a wait returns only when it is full or the wait is over, poll() at once.
        first = self._consumer.poll(WAIT_SECONDS)
        if first is None:
            return []
        return [first, *self._consumer.consume(BATCH_RECORDS - 1, 0)]

    def _events_of(self, messages: list[Message]) -> Iterator[Batch | Missing | Waiting]:
        good, troubles = messages, []
        if any(map(Message.error, messages)):
            good = trusted(messages)
            troubles = [m for m in messages if m.error() is not None]
        if runs := self._take(good):
            yield KafkaBatch(runs)
        for message in troubles:
            yield from self._trouble(message)

    def _take(self, messages: list[Message]) -> list[_Run]:
        """The part of the messages that belongs to the scan, as runs; moves the positions past them."""
        runs: list[_Run] = []
        for place, run in self._runs_of(messages) if messages else ():
            wanted = self._within(place, run)
            if wanted:
                self._next[place] = _offset(wanted[-1]) + 1
                runs.append((place, wanted))
                if self._left is not None:
                    self._left -= len(wanted)
            if len(wanted) < len(run) and self._left != 0:
                self._at_end(place)
            self._close_finished([place])
        return runs

    def _runs_of(self, messages: list[Message]) -> Iterator[_Run]:
        if len(self._next) == 1:
            yield next(iter(self._next)), messages
            return
        places = zip(map(Message.topic, messages), map(Message.partition, messages), strict=True)
        for place, rows in groupby(zip(places, messages, strict=True), key=itemgetter(0)):
            yield place, [message for _, message in rows]

    def _within(self, place: Place, run: Sequence[Message]) -> Sequence[Message]:
        if place not in self._open:
            return ()
        if self._stops is not None and _offset(run[-1]) >= self._stops[place]:
            run = [message for message in run if _offset(message) < self._stops[place]]
        return run if self._left is None else run[: self._left]

    def _at_end(self, place: Place) -> None:
        # What lies between here and the stop holds no record: aborted, or a transaction's marker.
        if self._stops is not None and place in self._open:
            self._next[place] = max(self._next[place], self._stops[place])

    def _close_finished(self, places: Sequence[Place]) -> None:
        """Fetch no more of partitions that are done, while others are read on."""
        if self._stops is None:
            return
        finished = [p for p in places if p in self._open and self._next[p] >= self._stops[p]]
        self._open.difference_update(finished)
        if finished and self._open and self._consumer.assignment():
            self._consumer.incremental_unassign([TopicPartition(*place) for place in finished])

    def _trouble(self, message: Message) -> Iterator[Missing | Waiting]:
        error, topic, partition = message.error(), message.topic(), message.partition()
        if error is None:
            return
        if error.fatal():
            raise translate_error(error, "The reading broke off.")
        code, place = error.code(), (topic or "", -1 if partition is None else partition)
        if place in self._lost:
            # After a corrupt batch librdkafka misparses what follows: only the first error counts.
            return
        if code == END_OF_PARTITION:
            self._at_end(place)
            self._close_finished([place])
        elif code in UNKNOWN_TOPIC and topic:
            raise TopicNotFound(f"The topic {topic!r} is gone.", cause=error.str())
        elif code in LOST or code in CORRUPT:
            self._leave_lost(place, corrupt=code in CORRUPT)
        elif partition is None or partition < 0:
            yield Waiting(error.str())
        else:
            raise translate_error(error, f"Partition {partition} of {topic!r} cannot be read.")

    def _leave_lost(self, place: Place, *, corrupt: bool) -> None:
        if place in self._open:
            self._lost[place] = corrupt
            self._consumer.incremental_unassign([TopicPartition(*place)])

    def _find_lost(self, now: float) -> Iterator[Missing | Waiting]:
        """Go on where lost partitions can be read; where no broker can say it, wait and ask again."""
        if now < self._ask_at:
            return
        for place, corrupt in list(self._lost.items()):
            try:
                yield from self._go_on(place, corrupt=corrupt)
            except BrokerUnavailable as error:
                self._ask_at = time.monotonic() + ASK_AGAIN_SECONDS
                yield Waiting(error.detail)
            else:
                del self._lost[place]

    def _go_on(self, place: Place, *, corrupt: bool) -> Iterator[Missing]:
        at, bounds = self._next[place], ask_bounds(self._consumer, *place)
        if bounds is None:
            raise BrokerUnavailable("No broker could be asked where reading can go on.")
        earliest, latest = bounds
        if corrupt:
            deadline = time.monotonic() + SILENCE_SECONDS
            resume = behind_corrupt(self._settings, *place, at, latest, deadline)
            cause = "corrupt"
        else:
            resume = min(max(at, earliest), latest)
            cause = "retention" if at < earliest else "truncated"
        self._next[place] = resume
        self._consumer.incremental_assign([TopicPartition(*place, resume)])
        if at != resume:
            yield Missing(*place, min(at, resume), max(at, resume), cause)

    def _follow(self, now: float) -> Iterator[Missing | Waiting]:
        """Read partitions that were added, and topics that were made again, from their start."""
        for topic in self._changes.since(now):
            if isinstance(topic, Waiting):
                yield topic
                continue
            old, self._topics[topic.name] = self._topics[topic.name], topic
            if topic.tag != old.tag:
                yield from self._leave_old([place for place in self._next if place[0] == topic.name])
                self._begin_anew()
            places = chosen_places({topic.name: topic}, self._partitions)
            self._enter([place for place in places if place not in self._next])

    def _begin_anew(self) -> None:
        """With a client that has not known the old topic: its leader epochs would hide the new one's."""
        self._consumer.close()
        self._consumer = self._new_consumer()
        reading = [(place, at) for place, at in self._next.items() if place not in self._lost]
        self._consumer.assign([TopicPartition(*place, at) for place, at in reading])

    def _leave_old(self, places: Sequence[Place]) -> Iterator[Missing]:
        self._consumer.incremental_unassign([TopicPartition(*p) for p in places if p not in self._lost])
        for place in places:
            self._lost.pop(place, None)
            self._open.discard(place)
            at = self._next.pop(place)
            self._passed += at - self._starts.pop(place)
            yield Missing(*place, at, None, "recreated")

    def _enter(self, places: Sequence[Place]) -> None:
        if places:
            self._consumer.incremental_assign([TopicPartition(*place, 0) for place in places])
        for place in places:
            self._open.add(place)
            self._next[place] = self._starts[place] = 0

    def _peek(self, place: Place, start: int, stop: int) -> list[tuple[int, int]]:
        """Timestamp and offset of a partition's records between two offsets."""
        found: list[tuple[int, int]] = []
        self._consumer.assign([TopicPartition(*place, start)])
        heard = time.monotonic()
        while time.monotonic() - heard < SILENCE_SECONDS:
            messages = self._poll()
            good = [m for m in messages if m.error() is None and _offset(m) < stop]
            found += [(message.timestamp()[1], _offset(message)) for message in good]
            if len(good) < len(messages) or (good and _offset(good[-1]) == stop - 1):
                break
            heard = time.monotonic() if messages else heard
        self._consumer.unassign()
        return found


def _offset(message: Message) -> int:
    return message.offset()  # type: ignore[return-value]  # never None without error
