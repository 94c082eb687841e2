"""Pipelines as a user runs them: a folder with a file, modules and scripts, and the command."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

SECONDS = 60
MAIN = [sys.executable, "-c", "from tailrace.cli import main; main()"]


def wait_for(condition, what, seconds=SECONDS):
    """Poll until the condition holds."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, what() if callable(what) else what
        time.sleep(0.02)
    return found


def parent(pid):
    """Of a process; None if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def children(pid, program=""):
    """A process's own children, of one program where it is named."""
    found = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    return [one for one in found if parent(one) == pid and f"TAILRACE_PROGRAM={program}" in environ(one)]


def environ(pid):
    try:
        return Path(f"/proc/{pid}/environ").read_text()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return ""


class Running:
    """A command that runs, and what it has said so far."""

    def __init__(self, words, folder, environ):
        self.process = subprocess.Popen(
            [*MAIN, *words],
            cwd=folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.out, self.notes = [], []
        pipes = ((self.process.stdout, self.out), (self.process.stderr, self.notes))
        self._threads = [threading.Thread(target=self._read, args=pipe) for pipe in pipes]
        for thread in self._threads:
            thread.start()

    @staticmethod
    def _read(pipe, lines):
        with pipe:
            lines.extend(line.rstrip("\n") for line in iter(pipe.readline, ""))

    def ready(self):
        return self.noted(" ready after ")

    def noted(self, part):
        return wait_for(lambda: next((n for n in self.notes if part in n), None), self.said)

    def printed(self, line):
        return wait_for(lambda: line in self.out, self.said)

    def said(self):
        return "\n".join([*self.out[-50:], *self.notes[-50:]])

    def stop(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.wait()

    def wait(self):
        code = self.process.wait(SECONDS)
        for thread in self._threads:
            thread.join(SECONDS)
        return code

    def end(self):
        """Whatever state it is in, with all that it has started."""
        if self.process.poll() is None:
            for seconds in (1, 5):  # a second signal at once would count as the first
                self.process.send_signal(signal.SIGTERM)
                try:
                    self.process.wait(seconds)
                    break
                except subprocess.TimeoutExpired:
                    pass
            else:
                self.process.kill()
        self.wait()


class Place:
    """A folder in which files are written and commands are run, against the session's Kafka."""

    def __init__(self, folder, broker):
        self.folder, self.broker = folder, broker
        self._running = []

    def write(self, **files):
        for name, text in files.items():
            stem, _, ending = name.rpartition("_")
            (self.folder / f"{stem}.{ending}").write_text(text)

    def start(self, *words):
        environ = {k: v for k, v in os.environ.items() if not k.startswith("TAILRACE_")}
        environ |= {"TAILRACE_BROKER": self.broker, "XDG_STATE_HOME": str(self.folder / "state")}
        running = Running(words, self.folder, environ)
        self._running.append(running)
        return running

    def run(self, *words):
        """To its end: exit code, output, remarks."""
        running = self.start(*words)
        code = running.wait()
        return code, running.out, running.notes

    def end(self):
        for running in self._running:
            running.end()

    def send(self, topic, values, key=None):
        producer = Producer({"bootstrap.servers": self.broker})
        for value in values:
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            producer.produce(topic, data, key(value) if key else None)
        assert producer.flush(30) == 0

    def records(self, topic, partitions=1):
        """All that a topic holds now, partition by partition."""
        consumer = Consumer(
            {"bootstrap.servers": self.broker, "group.id": "looks", "enable.auto.commit": False}
        )
        try:
            return [m for p in range(partitions) for m in self._partition(consumer, TopicPartition(topic, p))]
        finally:
            consumer.close()

    @staticmethod
    def _partition(consumer, place):
        low, high = consumer.get_watermark_offsets(place, timeout=10)
        consumer.assign([TopicPartition(place.topic, place.partition, low)])
        found, end = [], time.monotonic() + SECONDS
        while low < high and time.monotonic() < end:
            for message in consumer.consume(1000, 0.2):
                found.append(message)
                low = message.offset() + 1
        return found

    def values(self, topic, partitions=1):
        return [json.loads(message.value()) for message in self.records(topic, partitions)]


@pytest.fixture
def place(kafka, tmp_path):
    """Where a pipeline is written and run."""
    made = Place(tmp_path, kafka.bootstrap_servers)
    yield made
    made.end()
