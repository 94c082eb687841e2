"""Task logs: 1,000 followers of 1,000 tasks among 10,000, each with a file and a topic."""

import tempfile
import time
from pathlib import Path

from confluent_kafka import Producer

from benchmarks import machine
from benchmarks.bench import Bench
from benchmarks.figures import Figure, Measurement, Run
from benchmarks.probes import Watch
from benchmarks.processes import Report, child, module
from benchmarks.producer import settings

TASKS = 10_000
FOLLOWED = 1_000
# Tasks that have no file: their first line is their topic's.
BARE_FOLLOWED = 100
LINES_A_SECOND = 500
SECONDS = 10
# Topics that were just begun to be watched find their consumers meanwhile; these lines do not count.
WARM_SECONDS = 10
HEAR_SECONDS = 120


def write_lines(producer: Producer, task: str, tasks: int, count: int, rate: int, word: str) -> None:
    """Store lines over the tasks' topics in turn, each with a word and the time it is made."""
    begun = time.monotonic()
    for n in range(count):
        producer.poll(max(0.0, begun + n / rate - time.monotonic()))
        producer.produce(task % (n % tasks), f'{{"log":"{word} {time.monotonic_ns()}\\n"}}'.encode())
    producer.flush(HEAR_SECONDS)


def grow_files(folder: Path, task: str, tasks: int, count: int, rate: int) -> None:
    """Write lines to the tasks' files in turn, each with the time it is made."""
    begun = time.monotonic()
    for n in range(count):
        time.sleep(max(0.0, begun + n / rate - time.monotonic()))
        with (folder / (task % (n % tasks)) / "worker.log").open("ab") as log:
            log.write(b"grown %d\n" % time.monotonic_ns())


def first_lines(bench: Bench, folder: str, task: str, followers: int) -> Report:
    """Open followers of as many tasks at a gateway of their own."""
    with (
        bench.gateway(TAILRACE_TASKLOGS_FOLDER=folder) as gateway,
        child(module("log_followers", task=task, followers=followers, address=gateway.address)) as following,
    ):
        return following.report(HEAR_SECONDS)


def measure(bench: Bench) -> Run:
    """Open followers, then let new lines flow."""
    prefix = bench.topic()
    task, early, bare = (f"{prefix}-{kind}-%d" for kind in ("task", "early", "bare"))
    early_names = [early % n for n in range(FOLLOWED)]
    logged = [*(task % n for n in range(TASKS - FOLLOWED)), *early_names]
    bare_names = [bare % n for n in range(BARE_FOLLOWED)]
    names = logged + bare_names
    bench.topics(names)
    count = LINES_A_SECOND * SECONDS
    producer = Producer(settings(bench.broker, 0))
    # The producer's own first questions about each topic are not the gateway's.
    for name in logged[:FOLLOWED] + early_names + bare_names:
        producer.produce(name, b'{"log":"first"}')
        producer.poll(0)
    producer.flush(HEAR_SECONDS)
    with tempfile.TemporaryDirectory(prefix="tailrace-bench-") as folder:
        for name in logged:
            log = Path(folder, name)
            log.mkdir()
            (log / "worker.log").write_bytes(b"".join(b"file %d\n" % line for line in range(20)))
        machine.rest()
        # A broker just started still compiles what it does: these followers warm it.
        of_cold = first_lines(bench, folder, early, FOLLOWED)
        machine.rest()
        with bench.gateway(TAILRACE_TASKLOGS_FOLDER=folder) as gateway:
            address = {"address": gateway.address}
            followers = module("log_followers", task=task, followers=FOLLOWED, count=2 * count, **address)
            with child(followers) as following, Watch(gateway.pid, gateway.port, sockets=False) as watch:
                following.wait_ready()
                warm = LINES_A_SECOND * WARM_SECONDS
                write_lines(producer, task, FOLLOWED, warm, LINES_A_SECOND, "warm")
                write_lines(producer, task, FOLLOWED, count, LINES_A_SECOND, "new")
                grow_files(Path(folder), task, FOLLOWED, count, LINES_A_SECOND)
                report = following.report(HEAR_SECONDS)
            with child(module("log_followers", task=bare, followers=BARE_FOLLOWED, **address)) as others:
                of_topics = others.report(HEAR_SECONDS)
            details = {"cold": of_cold, "followers": report, "topics": of_topics, "gateway": watch.report()}
    bench.delete(names)
    figures = {
        "cold_first_p99_ms": of_cold["first_p99_ms"],
        "first_p99_ms": report["first_p99_ms"],
        "new_p50_ms": report["new_p50_ms"],
        "new_p99_ms": report["new_p99_ms"],
        "grown_p50_ms": report["grown_p50_ms"],
        "grown_p99_ms": report["grown_p99_ms"],
        "topic_first_p99_ms": of_topics["first_p99_ms"],
        "wrong": float(2 * count - report["lines"]),
        "memory_mb": watch.resident / 1e6,
    }
    return Run(figures, details)


MEASUREMENTS = (
    Measurement(
        "tasklogs",
        "1,000 followers of 1,000 task logs among 10,000, at 500 new lines/s",
        "none: milliseconds",
        measure,
        (
            Figure(
                "first_p99_ms",
                "a follower's first line, p99, 200 followers opened a second",
                "ms",
                at_most=100,
            ),
            Figure("cold_first_p99_ms", "the same of other tasks just before, the broker just started", "ms"),
            Figure("new_p50_ms", "a topic's new line, from just before `produce()`, p50", "ms", at_most=10),
            Figure("new_p99_ms", "the same, p99", "ms"),
            Figure("grown_p50_ms", "a file's new line, from just before its write, p50", "ms", at_most=10),
            Figure("grown_p99_ms", "the same, p99", "ms"),
            Figure("topic_first_p99_ms", "the first line of a task without a file, p99", "ms"),
            Figure("wrong", "lines lost", at_most=0),
            Figure("memory_mb", "resident memory of the gateway", "MB"),
        ),
    ),
)
