"""Producing over HTTP, against raw produce with delivery callbacks."""

from dataclasses import dataclass
from functools import partial

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Measurement, Run
from benchmarks.probes import Watch
from benchmarks.processes import child, loadgen

RAW_RECORDS = 500_000
SECONDS = 120


@dataclass(frozen=True)
class Way:
    """One form of request."""

    command: str
    records: int
    clients: int


def measure(way: Way, bench: Bench) -> Run:
    """Send records through the gateway and count them in the broker."""
    raw = bench.once("raw-produce", lambda: bench.raw("produce", bench.topic(), RAW_RECORDS))
    topic = bench.topic()
    with bench.gateway() as gateway:
        options = {"address": gateway.address, "topic": topic, "clients": way.clients, "seconds": SECONDS}
        with child(
            loadgen(way.command, records=max(way.records // 20, way.clients * 1000), **options)
        ) as warm:
            warm.report(SECONDS + 5)
        before = bench.stored(topic)
        sending = loadgen(way.command, records=way.records, **options)
        with Watch(gateway.pid, gateway.port) as watch, child(sending) as sender:
            report = sender.report(SECONDS + 5)
        stored = bench.stored(topic) - before
    whole = report["completed"] and stored == way.records
    figures = {
        "records_per_s": report["records_per_s"] if whole else 0.0,
        "ratio_to_raw": report["records_per_s"] / raw["best"] if whole else 0.0,
        "wrong": abs(stored - way.records),
        "p50_ms": report.get("p50_ms", 0.0),
        "p99_ms": report.get("p99_ms", 0.0),
        "memory_mb": watch.resident / 1e6,
        "raw_records_per_s": raw["best"],
    }
    return Run(figures, {"raw": raw, "client": report, "stored": stored, "gateway": watch.report()})


def _figures(rate: float, ratio: float | None, p99: float | None, unit: str) -> tuple[Figure, ...]:
    times = (Figure("p50_ms", f"p50 of {unit}", "ms"), Figure("p99_ms", f"p99 of {unit}", "ms", at_most=p99))
    return (
        Figure("records_per_s", "records a second acknowledged", "/s", at_least=rate),
        Figure("ratio_to_raw", "of raw produce", "x", at_least=ratio),
        Figure("wrong", "records too few or too many in the broker", at_most=0),
        *(times if unit else ()),
        Figure("memory_mb", "resident memory of the gateway", "MB"),
        Figure("raw_records_per_s", "raw produce", "/s"),
    )


RAW = "raw produce: best of one by one and by batch, with delivery callbacks"

MEASUREMENTS = (
    Measurement(
        "produce-ndjson",
        "produce an endless NDJSON body, 1 connection",
        RAW,
        partial(measure, Way("produce-ndjson", 1_000_000, 1)),
        _figures(220_000, 0.5, None, ""),
    ),
    Measurement(
        "produce-array",
        "produce arrays of 1,000 on 8 connections",
        RAW,
        partial(measure, Way("produce-array", 1_000_000, 8)),
        _figures(180_000, None, None, "an array"),
    ),
    Measurement(
        "produce-single",
        "produce single records on 32 keep-alive connections",
        RAW,
        partial(measure, Way("produce-single", 100_000, 32)),
        _figures(9_000, None, 8, "a record"),
    ),
)
