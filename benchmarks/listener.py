"""A bare consumer of its own process: how long records take from `produce()` to it, with no gateway between.

It says `ready` when it reads a fresh topic, hears `count` records, and prints one JSON object.
"""

import argparse
import json
import time

from confluent_kafka import Consumer, TopicPartition

from benchmarks.values import stamp_of

IDLE_SECONDS = 30


def hear(broker: str, topic: str, count: int) -> list[float]:
    """Give the milliseconds that each of `count` records of partition 0 took."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": "benchmark",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "socket.nagle.disable": True,
        }
    )
    consumer.assign([TopicPartition(topic, 0, 0)])
    consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=IDLE_SECONDS)
    print("ready", flush=True)
    times: list[float] = []
    while len(times) < count:
        message = consumer.poll(IDLE_SECONDS)
        if message is None:
            raise TimeoutError(f"{len(times)} of {count} records")
        if message.error() is None:
            times.append((time.monotonic_ns() - stamp_of(message.value() or b"")) / 1e6)
    consumer.close()
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--warm", type=int, default=0, help="records at the start that do not count")
    options = parser.parse_args()
    times = sorted(hear(options.broker, options.topic, options.count)[options.warm :])
    at = {f"p{part}_ms": times[int(len(times) * part / 100)] for part in (50, 90, 99)}
    print(json.dumps({"samples": len(times), **at, "max_ms": times[-1]}))


if __name__ == "__main__":
    main()
