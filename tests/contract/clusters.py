"""A cluster as the contract's tests use it: in memory, or the real Kafka."""

import asyncio
import time
import uuid
from collections.abc import Callable

from confluent_kafka import IsolationLevel, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec
from confluent_kafka.cimpl import NewTopic

from tailrace.core.ports import NewRecord
from tailrace.kafka.reader import KafkaReader
from tailrace.kafka.services import KafkaServices
from tailrace.kafka.settings import ClientSettings
from tailrace.kafka.tail import KafkaTail
from tailrace.memory import MemoryLog, MemoryReader, MemoryServices, MemoryTail

DEADLINE = 20.0


async def until(condition: Callable[[], object]) -> None:
    """Wait until something is true, at most until the deadline."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "the deadline has passed"
        await asyncio.sleep(0.002)


class Listener:
    """Keeps what a tail source tells."""

    def __init__(self):
        self.records = []
        self.lost = []
        self.stalled = []

    def on_chunk(self, chunk):
        self.records += chunk.records()

    def on_lost(self, *told):
        self.lost.append(told)

    def on_stalled(self, *told):
        self.stalled.append(told)

    def values(self, topic=None):
        return [r.value for r in self.records if topic in {None, r.topic}]


class MemoryCluster:
    """The memory form."""

    def __init__(self):
        self.log = MemoryLog(clock=lambda: time.time_ns() // 1_000_000)
        self._services = MemoryServices(self.log)

    def topic(self, partitions=1, prefix="t-"):
        name = f"{prefix}{uuid.uuid4().hex[:12]}"
        self.make(name, partitions)
        return name

    def make(self, name, partitions=1):
        self.log.create(name, partitions)

    def append(self, topic, *values, partition=0):
        self.log.append(topic, *values, partition=partition)

    def store(self, topic, *records):
        for record in records:
            self.log.store(topic, record.partition or 0, record)

    def begin(self, topic, *values):
        self.log.begin(topic)
        self.log.append(topic, *values)

    def commit(self, topic):
        self.log.commit(topic)

    def abort(self, topic):
        self.log.abort(topic)

    def trim(self, topic, before):
        self.log.trim(topic, before)

    def recreate(self, topic):
        self.log.recreate(topic)

    def let_stall(self, topic):
        self.log.stall(topic)

    def reader(self):
        return MemoryReader(self.log)

    def services(self):
        return self._services

    def tail(self, listener):
        return MemoryTail(self.log, listener, asyncio.get_running_loop().call_soon)

    def close(self):
        pass


class KafkaCluster:
    """The real one."""

    def __init__(self, servers):
        self.settings = {"bootstrap.servers": servers}
        self._admin = AdminClient(self.settings)
        self._producer = self._new_producer()
        self._transactions = {}
        self._open = []

    def topic(self, partitions=1, prefix="t-"):
        name = f"{prefix}{uuid.uuid4().hex[:12]}"
        self.make(name, partitions)
        return name

    def make(self, name, partitions=1):
        self._admin.create_topics([NewTopic(name, partitions, 1)])[name].result(DEADLINE)

    def append(self, topic, *values, partition=0):
        self.store(topic, *(NewRecord(value, partition=partition) for value in values))

    def store(self, topic, *records):
        # Records of a topic that the client has to look up first may leave in several batches.
        self._producer.list_topics(topic, timeout=DEADLINE)
        for r in records:
            more = {} if r.timestamp is None else {"timestamp": r.timestamp}
            self._producer.produce(
                topic, r.value, r.key, r.partition or 0, headers=list(r.headers) or None, **more
            )
        assert self._producer.flush(DEADLINE) == 0

    def begin(self, topic, *values):
        producer = Producer({**self.settings, "transactional.id": uuid.uuid4().hex})
        producer.init_transactions(DEADLINE)
        producer.begin_transaction()
        for value in values:
            producer.produce(topic, value, partition=0)
        assert producer.flush(DEADLINE) == 0
        self._transactions[topic] = producer

    def commit(self, topic):
        self._transactions.pop(topic).commit_transaction(DEADLINE)
        self._await_marker(topic)

    def abort(self, topic):
        self._transactions.pop(topic).abort_transaction(DEADLINE)
        self._await_marker(topic)

    def _await_marker(self, topic):
        # A transaction has ended for its producer before its marker stands in the log.
        end = time.monotonic() + DEADLINE
        while self._end(topic, IsolationLevel.READ_COMMITTED) < self._end(
            topic, IsolationLevel.READ_UNCOMMITTED
        ):
            assert time.monotonic() < end, "the deadline has passed"

    def _end(self, topic, isolation):
        place = TopicPartition(topic, 0)
        asked = self._admin.list_offsets({place: OffsetSpec.latest()}, isolation_level=isolation)
        return asked[place].result(DEADLINE).offset

    def trim(self, topic, before):
        place = TopicPartition(topic, 0, before)
        self._admin.delete_records([place])[place].result(DEADLINE)

    def recreate(self, topic):
        partitions = len(self._admin.list_topics(timeout=DEADLINE).topics[topic].partitions)
        self._admin.delete_topics([topic])[topic].result(DEADLINE)
        self.make(topic, partitions)
        # A producer that knew the topic would send to the deleted one first.
        self._producer = self._new_producer()

    def _new_producer(self):
        # Each call of `store` is one batch: nothing leaves before the flush, however busy the machine is.
        return Producer({**self.settings, "linger.ms": 5_000})

    def let_stall(self, topic):
        """Nothing to do: it takes its 5 s."""

    def reader(self):
        self._open.append(KafkaReader(self.settings))
        return self._open[-1]

    def services(self):
        return KafkaServices(ClientSettings(self.settings))

    def tail(self, listener):
        self._open.append(KafkaTail(self.settings, listener))
        return self._open[-1]

    def close(self):
        for opened in self._open:
            opened.close()
