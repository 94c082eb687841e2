"""A producer of its own process: stamped values at a pace, straight to the broker.

It says `ready` when it is connected, starts at a line on standard input, and prints one JSON object at last.
"""

import argparse
import json
import logging
import sys
import time

from confluent_kafka import Producer

from benchmarks.values import stamped

_LOGGER = logging.getLogger(__name__)
TICK_SECONDS = 0.001
FLUSH_SECONDS = 60


def settings(broker: str, linger: float) -> dict[str, object]:
    """Give the settings of every producer here: what is acknowledged is stored once, in order."""
    return {
        "bootstrap.servers": broker,
        "linger.ms": linger,
        "enable.idempotence": True,
        "socket.nagle.disable": True,
        "queue.buffering.max.messages": 2_000_000,
        # Without one librdkafka writes its own lines into the terminal when the broker stops.
        "logger": _LOGGER,
    }


class Pace:
    """How many records are due, and how far behind the plan the producer fell."""

    def __init__(self, rate: float) -> None:
        self.rate, self.started, self.late = rate, time.monotonic(), 0.0

    def due(self, sent: int, count: int) -> int:
        if not self.rate:
            return min(count, sent + 1000)
        elapsed = time.monotonic() - self.started
        self.late = max(self.late, elapsed - sent / self.rate)
        return min(count, int(elapsed * self.rate) + 1)

    def rest(self, sent: int) -> None:
        """Sleep until the next record is due, at least a tick: high rates come in bundles."""
        if self.rate:
            wait = self.started + sent / self.rate - time.monotonic()
            time.sleep(max(wait, TICK_SECONDS if self.rate > 1 / TICK_SECONDS else 0))


def run(options: argparse.Namespace) -> dict[str, float]:
    producer = Producer(settings(options.broker, options.linger))
    producer.list_topics(options.topic, timeout=10)  # connected before the pace begins
    print("ready", flush=True)
    sys.stdin.readline()
    pace, sent, idle = Pace(options.rate), 0, time.process_time()
    topic, keys, partitions = options.topic, options.keys, options.partitions
    while sent < options.count:
        due = pace.due(sent, options.count)
        for number in range(sent, due):
            key = f"user-{number % keys}" if keys else None
            producer.produce(topic, stamped(number), key, number % partitions)
        sent = max(sent, due)
        producer.poll(0)
        pace.rest(sent)
    seconds = time.monotonic() - pace.started
    left = producer.flush(FLUSH_SECONDS)
    return {
        "sent": sent - left,
        "seconds": seconds,
        "late_ms": pace.late * 1000,
        "cpu_s": time.process_time() - idle,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--rate", type=float, default=0, help="records a second; 0: as fast as it goes")
    parser.add_argument("--linger", type=float, default=0, help="milliseconds")
    parser.add_argument("--partitions", type=int, default=1, help="records take them in turn")
    parser.add_argument("--keys", type=int, default=0, help="records take them in turn")
    print(json.dumps(run(parser.parse_args())), flush=True)


if __name__ == "__main__":
    main()
