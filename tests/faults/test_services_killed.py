"""kill -9 of workers, again and again: no record is lost, and each key's records stay in order."""

import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections import defaultdict

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from tests.faults.conftest import wait_for

pytestmark = [pytest.mark.kafka, pytest.mark.faults, pytest.mark.timeout(280)]

PARTITIONS = 8
KEYS = 200
WORKERS = 3
# A dead member is missed after its session of 6 s, and until then its partitions wait.
FEED_SECONDS = 4.0
PROGRAM = """
from tailrace import App
app = App("{name}")

@app.on("{source}", start="earliest", to="{target}")
def pass_on(value: dict) -> dict:
    return value
"""


class Workers:
    """Processes that share a topic; those that are killed are started again."""

    def __init__(self, folder, broker):
        # The broker forgets a dead member as soon as it may.
        self.command = [sys.executable, "-c", "from tailrace.cli import main; main()", "run", "passing:app"]
        self.command += ["--broker", broker, "-X", "session.timeout.ms=6000"]
        self.folder, self.running = folder, []

    def start(self):
        log = self.folder / f"worker-{uuid.uuid4()}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                self.command, cwd=self.folder, stdout=stream, stderr=stream, env=os.environ
            )
        self.running.append((process, log))

    def kill_oldest(self):
        process, log = self.running[0]
        wait_for(lambda: said_ready(log), 60, what="the oldest worker's partitions")
        self.running.pop(0)
        process.kill()
        process.wait()

    def stop(self):
        for process, log in self.running:
            wait_for(lambda log=log: said_ready(log), 60, what="a worker's partitions")
            process.terminate()
        return [process.wait(60) for process, _ in self.running]

    def close(self):
        for process, _ in self.running:
            if process.poll() is None:
                process.kill()
                process.wait()


def said_ready(log):
    """Whether a worker has said what it does, which it does once it has its partitions."""
    return b"pass_on" in log.read_bytes()


class Results:
    """Reads what the workers have written, from the beginning."""

    def __init__(self, broker, topic):
        self.topic = topic
        self.consumer = Consumer(
            {"bootstrap.servers": broker, "group.id": "unused", "enable.auto.commit": False}
        )
        self.consumer.assign([TopicPartition(topic, p, 0) for p in range(PARTITIONS)])
        self.seen, self.count = defaultdict(list), 0

    def look(self):
        for message in self.consumer.consume(10_000, 0.05):
            assert message.error() is None
            self.count += 1
            self.seen[message.key()].append(json.loads(message.value())["n"])
        return self.count

    def ended(self):
        """Whether all that there is was read; repeats stand behind the last new one."""
        positions = self.consumer.position([TopicPartition(self.topic, p) for p in range(PARTITIONS)])
        ends = [self.consumer.get_watermark_offsets(place, timeout=10)[1] for place in positions]
        self.look()
        return all(place.offset >= end or not end for place, end in zip(positions, ends, strict=True))

    def distinct(self):
        return sum(len(set(numbers)) for numbers in self.seen.values())


@pytest.fixture
def workers(kafka, tmp_path):
    made = Workers(tmp_path, kafka.bootstrap_servers)
    yield made
    made.close()


def feed(broker, topic, count, seconds):
    """Numbered records for each key, spread over the time."""
    producer = Producer({"bootstrap.servers": broker, "enable.idempotence": True})
    for n in range(count):
        producer.produce(topic, b'{"n":%d}' % (n // KEYS), b"key-%d" % (n % KEYS))
        if n % 500 == 499:
            producer.poll(seconds * 500 / count)
    assert producer.flush(30) == 0


def in_order(numbers):
    """Whether each number comes for the first time after all that are smaller; repeats may go back."""
    highest = -1
    for number in numbers:
        if number > highest + 1:
            return False
        highest = max(highest, number)
    return True


def test_killed_workers_lose_nothing(long, kafka, make_topic, workers, tmp_path, say):
    """200,000 records, three workers, ten kills; fewer within the whole suite."""
    kills, count = (10, 200_000) if long else (3, 20_000)
    source, target = make_topic(partitions=PARTITIONS), make_topic(partitions=PARTITIONS)
    (tmp_path / "passing.py").write_text(PROGRAM.format(name=f"g-{source}", source=source, target=target))
    for _ in range(WORKERS):
        workers.start()
    results = Results(kafka.bootstrap_servers, target)
    started = time.monotonic()
    # Records come all the time, so that a kill meets work, whatever of it is not committed.
    feeding = threading.Thread(
        target=feed, args=(kafka.bootstrap_servers, source, count, kills * FEED_SECONDS)
    )
    feeding.start()
    for _ in range(kills):
        before = results.count
        wait_for(lambda before=before: results.look() > before, what="a result")
        workers.kill_oldest()
        workers.start()
    feeding.join()
    wait_for(lambda: results.look() and results.distinct() == count, 120, what="every result")
    assert workers.stop() == [0] * WORKERS
    wait_for(results.ended, what="the results' end")
    assert len(results.seen) == KEYS
    assert all(in_order(numbers) for numbers in results.seen.values())
    say(
        f"{kills} of {kills} kills, {WORKERS} workers: {count:,} of {count:,} records, 0 lost, "
        f"{results.count - count:,} repeated, order per key kept, {time.monotonic() - started:.0f} s"
    )
