"""The raw limits of Kafka: what librdkafka does from Python in a process that does nothing else.

`consume` is the best of three batch sizes, warm, from the first record to the last; `produce` is the best of
one by one and by batch, both with delivery callbacks. Each prints one JSON object.
"""

import argparse
import json
import time
from collections.abc import Callable

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.producer import FLUSH_SECONDS, settings
from benchmarks.values import stamped

BATCHES = (500, 2_000, 10_000)
PRODUCE_BATCH = 1_000
LINGER_MS = 5
IDLE_SECONDS = 30


def consume_once(broker: str, topic: str, count: int, batch: int) -> float:
    """Read `count` records of partition 0 and give records a second, first to last."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": "benchmark",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "fetch.queue.backoff.ms": 10,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    got = len(consumer.consume(1, IDLE_SECONDS))
    started = time.monotonic()
    while got < count:
        messages = consumer.consume(min(batch, count - got), IDLE_SECONDS)
        if not messages:
            raise TimeoutError(f"{got} of {count} records")
        got += len(messages)
    seconds = time.monotonic() - started
    consumer.close()
    return count / seconds


def consume(broker: str, topic: str, count: int) -> dict[str, float]:
    """Measure each batch size twice: the first reading warms the page cache and the broker."""
    rates = {batch: max(consume_once(broker, topic, count, batch) for _ in range(2)) for batch in BATCHES}
    return {**{f"batch_{batch}": rate for batch, rate in rates.items()}, "best": max(rates.values())}


class Receipts:
    """Counts delivery reports."""

    def __init__(self) -> None:
        self.stored = self.failed = 0

    def report(self, error: object, _message: object) -> None:
        if error is None:
            self.stored += 1
        else:
            self.failed += 1


def one_by_one(producer: Producer, topic: str, values: list[bytes], receipts: Receipts) -> None:
    for number, value in enumerate(values):
        producer.produce(topic, value, on_delivery=receipts.report)
        if number % PRODUCE_BATCH == 0:
            producer.poll(0)


def by_batch(producer: Producer, topic: str, values: list[bytes], receipts: Receipts) -> None:
    for start in range(0, len(values), PRODUCE_BATCH):
        messages = [{"value": value} for value in values[start : start + PRODUCE_BATCH]]
        producer.produce_batch(topic, messages, on_delivery=receipts.report)
        producer.poll(0)


def produce_once(way: Callable[..., None], broker: str, topic: str, values: list[bytes]) -> float:
    producer, receipts = Producer(settings(broker, LINGER_MS)), Receipts()
    producer.produce(topic, stamped(0))
    producer.flush(FLUSH_SECONDS)  # warm: connected, and with its producer id
    started = time.monotonic()
    way(producer, topic, values, receipts)
    producer.flush(FLUSH_SECONDS)
    seconds = time.monotonic() - started
    if receipts.stored != len(values):
        raise RuntimeError(f"{receipts.stored} of {len(values)} stored, {receipts.failed} failed")
    return len(values) / seconds


def produce(broker: str, topic: str, count: int) -> dict[str, float]:
    values = [stamped(number) for number in range(count)]
    ways = {"one_by_one": one_by_one, "by_batch": by_batch}
    rates = {
        name: max(produce_once(way, broker, topic, values) for _ in range(2)) for name, way in ways.items()
    }
    return {**rates, "best": max(rates.values())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["consume", "produce"])
    parser.add_argument("--broker", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--count", type=int, required=True)
    options = parser.parse_args()
    measure = {"consume": consume, "produce": produce}[options.what]
    print(json.dumps(measure(options.broker, options.topic, options.count)))


if __name__ == "__main__":
    main()
