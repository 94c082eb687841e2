"""Scripts with kafka-python and confluent-kafka, as tutorials write them, against `tailrace dev`."""

import socket
import sys

import pytest
from tests.running import Running

from .conftest import MAIN

KAFKA_PORT = 9092


def port_to_take():
    """The port that the scripts name; where somebody else has it, any free one."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        return KAFKA_PORT if probe.connect_ex(("127.0.0.1", KAFKA_PORT)) else 0


@pytest.fixture(scope="module")
def dev(environ, tmp_path_factory):
    """`tailrace dev`, and the port of its Kafka."""
    folder = tmp_path_factory.mktemp("dev")
    options = ["--port", "0", "--broker-port", str(port_to_take()), "--no-demo", "--data-dir", str(folder)]
    running = Running([*MAIN, "dev", *options], folder, environ)
    try:
        lines = running.until_printed("Ctrl-C")
        yield int(next(line for line in lines if "Kafka   localhost:" in line).rpartition(":")[2])
        assert running.interrupt() == 0, running.text
    finally:
        running.kill()


@pytest.fixture
def script(dev, examples, start, tmp_path):
    """Starts a script of an example unchanged, but for the port where 9092 was taken."""

    def run(example, name):
        # Only this file: another script of the example may be about to read its own.
        text = (examples / example / name).read_text()
        assert "localhost:9092" in text
        (tmp_path / name).write_text(text.replace("localhost:9092", f"localhost:{dev}"))
        return start(sys.executable, name, folder=tmp_path)

    return run


@pytest.mark.kafka
def test_kafka_python_reads_before_it_writes(script):
    """The reader asks for a topic that nobody made, and gets what is sent after."""
    consumer = script("kafka-python", "consumer.py")
    producer = script("kafka-python", "producer.py")
    assert producer.ended() == 0, producer.text
    consumer.until_printed("script-numbers:0:9")
    received = [line for line in consumer.lines if line.startswith("script-numbers:")]
    assert received == [f"script-numbers:0:{number} {{'number': {number}}}" for number in range(10)]
    assert consumer.interrupt() == 0, consumer.text


@pytest.mark.kafka
def test_confluent_kafka_writes_before_it_reads(script):
    """The writer asks for a topic that nobody made; the reader gets all from the beginning, in order."""
    producer = script("confluent-kafka", "producer.py")
    assert producer.ended() == 0, producer.text
    assert producer.lines == [f"Delivered to script-lines [0] at {offset}" for offset in range(5)]
    consumer = script("confluent-kafka", "consumer.py")
    lines = consumer.until(lambda lines: len(lines) >= 5)
    assert lines == [f"{text}: line {text}" for text in ["one", "two", "three", "four", "five"]]
    assert consumer.interrupt() == 0, consumer.text
