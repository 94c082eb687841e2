"""Latency: from just before `produce()` at linger 0 to received, by every client, for every record."""

import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection

from confluent_kafka import Producer

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Measurement, Run
from benchmarks.probes import Watch
from benchmarks.processes import Gateway, Report, child, loadgen, milliseconds, module
from benchmarks.producer import settings
from benchmarks.values import stamp_of, stamped

WARM_SECONDS = 2
FLOW_SECONDS = 10
SLACK_SECONDS = 30
QUIET_TOPICS = 2_000
KEYED_READERS = 10_000
KEYED_RATE = 10_000
FIRST_READERS = 200
FIRST_READ_SECONDS = 5


@dataclass(frozen=True)
class Pace:
    """How many clients hear how many records a second."""

    clients: int
    rate: int
    quiet: int = 0

    @property
    def count(self) -> int:
        return self.rate * (FLOW_SECONDS + WARM_SECONDS)


@contextmanager
def watched_quietly(bench: Bench, gateway: Gateway, number: int) -> Iterator[None]:
    """Watch `number` other topics on which nothing happens, by one subscriber each."""
    if not number:
        yield
        return
    prefix = bench.topic()
    names = [f"{prefix}-quiet-{i}" for i in range(number)]
    bench.topics(names)
    command = loadgen(
        "idle", address=gateway.address, topic=f"{prefix}-quiet-%d", clients=number, seconds=FLOW_SECONDS * 60
    )
    with child(command, ready_on="stderr") as subscribers:
        subscribers.wait_ready()
        yield
    bench.delete(names)


def bare(pace: Pace, bench: Bench) -> Report:
    """Time the same flow to a bare consumer; it also warms the broker, which is slow after its start."""
    topic, warm = bench.topic(), pace.rate * WARM_SECONDS
    listener = module("listener", broker=bench.broker, topic=topic, count=pace.count, warm=warm)
    with child(listener) as hearing, bench.producer(topic, count=pace.count, rate=pace.rate) as producer:
        hearing.wait_ready()
        producer.go()
        return hearing.report(FLOW_SECONDS + WARM_SECONDS + SLACK_SECONDS)


def measure(pace: Pace, bench: Bench) -> Run:
    """Let records flow at a steady pace and time each at each client."""
    topic = bench.topic()
    bench.once("warm", partial(bare, Pace(1, 1000), bench))
    limit = FLOW_SECONDS + WARM_SECONDS + SLACK_SECONDS
    with ExitStack() as stack:
        gateway = stack.enter_context(bench.gateway())
        stack.enter_context(watched_quietly(bench, gateway, pace.quiet))
        raw = bare(pace, bench)
        producer = stack.enter_context(bench.producer(topic, count=pace.count, rate=pace.rate))
        command = loadgen(
            "latency", address=gateway.address, topic=topic, clients=pace.clients, expect=pace.count,
            seconds=limit, warm=WARM_SECONDS,
        )  # fmt: skip
        listeners = stack.enter_context(child(command, ready_on="stderr"))
        listeners.wait_ready()
        with Watch(gateway.pid, gateway.port, sockets=False) as watch:
            producer.go()
            report = listeners.report(limit + SLACK_SECONDS)
        details = {"clients": report, "gateway": watch.report(), "producer": producer.report(60), "bare": raw}
    figures = {
        "p50_ms": milliseconds(report, "p50"),
        "p99_ms": milliseconds(report, "p99"),
        "bare_p50_ms": milliseconds(raw, "p50"),
        "bare_p99_ms": milliseconds(raw, "p99"),
        "wrong": report["lost"] + report["extra"] + report["wrong_records"] + report["closed"],
        "cores": watch.cpu / max(report["seconds"], 1e-9),
    }
    return Run(figures, details)


def measure_keyed(bench: Bench) -> Run:
    """Give each of many readers a key of its own; every record is checked to carry it."""
    topic = bench.topic()
    count = KEYED_RATE * FLOW_SECONDS
    with (
        bench.gateway() as gateway,
        bench.producer(topic, count=count, rate=KEYED_RATE, linger=1, keys=KEYED_READERS) as producer,
        child(
            loadgen(
                "keyed",
                address=gateway.address,
                topic=topic,
                clients=KEYED_READERS,
                expect=count // KEYED_READERS,
                seconds=120,
                warm=WARM_SECONDS,
            ),
            ready_on="stderr",
        ) as listeners,
    ):
        listeners.wait_ready()
        with Watch(gateway.pid, gateway.port, sockets=False) as watch:
            producer.go()
            report = listeners.report(150)
        details = {"clients": report, "gateway": watch.report(), "producer": producer.report(60)}
    figures = {
        "wrong": report["lost"] + report["extra"] + report["wrong_records"] + report["closed"],
        "p99_ms": milliseconds(report, "p99"),
        "cores": watch.cpu / max(report["seconds"], 1e-9),
        "memory_mb": watch.resident / 1e6,
    }
    return Run(figures, details)


def first_record_ms(gateway: Gateway, producer: Producer, topic: str, number: int) -> float:
    """Become the first reader of a topic, produce at once, and time the record's way."""
    connection = HTTPConnection("127.0.0.1", gateway.port, timeout=FIRST_READ_SECONDS)
    try:
        connection.request("GET", f"/v1/stream?topic={topic}", headers={"Accept": "application/x-ndjson"})
        answer = connection.getresponse()
        producer.produce(topic, stamped(number))
        producer.poll(0)
        line = b""
        while b'"|t":' not in line:
            line = answer.readline()
            if not line:
                raise ConnectionError(f"the stream of {topic} ended")
        return (time.monotonic_ns() - stamp_of(line)) / 1e6
    except TimeoutError:
        return math.inf
    finally:
        connection.close()


def measure_first(bench: Bench) -> Run:
    """Time the first new record of a quiet topic at its first reader, topic after topic."""
    prefix = bench.topic()
    names = [f"{prefix}-first-{i}" for i in range(FIRST_READERS)]
    bench.topics(names)
    producer = Producer(settings(bench.broker, 0))
    for name in names:
        producer.produce(name, stamped(0))  # the producer's own first questions are not the gateway's
    producer.flush(FIRST_READ_SECONDS)
    with bench.gateway() as gateway:
        times = sorted(first_record_ms(gateway, producer, name, i) for i, name in enumerate(names))
    producer.flush(FIRST_READ_SECONDS)
    bench.delete(names)
    figures = {
        "p50_ms": times[len(times) // 2],
        "p99_ms": times[int(len(times) * 0.99)],
        "max_ms": times[-1],
    }
    return Run(figures, {"times_ms": [round(each, 2) for each in times if math.isfinite(each)]})


def _paced(name: str, what: str, pace: Pace, p50: float, p99: float) -> Measurement:
    return Measurement(
        name,
        f"latency, {what}",
        "one bare consumer, the same flow just before",
        partial(measure, pace),
        (
            Figure("p50_ms", "p50", "ms", at_most=p50),
            Figure("p99_ms", "p99", "ms", at_most=p99),
            Figure("bare_p50_ms", "p50 to a bare consumer", "ms"),
            Figure("bare_p99_ms", "p99 to a bare consumer", "ms"),
            Figure("wrong", "records lost, repeated or out of order", at_most=0),
            Figure("cores", "gateway's processor time", "cores"),
        ),
    )


MEASUREMENTS = (
    _paced("latency-100", "1,000 records/s x 100 clients", Pace(100, 1000), 1.5, 5),
    _paced("latency-1000", "100 records/s x 1,000 clients", Pace(1000, 100), 9, 25),
    _paced(
        "latency-quiet",
        "the first while 2,000 quiet topics are watched",
        Pace(100, 1000, QUIET_TOPICS),
        2.5,
        8,
    ),
    Measurement(
        "keyed-10000",
        "10,000 readers, each with its own key, of one topic at 10,000 records/s",
        "none: milliseconds and cores",
        measure_keyed,
        (
            Figure("wrong", "records lost, repeated or of another key", at_most=0),
            Figure("p99_ms", "p99", "ms", at_most=50),
            Figure("cores", "gateway's processor time", "cores", at_most=1),
            Figure("memory_mb", "resident memory of the gateway", "MB"),
        ),
    ),
    Measurement(
        "first-record",
        "a first reader of a quiet topic: its first new record",
        "none: milliseconds",
        measure_first,
        (
            Figure("p50_ms", "p50", "ms"),
            Figure("p99_ms", "p99", "ms", at_most=100),
            Figure("max_ms", "the slowest of 200", "ms"),
        ),
    ),
)
