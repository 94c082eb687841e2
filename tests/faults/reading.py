"""Reads one partition from its beginning in a process of its own, and prints what became of it."""

import json
import sys
import time

from confluent_kafka import Consumer, TopicPartition

from tailrace.kafka import connection

QUIET_SECONDS = 1.5


def main(servers: str, topic: str, check_crcs: str) -> None:
    """One JSON line: offsets and values given away, the codes of errors, whether it came to the end."""
    settings = connection.catch_up_settings({"bootstrap.servers": servers})
    consumer = Consumer({**settings, "check.crcs": check_crcs == "on"})
    connection.ask_metadata(consumer, topic)
    consumer.assign([TopicPartition(topic, 0, 0)])
    given, errors, at_end, heard = [], set(), False, time.monotonic()
    while not at_end and time.monotonic() - heard < QUIET_SECONDS:
        for message in consumer.consume(1_000, 0.1):
            error = message.error()
            if error is None:
                given.append((message.offset(), (message.value() or b"").hex()))
                heard = time.monotonic()
            elif error.code() == connection.END_OF_PARTITION:
                at_end = True
            else:
                errors.add(error.code())
    print(json.dumps([given, sorted(errors), at_end]), flush=True)  # noqa: T201 - what it is for
    consumer.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
