"""One way to handle typed records, in a process that does nothing else; prints one JSON object.

The bare ways are confluent-kafka alone, tuned; the others are a service of ours. Each counts from the first
record to the last, and where it writes, to the last one's acknowledgement.
"""

import argparse
import asyncio
import json
import secrets
import time
from collections.abc import Callable

import msgspec
import uvloop
from confluent_kafka import Consumer, Producer, TopicPartition

from tailrace import App
from tailrace.core.errors import TailraceError
from tailrace.core.garbage import collect_seldom
from tailrace.kafka.services import KafkaServices
from tailrace.kafka.settings import translate
from tailrace.runtime.service import Service

PARTITIONS = 8
CONSUMED_AT_ONCE = (2_000, 10_000)
HANDLED_AT_ONCE = 1_000
SECONDS = 120.0
# A look takes the interpreter from the handler.
LOOK_SECONDS = 0.02


class Order(msgspec.Struct):
    """100 bytes of JSON."""

    id: int
    customer: str
    amount: float
    note: str


def value(number: int) -> bytes:
    return msgspec.json.encode(Order(number, f"customer-{number % 1000:03}", 1.5, "x" * 38))


def fill(broker: str, topic: str, count: int) -> float:
    """Store the records that all ways read."""
    producer = Producer({"bootstrap.servers": broker, "linger.ms": 20, "compression.type": "lz4"})
    for number in range(count):
        while True:
            try:
                producer.produce(topic, value(number), b"%d" % (number % 1000))
                break
            except BufferError:
                producer.poll(0.05)
    if producer.flush(SECONDS):
        raise TimeoutError("the records were not stored")
    return float(count)


def bare(broker: str, topic: str, count: int, target: str) -> float:
    """The best of two sizes of batches."""
    return max(_bare(broker, topic, count, target, most) for most in CONSUMED_AT_ONCE)


def _bare(broker: str, topic: str, count: int, target: str, most: int) -> float:
    consumer = Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": "benchmark",
            "enable.auto.commit": False,
            "fetch.queue.backoff.ms": 10,
            "queued.min.messages": 100_000,
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(PARTITIONS)])
    decode, encode = msgspec.json.Decoder(Order).decode, msgspec.json.Encoder().encode
    producer = _producer(broker, target) if target else None
    consumer.consume(1, SECONDS)
    started, got = time.perf_counter(), 1
    while got < count:
        messages = consumer.consume(min(most, count - got), 1)
        if producer is None:
            for message in messages:
                decode(message.value())
        else:
            for message in messages:
                _produce(producer, target, encode(decode(message.value())), message.key())
        got += len(messages)
    if producer is not None and producer.flush(SECONDS):
        raise TimeoutError("the results were not stored")
    seconds = time.perf_counter() - started
    consumer.close()
    return count / seconds


def _producer(broker: str, target: str) -> Producer:
    producer = Producer(
        {
            "bootstrap.servers": broker,
            "linger.ms": 5,
            "enable.idempotence": True,
            "compression.type": "lz4",
            "delivery.report.only.error": True,
            "queue.buffering.max.messages": 200_000,
        }
    )
    producer.produce(target, value(0))
    producer.flush(SECONDS)  # warm: connected, and with its producer id
    return producer


def _produce(producer: Producer, target: str, data: bytes, key: bytes) -> None:
    while True:
        try:
            producer.produce(target, data, key)
        except BufferError:
            producer.poll(0.002)
        else:
            return


def service(declare: Callable[[App, str, str, list[float]], None]) -> Callable[[str, str, int, str], float]:
    """A way that is an app of ours; `declare` notes when its first record comes."""

    def run(broker: str, topic: str, count: int, target: str) -> float:
        app, first = App(f"benchmark-{secrets.token_hex(4)}"), []
        declare(app, topic, target, first)
        return uvloop.run(_served(app, broker, count, first))

    return run


async def _served(app: App, broker: str, count: int, first: list[float]) -> float:
    one = Service(app, app.programs, KafkaServices(translate({"bootstrap_servers": broker})), app.name)
    stop = asyncio.Event()
    await one.start()
    serving = asyncio.ensure_future(one.serve(stop))
    try:
        async with asyncio.timeout(SECONDS):
            while one.records < count:  # noqa: ASYNC110  # nothing tells a count
                await asyncio.sleep(LOOK_SECONDS)
        for sender in one.senders:
            if not await asyncio.to_thread(sender.settle, SECONDS):
                raise TailraceError("The results were not stored.")
        return count / (time.perf_counter() - first[0])
    finally:
        stop.set()
        await serving
        await one.finish()


def single(app: App, topic: str, target: str, first: list[float]) -> None:
    @app.on(topic, start="earliest", to=target or ())
    def handle(order: Order) -> Order:
        if not first:
            first.append(time.perf_counter())
        return order


def batch(app: App, topic: str, _target: str, first: list[float]) -> None:
    @app.on(topic, start="earliest", batch=HANDLED_AT_ONCE)
    def handle(_orders: list[Order]) -> None:
        if not first:
            first.append(time.perf_counter())


def coroutine(app: App, topic: str, _target: str, first: list[float]) -> None:
    @app.on(topic, start="earliest")
    async def handle(_order: Order) -> None:
        if not first:
            first.append(time.perf_counter())


WAYS: dict[str, Callable[[str, str, int, str], float]] = {
    "bare": bare,
    "single": service(single),
    "batch": service(batch),
    "async": service(coroutine),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=["fill", *WAYS])
    parser.add_argument("--broker", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--target", default="", help="where results are written, if they are")
    options = parser.parse_args()
    if options.way == "fill":
        rate = fill(options.broker, options.topic, options.count)
    else:
        # As `tailrace run` does, and for the bare loop too.
        collect_seldom()
        rate = WAYS[options.way](options.broker, options.topic, options.count, options.target)
    print(json.dumps({"records_per_s": rate}))


if __name__ == "__main__":
    main()
