"""Every metric of the gateway, with its unit and meaning; the manual's page is made from here."""

import os
import resource
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import get_args

from tailrace.core.ports import GapCause
from tailrace.core.tally import Tally
from tailrace.telemetry.registry import Counter, Family, Gauge, Histogram, Metric, exposition

TRANSPORTS = ("ndjson", "sse", "value", "page", "socketio", "tasklog")

# A route, a method and a status: our own words, but the bound must not rest on that.
MAX_ROUTE_MEMBERS = 400

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class Metrics:
    """All metrics of one gateway; each is an attribute."""

    def __init__(self) -> None:
        transport = ("transport",)
        self.connections = Gauge("tailrace_connections", "Connections open now.")
        self.readers = Family(
            partial(
                Gauge,
                "tailrace_readers",
                "Readers now: of streams, of pages, of the Socket.IO namespace, of task logs.",
                labels=transport,
            ),
            most=len(TRANSPORTS),
        )
        self.records_read = Counter(
            "tailrace_records_read_total", "Records read from the tail of watched topics.", unit="records"
        )
        self.records_caught_up = Counter(
            "tailrace_records_caught_up_total", "Records read from Kafka for readers behind.", unit="records"
        )
        self.records_delivered = Family(
            partial(
                Counter,
                "tailrace_records_delivered_total",
                "Records written to readers.",
                unit="records",
                labels=transport,
            ),
            most=len(TRANSPORTS),
        )
        self.bytes_delivered = Family(
            partial(
                Counter,
                "tailrace_delivered_bytes_total",
                "Bytes written to readers.",
                unit="bytes",
                labels=transport,
            ),
            most=len(TRANSPORTS),
        )
        self.gaps = Family(
            partial(Counter, "tailrace_gaps_total", "Gaps announced to readers.", labels=("cause",)), most=10
        )
        self.slow_peers = Counter(
            "tailrace_slow_peers_total", "Connections cut because a write moved no byte in its deadline."
        )
        self.records_stored = Counter(
            "tailrace_records_stored_total", "Records acknowledged by Kafka.", unit="records"
        )
        self.records_refused = Family(
            partial(
                Counter,
                "tailrace_records_refused_total",
                "Records that were not stored, by error code.",
                unit="records",
                labels=("code",),
            ),
            most=40,
        )
        self.memory_used = Gauge(
            "tailrace_memory_bytes", "Bytes of windows, views and blocks of all topics.", unit="bytes"
        )
        self.topics_watched = Gauge(
            "tailrace_topics_watched", "Topics read at their tail now.", unit="topics"
        )
        self.requests = Family(
            partial(
                Counter,
                "tailrace_http_requests_total",
                "Requests answered, by route of the table.",
                labels=("route", "method", "status"),
            ),
            most=MAX_ROUTE_MEMBERS,
        )
        self.request_seconds = Family(
            partial(
                Histogram,
                "tailrace_http_request_seconds",
                "Time from a request's head to its answer's end; to the first byte for streams.",
                unit="seconds",
                labels=("route",),
                bounds=_SECONDS,
            ),
            most=MAX_ROUTE_MEMBERS,
        )
        self.resident_bytes = Gauge(
            "process_resident_memory_bytes", "Resident memory of the process.", unit="bytes"
        )
        self.resident_bytes.source = _resident_bytes
        self.cpu_seconds = Gauge("process_cpu_seconds_total", "Processor time used.", unit="seconds")
        self.cpu_seconds.kind = "counter"
        self.cpu_seconds.source = time.process_time
        self.start_time = Gauge(
            "process_start_time_seconds", "When the process started, since 1970.", unit="seconds"
        )
        self.start_time.value = time.time()

    def follow(self, tallies: Mapping[str, Tally]) -> None:
        """Find what readers got where it is counted: a tally for each transport."""
        for transport, tally in tallies.items():
            self.readers.at(transport).source = partial(getattr, tally, "open")
            self.records_delivered.at(transport).source = partial(getattr, tally, "records")
            self.bytes_delivered.at(transport).source = partial(getattr, tally, "nbytes")
        for cause in get_args(GapCause):
            self.gaps.at(cause).source = partial(_gaps, tallies, cause)

    def __iter__(self) -> Iterator[Metric]:
        return iter(vars(self).values())

    def exposition(self) -> bytes:
        """Prometheus' text form of all."""
        return exposition(self)


def _gaps(tallies: Mapping[str, Tally], cause: str) -> int:
    return sum(tally.gaps[cause] for tally in tallies.values())


def _resident_bytes() -> float:
    try:
        return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except OSError:
        # Without /proc (macOS) only the peak is known, in bytes there.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
