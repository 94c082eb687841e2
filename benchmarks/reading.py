"""Reading a topic from its beginning by one client, and a thousand clients that come back at once."""

import math
import threading
import time
from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Self

from benchmarks.bench import READ_RECORDS, Bench
from benchmarks.fanout import Load, best_gateway
from benchmarks.figures import Figure, Measurement, Run
from benchmarks.probes import Watch, received_from
from benchmarks.processes import Report, child, loadgen, milliseconds

READ_SECONDS = 120
HERD = 1_000
LIVE = 100
HERD_CHECK = 50  # one of so many is read record by record
BACK = 20_000
RATE = 1_000
BEFORE_SECONDS = 6  # the load generator's second of warmth and five of measuring
AFTER_SECONDS = 12
HERD_SLACK_SECONDS = 2
SAMPLE_SECONDS = 0.2


def read(bench: Bench, topic: str, form: str, *, check: int) -> tuple[Report, Watch]:
    """Read the whole topic once through a fresh gateway, warm as the raw reading is."""
    with bench.gateway() as gateway:
        command = loadgen(
            "read", address=gateway.address, topic=topic, format=form, records=READ_RECORDS,
            check=check, seconds=READ_SECONDS,
        )  # fmt: skip
        with child(command) as first:
            warm = first.report(READ_SECONDS + 5)
        with Watch(gateway.pid, gateway.port) as watch, child(command) as reader:
            report = reader.report(READ_SECONDS + 5)
    report["first_reading_per_s"] = warm["records_per_s"]
    return report, watch


def measure_reading(form: str, bench: Bench) -> Run:
    """Time one client from the first record to the last; a second reading checks every offset."""
    topic = bench.filled()
    raw = bench.once("raw-consume", lambda: bench.raw("consume", topic, READ_RECORDS))
    report, watch = read(bench, topic, form, check=0)
    checked = read(bench, topic, form, check=1)[0]
    whole = report["completed"] and checked["completed"] and report["records"] == READ_RECORDS
    figures = {
        "records_per_s": report["records_per_s"] if whole else 0.0,
        "ratio_to_raw": report["records_per_s"] / raw["best"] if whole else 0.0,
        "wrong": abs(report["records"] - READ_RECORDS) + checked["wrong_records"],
        "mb_per_s": report["mb_per_s"],
        "first_record_ms": report["first_record_s"] * 1000,
        "memory_mb": watch.resident / 1e6,
        "raw_records_per_s": raw["best"],
    }
    return Run(figures, {"raw": raw, "client": report, "checked": checked, "gateway": watch.report()})


class FromBroker:
    """Adds up what the gateway's connections to the broker receive, as the kernel counts it."""

    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid
        self.history: list[tuple[int, int]] = []  # monotonic nanoseconds, bytes so far
        self._seen: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(SAMPLE_SECONDS):
            for connection, received in received_from(self.port, self.pid).items():
                self._seen[connection] = max(received, self._seen.get(connection, 0))
            self.history.append((time.monotonic_ns(), sum(self._seen.values())))

    def at(self, moment: int) -> int:
        """Give the bytes received by a moment."""
        return max((received for when, received in self.history if when <= moment), default=0)

    def extra(self, started: int, seconds: float) -> int:
        """Give the bytes of a span beyond the pace of the seconds before it: what the herd cost."""
        span = int((seconds + 2 * SAMPLE_SECONDS) * 1e9)
        usual = int(3e9)
        before = (self.at(started) - self.at(started - usual)) / usual
        return int(self.at(started + span) - self.at(started) - before * span)


def measure_herd(bench: Bench) -> Run:
    """Let 1,000 clients come back at 1,000 cursors into a topic that goes on."""
    fanout = best_gateway(bench, Load(HERD))
    topic = bench.topic()
    filling = BACK // RATE - BEFORE_SECONDS + 2
    count = RATE * (filling + BEFORE_SECONDS + AFTER_SECONDS)
    with ExitStack() as stack:
        gateway = stack.enter_context(bench.gateway())
        producer = stack.enter_context(bench.producer(topic, count=count, rate=RATE))
        producer.go()
        deadline = time.monotonic() + filling + 10
        while bench.stored(topic) < RATE * filling and time.monotonic() < deadline:
            time.sleep(0.2)
        command = loadgen(
            "herd",
            address=gateway.address,
            topic=topic,
            clients=LIVE,
            extra=HERD,
            back=BACK,
            check=HERD_CHECK,
            expect=count,
            seconds=90,
        )
        broker = stack.enter_context(FromBroker(int(bench.broker.rpartition(":")[2]), gateway.pid))
        watch = stack.enter_context(Watch(gateway.pid, gateway.port, sockets=False))
        report = stack.enter_context(child(command, ready_on="stderr")).report(120)
    return Run(_herd_figures(report, fanout.report, broker, bench.log_bytes(topic) * BACK / count), {
        "clients": report, "gateway": watch.report(), "fanout": fanout.report,
    })  # fmt: skip


def _herd_figures(
    report: Report, fanout: Report, broker: FromBroker, record_bytes: float
) -> dict[str, float]:
    backlog_mb = report["backlog_records"] * report["bytes_per_record"] / 1e6
    allowed = 1.5 * backlog_mb / fanout["mb_per_s"] + HERD_SLACK_SECONDS
    all_live = report["live"] == HERD
    last = report["live_max_s"] if all_live else math.inf
    from_broker = broker.extra(report["started_at_ns"], report["live_max_s"]) if all_live else math.inf
    return {
        "last_live_s": last,
        "of_allowed": last / allowed,
        "last_to_median": last / max(report["live_p50_s"], 1e-9),
        "live_p99_ratio": milliseconds(report["during"], "p99") / max(report["before"]["p99_ms"], 1e-9),
        "broker_bytes_ratio": from_broker / record_bytes if record_bytes else 0.0,
        "wrong": report["lost"]
        + report["wrong_records"]
        + report["cut"]
        + report["live_readers"]["wrong_records"],
        "allowed_s": allowed,
        "backlog_mb": backlog_mb,
        "live_p99_before_ms": report["before"]["p99_ms"],
        "live_p99_during_ms": report["during"]["p99_ms"],
    }


def _reading(name: str, form: str, what: str, ratio: float, rate: float | None) -> Measurement:
    return Measurement(
        name,
        f"one client reads 1,000,000 records from the beginning, {what}",
        "raw consume: best of batches of 500, 2,000 and 10,000, read_committed, back-off 10 ms, warm",
        partial(measure_reading, form),
        (
            Figure("ratio_to_raw", "of raw consume", "x", at_least=ratio),
            Figure("records_per_s", "records a second", "/s", at_least=rate),
            Figure("wrong", "records missing or out of order", at_most=0),
            Figure("mb_per_s", "bytes on the wire", "MB/s"),
            Figure("first_record_ms", "first record after", "ms"),
            Figure("memory_mb", "resident memory of the gateway", "MB"),
            Figure("raw_records_per_s", "raw consume", "/s"),
        ),
    )


MEASUREMENTS = (
    _reading("read-ndjson", "ndjson", "NDJSON", 0.30, 650_000),
    _reading("read-sse", "sse", "SSE", 0.28, None),
    _reading("read-value", "value", "bare values", 0.60, None),
    Measurement(
        "herd",
        "1,000 clients come back at once at 1,000 places in the last 20,000 records of a topic at 1,000/s",
        "this run's fan-out rate",
        measure_herd,
        (
            Figure("of_allowed", "slowest, of 1.5 x (bytes ÷ fan-out rate) + 2 s", "x", at_most=1),
            Figure("last_live_s", "all live within", "s"),
            Figure("last_to_median", "slowest to median", "x", at_most=2),
            Figure("live_p99_ratio", "p99 of those already live, to before", "x", at_most=2),
            Figure("broker_bytes_ratio", "bytes from the broker, of those records' bytes", "x", at_most=2),
            Figure("wrong", "records lost, streams cut, offsets wrong", at_most=0),
            Figure("allowed_s", "allowed", "s"),
            Figure("backlog_mb", "bytes to deliver", "MB"),
            Figure("live_p99_before_ms", "p99 before", "ms"),
            Figure("live_p99_during_ms", "p99 during", "ms"),
        ),
    ),
)
