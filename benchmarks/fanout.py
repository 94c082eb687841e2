"""Fan-out: how many deliveries a second reach many subscribers of one topic, without loss and in time."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Measurement, Run
from benchmarks.probes import Watch, cpu_seconds
from benchmarks.processes import Report, child, free_port, loadgen, module
from benchmarks.search import highest

P99_MS = 250
LINGER_MS = 5
START_DELIVERIES = 4_000_000
WARM_SECONDS = 1
SLACK_SECONDS = 20
CONFIRMATIONS = 3
PACED = 0.9
"""From the first record to the last, which may come P99_MS late after a few seconds of flow."""
FLAT_OUT_DELIVERIES = 60_000_000
EASE = 0.93
"""A rate that does not hold again is eased by this factor."""


@dataclass(frozen=True)
class Load:
    """Who listens, and how."""

    clients: int
    format: str = "ndjson"
    partitions: int = 1


@dataclass
class Attempt:
    """What came of one rate."""

    rate: float
    report: Report
    others: Report = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether everybody got every record exactly once and in order."""
        r = self.report
        return bool(r["completed"] and not (r["lost"] or r["extra"] or r["wrong_records"] or r["closed"]))

    @property
    def paced(self) -> bool:
        """Whether the rate was really reached: records made late would hide how late they came."""
        return bool(self.report["deliveries_per_s"] >= PACED * self.rate * self.report["clients"])

    @property
    def holds(self) -> bool:
        return self.whole and self.report["samples"] > 0 and self.paced and self.report["p99_ms"] <= P99_MS

    def tell(self, who: str) -> None:
        r = self.report
        reached = f"{r['deliveries_per_s'] / 1e6:.2f} M/s at {self.rate:,.0f} records/s"
        faults = f"lost {r['lost']}, wrong {r['wrong_records']}{'' if self.holds else ' (does not hold)'}"
        print(f"    {who}: {reached}, p99 {r['p99_ms']} ms, {faults}", flush=True)


def _listen(load: Load, topic: str, address: str, count: int, seconds: float) -> list[str]:
    return loadgen(
        "fanout",
        address=address,
        topic=topic,
        format=load.format,
        clients=load.clients,
        expect=count,
        seconds=seconds,
        warm=WARM_SECONDS,
    )


def through_gateway(bench: Bench, load: Load, rate: float, *, sockets: bool = False) -> Attempt:
    """Send records at a rate through broker and gateway to all subscribers."""
    count = int(rate * bench.seconds)
    topic = bench.topic(load.partitions)
    limit = 2 * bench.seconds + SLACK_SECONDS
    with (
        bench.gateway() as gateway,
        bench.producer(
            topic, count=count, rate=rate, linger=LINGER_MS, partitions=load.partitions
        ) as producer,
        child(_listen(load, topic, gateway.address, count, limit), ready_on="stderr") as listeners,
    ):
        listeners.wait_ready()
        with Watch(gateway.pid, gateway.port, sockets=sockets) as watch:
            producer.go()
            report = listeners.report(limit + SLACK_SECONDS)
        attempt = Attempt(rate, report, {"gateway": watch.report(), "producer": producer.report(60)})
    bench.delete([topic])
    attempt.tell(f"gateway {load.format} x {load.clients} ({load.partitions} p)")
    return attempt


def bare(bench: Bench, load: Load, rate: float) -> Attempt:
    """Send the same bytes at the same pace from the bare server; at rate 0 as fast as it writes."""
    count, port = int(rate * bench.seconds) or FLAT_OUT_DELIVERIES // load.clients, free_port()
    limit = 2 * bench.seconds + SLACK_SECONDS
    command = module(
        "bare_server", port=port, clients=load.clients, rate=rate, count=count, format=load.format
    )
    with child(command) as server:
        server.wait_ready()
        listen = _listen(load, "bench", f"127.0.0.1:{port}", count, limit)
        with child(listen, ready_on="stderr") as listeners:
            listeners.wait_ready()
            report = listeners.report(limit + SLACK_SECONDS)
        attempt = Attempt(rate, report, {"server": {"cpu_s": cpu_seconds(server.pid)}})
    attempt.tell(f"bare {load.format} x {load.clients}")
    return attempt


def best_bare(bench: Bench, load: Load) -> Attempt:
    """Give the bare server's highest rate, once a session."""
    one = Load(load.clients, load.format)
    start = 2 * START_DELIVERIES / load.clients
    return bench.once(f"bare-{one}", lambda: _best(partial(bare, bench, one), start))


def best_gateway(bench: Bench, load: Load) -> Attempt:
    """Give the gateway's highest rate, confirmed with its memory watched; once a session."""

    def measure() -> Attempt:
        found = _best(partial(through_gateway, bench, load), START_DELIVERIES / load.clients)
        return confirm(bench, load, found.rate)

    return bench.once(f"gateway-{load}", measure)


def confirm(bench: Bench, load: Load, rate: float) -> Attempt:
    for _ in range(CONFIRMATIONS):
        attempt = through_gateway(bench, load, rate, sockets=True)
        if attempt.holds:
            break
        rate *= EASE
    return attempt


def _best(attempt: Callable[[float], Attempt], start: float) -> Attempt:
    found = highest(attempt, start)
    return found[1] if found else attempt(start)


def measure(load: Load, bench: Bench) -> Run:
    """Measure gateway and bare server with the same load."""
    mine, raw = best_gateway(bench, load), best_bare(bench, load)
    flat_out = bench.once(f"flat-out-{load}", lambda: bare(bench, load, 0))
    memory = mine.others["gateway"]
    figures = {
        "deliveries_per_s": mine.report["deliveries_per_s"] if mine.holds else 0.0,
        "ratio_to_bare": mine.report["deliveries_per_s"] / raw.report["deliveries_per_s"]
        if mine.holds
        else 0.0,
        "ratio_to_flat_out": mine.report["deliveries_per_s"] / flat_out.report["deliveries_per_s"]
        if mine.holds
        else 0.0,
        "p99_ms": mine.report["p99_ms"],
        "memory_mb": memory["rss_mb"],
        "memory_with_sockets_mb": memory["rss_and_sockets_mb"],
        "bare_deliveries_per_s": raw.report["deliveries_per_s"],
        "bare_flat_out_per_s": flat_out.report["deliveries_per_s"],
        "loadgen_gb_per_core_s": raw.report["mb_per_s"]
        * raw.report["seconds"]
        / raw.report["loadgen_cpu_s"]
        / 1e3,
    }
    return Run(figures, {"gateway": _details(mine), "bare": _details(raw), "flat_out": _details(flat_out)})


def measure_partitions(load: Load, bench: Bench) -> Run:
    """Measure many partitions against one."""
    many, one = best_gateway(bench, load), best_gateway(bench, Load(load.clients, load.format))
    figures = {
        "deliveries_per_s": many.report["deliveries_per_s"] if many.holds else 0.0,
        "ratio_to_one": many.report["deliveries_per_s"] / one.report["deliveries_per_s"]
        if many.holds
        else 0.0,
        "p99_ms": many.report["p99_ms"],
        "memory_mb": many.others["gateway"]["rss_mb"],
    }
    return Run(figures, {"many": _details(many), "one": _details(one)})


def _details(attempt: Attempt) -> Report:
    return {"records_per_s": attempt.rate, "clients": attempt.report, **attempt.others}


def _single(format: str, clients: int, asked: int) -> Measurement:  # noqa: A002  # the field's word
    return Measurement(
        f"fanout-{format}-{clients}",
        f"fan-out to {clients:,} subscribers, {format.upper()}, one partition",
        "a bare uvloop server that writes the same bytes to the same clients",
        partial(measure, Load(clients, format)),
        (
            Figure(
                "deliveries_per_s", "deliveries a second without loss, p99 ≤ 250 ms", "/s", at_least=asked
            ),
            Figure("ratio_to_bare", "of the bare server under the same rule", "x", at_least=0.5),
            Figure("ratio_to_flat_out", "of the bare server flat out, however late", "x"),
            Figure("p99_ms", "p99 at that rate", "ms", at_most=P99_MS),
            Figure("memory_mb", "resident memory of the gateway", "MB", at_most=150),
            Figure("memory_with_sockets_mb", "the same with its sockets in the kernel", "MB"),
            Figure("bare_deliveries_per_s", "the bare server under the same rule", "/s"),
            Figure("bare_flat_out_per_s", "the bare server flat out", "/s"),
            Figure("loadgen_gb_per_core_s", "load generator's own limit per core", "GB/s"),
        ),
    )


def _partitioned(clients: int) -> Measurement:
    return Measurement(
        f"fanout-12-partitions-{clients}",
        f"fan-out to {clients:,} subscribers, NDJSON, 12 partitions",
        "the same gateway with one partition",
        partial(measure_partitions, Load(clients, "ndjson", 12)),
        (
            Figure("deliveries_per_s", "deliveries a second without loss, p99 ≤ 250 ms", "/s"),
            Figure("ratio_to_one", "of one partition", "x", at_least=0.6),
            Figure("p99_ms", "p99 at that rate", "ms", at_most=P99_MS),
            Figure("memory_mb", "resident memory of the gateway", "MB", at_most=150),
        ),
    )


MEASUREMENTS = (
    _single("ndjson", 1000, 6_000_000),
    _single("ndjson", 100, 6_000_000),
    _single("sse", 1000, 5_000_000),
    _single("sse", 100, 5_000_000),
    _partitioned(1000),
    _partitioned(100),
)
