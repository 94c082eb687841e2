"""Memory: of an idle gateway, of idle subscribers, and of clients that never read."""

import math
import time

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Measurement, Run
from benchmarks.probes import Watch, resident_bytes, socket_bytes
from benchmarks.processes import Gateway, Report, child, loadgen, milliseconds

IDLE_SUBSCRIBERS = 5_000
SETTLE_SECONDS = 5
STALLED = 200
HEALTHY = 10
FLOW_BYTES = 300_000_000
RECORD_BYTES = 207  # on the wire, so that each client has 300 MB due
# Far from what a gateway can do, or the clients would differ by its limit; and over before 60 s, when
# whoever takes no byte is cut.
FLOW_RATE = 40_000
SATURATED_MS = 250
LINGER_MS = 5


def measure_idle(bench: Bench) -> Run:
    """Measure a gateway before and after 5,000 subscribers of a topic on which nothing happens."""
    topic = bench.topic()
    with bench.gateway() as gateway:
        time.sleep(1)
        idle = resident_bytes(gateway.pid)
        command = loadgen("idle", address=gateway.address, topic=topic, clients=IDLE_SUBSCRIBERS, seconds=60)
        with child(command, ready_on="stderr") as subscribers:
            subscribers.wait_ready()
            time.sleep(SETTLE_SECONDS)
            full, (kernel, both_ends) = resident_bytes(gateway.pid), socket_bytes(gateway.port)
    figures = {
        "idle_mb": idle / 1e6,
        "per_subscriber_kb": (full - idle + both_ends) / IDLE_SUBSCRIBERS / 1e3,
    }
    details = {"idle": idle, "with_subscribers": full, "gateway_sockets": kernel, "both_ends": both_ends}
    return Run(figures, details)


def flow(bench: Bench, gateway: Gateway, stalled: int) -> tuple[Report, Report]:
    """Let 300 MB flow past healthy readers, and some that never read."""
    topic, count = bench.topic(), FLOW_BYTES // RECORD_BYTES
    limit = 3 * count / FLOW_RATE
    command = loadgen(
        "stalled",
        address=gateway.address,
        topic=topic,
        clients=HEALTHY,
        extra=stalled,
        expect=count,
        seconds=limit,
    )
    with (
        bench.producer(topic, count=count, rate=FLOW_RATE, linger=LINGER_MS) as producer,
        child(command, ready_on="stderr") as clients,
    ):
        clients.wait_ready()
        with Watch(gateway.pid, gateway.port) as watch:
            producer.go()
            report = clients.report(limit + 30)
        made = producer.report(60)
    bench.delete([topic])
    return report, {**watch.report(), "producer": made}


def measure_stalled(bench: Bench) -> Run:
    """Compare the same flow without and with 200 clients that never read."""
    with bench.gateway() as gateway:
        alone, without = flow(bench, gateway, 0)
    with bench.gateway() as gateway:
        report, memory = flow(bench, gateway, STALLED)
    sound = alone["p99_ms"] <= SATURATED_MS  # else there is nothing to compare with
    more_rss = memory["rss_mb"] - without["rss_mb"]
    more_tcp = memory["both_ends_mb"] - without["both_ends_mb"]
    figures = {
        "per_stalled_kb": (more_rss + more_tcp) * 1e3 / STALLED,
        "others_p99_ratio": milliseconds(report, "p99") / max(alone["p99_ms"], 1e-9) if sound else math.inf,
        "wrong": report["lost"] + report["extra"] + report["wrong_records"],
        "p99_without_ms": alone["p99_ms"],
        "p99_with_ms": report["p99_ms"],
        "rss_mb": memory["rss_mb"],
        "gateway_sockets_mb": memory["socket_mb"],
        "stalled_cut": report["stalled_cut"],
    }
    return Run(figures, {"without": {**alone, **without}, "with": {**report, **memory}})


MEASUREMENTS = (
    Measurement(
        "idle",
        "an idle gateway, and each of 5,000 idle subscribers",
        "none: resident memory and the kernel's TCP memory of both ends",
        measure_idle,
        (
            Figure("idle_mb", "resident memory of an idle gateway", "MB", at_most=120),
            Figure("per_subscriber_kb", "each of 5,000 idle subscribers", "KB", at_most=20),
        ),
    ),
    Measurement(
        "stalled",
        "each of 200 clients that never read while 300 MB flow past 10 that do",
        "the same flow without them; resident memory and the kernel's TCP memory of both ends",
        measure_stalled,
        (
            Figure("per_stalled_kb", "each client that never reads", "KB", at_most=512),
            Figure("others_p99_ratio", "the others' p99, to without", "x", at_most=2),
            Figure("wrong", "records of the others lost, repeated or out of order", at_most=0),
            Figure("p99_without_ms", "p99 without", "ms"),
            Figure("p99_with_ms", "p99 with", "ms"),
            Figure("rss_mb", "resident memory of the gateway", "MB"),
            Figure("gateway_sockets_mb", "kernel memory of its sockets", "MB"),
            Figure("stalled_cut", "of those that never read, cut"),
        ),
    ),
)
