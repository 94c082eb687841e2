"""Pipelines: how soon all programs are ready, and how long one record takes through three of them."""

import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Measurement, Run
from benchmarks.processes import BenchmarkError, stop, tailrace
from benchmarks.producer import settings

READY_SECONDS = 60
STARTS = 3
WARM_RECORDS = 50
RECORDS = 400
PAUSE_SECONDS = 0.02
ANSWER_SECONDS = 10.0

STEPS = """
from tailrace import App

app = App("steps")

@app.task
def one():
    yield {"number": 1}

@app.on("x")
def hand_on(value: dict) -> dict:
    return value

@app.on("x")
def last(value: dict) -> None:
    pass
"""
THREE = "import sys\nfor line in sys.stdin: print(line, end='', flush=True)\n"
FIVE = """
topics:
  {t}-numbers: {{partitions: 4}}
programs:
  one:   {{run: "steps:one", to: {t}-numbers}}
  two:   {{run: "steps:hand_on", from: {t}-numbers, to: {t}-sums, workers: 3}}
  three: {{run: [python, three.py], from: {t}-sums, to: [{t}-left, {t}-right]}}
  four:  {{run: "steps:last", from: {t}-left}}
  five:  {{run: "steps:last", from: {t}-right}}
"""
THREE_HOPS = """
topics: {{{t}: , {t}-3: }}
programs:
  first:  {{run: "steps:hand_on", from: {t}, to: {t}-1}}
  second: {{run: "steps:hand_on", from: {t}-1, to: {t}-2}}
  third:  {{run: "steps:hand_on", from: {t}-2, to: {t}-3}}
"""


@contextmanager
def running(bench: Bench, pipeline: str) -> Iterator[float]:
    """Run a pipeline until it is not needed any more, and give the seconds until all was ready."""
    with tempfile.TemporaryDirectory(prefix="tailrace-bench-") as name:
        folder = Path(name)
        for file, text in (("steps.py", STEPS), ("three.py", THREE), ("pipeline.yml", pipeline)):
            (folder / file).write_text(text)
        notes = folder / "notes"
        started = time.monotonic()
        with notes.open("w") as sink:
            process = subprocess.Popen(
                tailrace("run", "pipeline.yml", "--broker", bench.broker),
                cwd=folder,
                stdout=subprocess.DEVNULL,
                stderr=sink,
                text=True,
            )
        try:
            yield until_ready(process, notes) - started
        finally:
            stop(process)


def until_ready(process: "subprocess.Popen[str]", notes: Path) -> float:
    deadline = time.monotonic() + READY_SECONDS
    while "programs are ready" not in notes.read_text():
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchmarkError(f"The pipeline does not get ready: {notes.read_text()[-1000:]}")
        time.sleep(0.005)
    return time.monotonic()


def measure_ready(bench: Bench) -> Run:
    """Start five programs in seven processes, with topics to make and with topics that are there."""
    fresh, again = [], []
    for _ in range(STARTS):
        pipeline = FIVE.format(t=f"{bench.topic()}-p")
        for seconds in (fresh, again):
            with running(bench, pipeline) as took:
                seconds.append(took)
    return Run({"fresh_s": statistics.median(fresh), "again_s": statistics.median(again)})


class Echo:
    """Sends one record after another and times each until it is read at the end."""

    def __init__(self, bench: Bench, first: str, last: str) -> None:
        self._topic = first
        self._producer = Producer({**settings(bench.broker, 0), "acks": "all"})
        self._consumer = Consumer(
            {"bootstrap.servers": bench.broker, "group.id": "benchmark", "auto.offset.reset": "earliest"}
        )
        self._consumer.assign([TopicPartition(last, 0, 0)])

    def times(self, count: int) -> list[float]:
        """Give the milliseconds of each record."""
        return [self._one(number) * 1000 for number in range(count)]

    def _one(self, number: int) -> float:
        time.sleep(PAUSE_SECONDS)
        started = time.monotonic()
        self._producer.produce(self._topic, b'{"number": %d}' % number)
        self._producer.poll(0)
        message = self._consumer.poll(ANSWER_SECONDS)
        if message is None or message.error():
            raise BenchmarkError(f"Record {number} did not come through.")
        return time.monotonic() - started

    def close(self) -> None:
        self._consumer.close()


def echoed(bench: Bench, first: str, last: str) -> list[float]:
    echo = Echo(bench, first, last)
    try:
        echo.times(WARM_RECORDS)
        return echo.times(RECORDS)
    finally:
        echo.close()


def measure_latency(bench: Bench) -> Run:
    """Send one record after another through three programs in Python, each in its own process."""
    topic, bare = bench.topic(), bench.topic()
    bench.topics([f"{topic}-3"])
    with running(bench, THREE_HOPS.format(t=topic)):
        times = sorted(echoed(bench, topic, f"{topic}-3"))
    hop = statistics.median(echoed(bench, bare, bare))
    p50 = statistics.median(times)
    figures = {
        "p50_ms": p50,
        "p99_ms": times[int(len(times) * 0.99)],
        "hop_ms": hop,
        "ratio": p50 / (4 * hop),
    }
    return Run(figures)


MEASUREMENTS = (
    Measurement(
        "pipeline-ready",
        "five programs in seven processes, from the command to ready",
        "none",
        measure_ready,
        (
            Figure("fresh_s", "topics are made too", "s", at_most=5),
            Figure("again_s", "topics are there", "s", at_most=5),
        ),
    ),
    Measurement(
        "pipeline-latency",
        "one record through three programs and four topics",
        "four times a bare producer and consumer on one topic",
        measure_latency,
        (
            Figure("p50_ms", "p50", "ms", at_most=15),
            Figure("p99_ms", "p99", "ms"),
            Figure("hop_ms", "p50 of a bare producer and consumer", "ms"),
            Figure("ratio", "p50, to four times that", "x"),
        ),
    ),
)
