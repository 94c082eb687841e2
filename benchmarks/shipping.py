"""What logging into Kafka costs a worker, with the broker there and away, beside a file of Python's own."""

from benchmarks.bench import Bench
from benchmarks.emitting import FLAT_OUT, PACED
from benchmarks.figures import Figure, Measurement, Run
from benchmarks.processes import Report, child, free_port, module

SECONDS = 120


def emitted(*words: str, **options: object) -> Report:
    with child(module("emitting", *words, **options)) as worker:
        return worker.report(SECONDS)


def measure_handler(bench: Bench) -> Run:
    """Log at a pace and then flat out: to Kafka, to a broker that is away, and to a file."""
    topic = bench.topic()
    there = emitted("kafka", broker=bench.broker, topic=topic)
    away = emitted("kafka", broker=f"127.0.0.1:{free_port()}", topic=topic, close=0)
    file = emitted("file")
    figures = {
        "p99_us": there["p99_us"],
        "away_p99_us": away["p99_us"],
        "file_p99_us": file["p99_us"],
        "flat_out_p99_us": there["flat_out_p99_us"],
        "flat_out_max_ms": there["flat_out_max_ms"],
        "stored_per_second": there["stored_per_second"],
        "wrong": abs(PACED + FLAT_OUT - bench.stored(topic)) + there["missing"] + away["missing"],
    }
    return Run(figures, {"there": there, "away": away, "file": file})


MEASUREMENTS = (
    Measurement(
        "log-handler",
        "logging into Kafka from Python",
        "logging.FileHandler on the same disk",
        measure_handler,
        (
            Figure("p99_us", "a call at 2,000 lines/s, p99", "µs", at_most=1_000),
            Figure("away_p99_us", "the same with the broker away", "µs", at_most=1_000),
            Figure("file_p99_us", "the same into a file", "µs"),
            Figure("flat_out_p99_us", "a call, as fast as it goes, p99", "µs"),
            Figure("flat_out_max_ms", "the longest of those calls", "ms"),
            Figure("stored_per_second", "lines logged and stored", "/s"),
            Figure("wrong", "lines too few or too many in the broker, or dropped", at_most=0),
        ),
    ),
)
