"""The services: a counter with a slow reader, a clock with a printer, a calculator."""

import json
import re
import signal

import pytest
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

SECONDS = 30


@pytest.fixture
def stored(kafka):
    """The first values of a topic."""

    def read(topic, count):
        consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "nobody"})
        try:
            consumer.assign([TopicPartition(topic, 0, 0)])
            records = consumer.consume(count, timeout=SECONDS)
        finally:
            consumer.close()
        return [record.value() for record in records]

    return read


@pytest.fixture
def committed(kafka):
    """What a group has committed in the first partition of a topic."""

    def ask(group, topic):
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        wanted = ConsumerGroupTopicPartitions(group, [TopicPartition(topic, 0)])
        answer = admin.list_consumer_group_offsets([wanted])[group].result(SECONDS)
        return answer.topic_partitions[0].offset

    return ask


@pytest.mark.kafka
def test_the_counter_counts(tailrace, examples, stored):
    """It prints each iteration and sends it; one that Ctrl-C has cut says so by its exit code."""
    counter = tailrace("run", "counter:count", "--", "0.01", folder=examples / "counter")
    counter.until_printed("Iteration 20")
    assert counter.interrupt() == 128 + signal.SIGINT, counter.text
    assert counter.printed[:3] == ["Iteration 0", "Iteration 1", "Iteration 2"]
    values = [json.loads(value) for value in stored("topic_test", 20)]
    assert values == [{"counter": number} for number in range(20)]


@pytest.mark.kafka
def test_the_slow_reader_goes_on_where_it_was_stopped(tailrace, examples, committed):
    """It starts at the earliest; what it has done is committed, and the next one begins after it."""
    counter = tailrace("run", "counter:count", "--", "0.01", folder=examples / "counter")
    counter.until_printed("Iteration 20")
    reader = tailrace("run", "counter:read", folder=examples / "counter")
    reader.until_printed("Received {'counter': 1}")
    assert reader.interrupt() == 0, reader.text
    done = committed("my-group-id", "topic_test")
    assert done == len(reader.printed)
    again = tailrace("run", "counter:read", folder=examples / "counter")
    again.until_printed(f"Received {{'counter': {done}}}")
    assert again.printed[0] == f"Received {{'counter': {done}}}"


@pytest.mark.kafka
def test_the_printer_shows_the_clocks_time(tailrace, examples, stored):
    """The time is a JSON string in the topic, and reaches another process."""
    clock = tailrace("run", "clock:app", folder=examples / "clock")
    printer = tailrace("run", "printer:app", folder=examples / "clock")
    clock.until_printed("Sending: ")
    time = re.fullmatch(r"Sending: (\d\d:\d\d:\d\d)", clock.printed[0])[1]
    printer.until_printed(f"Received: {time}")
    assert stored("timestamp", 1) == [f'"{time}"'.encode()]
    assert clock.interrupt() == 0, clock.text
    assert printer.interrupt() == 0, printer.text
