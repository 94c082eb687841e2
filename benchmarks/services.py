"""Services: typed handlers against a bare loop of confluent-kafka, and against other frameworks."""

import subprocess
import sys
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.figures import Figure, Measurement, Run
from benchmarks.processes import BenchmarkError, child, module
from benchmarks.service_loops import PARTITIONS

RECORDS = 1_000_000
SECONDS = 200
INSTALL_SECONDS = 300

# Pinned, in environments that are thrown away: their pins and ours need not agree. The slower one reads less.
PEERS = {
    "quix": (("quixstreams==3.28.1",), 200_000),
    "faststream": (("faststream[confluent]==0.7.8",), 40_000),
}
PEER_FILE = Path(__file__).with_name("service_peers.py")


def filled(bench: Bench) -> str:
    """A topic of 8 partitions, made once in a session."""

    def fill() -> str:
        topic = bench.topic(PARTITIONS)
        rate(bench, "fill", topic)
        return topic

    return bench.once("filled-services", fill)


def rate(bench: Bench, way: str, topic: str, target: str = "") -> float:
    """Records a second of one way, in a process of its own."""
    command = module("service_loops", way, broker=bench.broker, topic=topic, count=RECORDS, target=target)
    with child(command) as running:
        return float(running.report(SECONDS)["records_per_s"])


def handling(bench: Bench) -> Run:
    """Read and decode."""
    topic = filled(bench)
    raw = rate(bench, "bare", topic)
    rates = {way: rate(bench, way, topic) for way in ("single", "batch", "async")}
    figures = {f"{way}_per_s": one for way, one in rates.items()}
    figures |= {f"{way}_to_bare": one / raw for way, one in rates.items()}
    return Run({**figures, "bare_per_s": raw})


def transforming(bench: Bench) -> Run:
    """Read, decode, encode, write."""
    topic = filled(bench)
    raw = rate(bench, "bare", topic, bench.topic(PARTITIONS))
    target = bench.topic(PARTITIONS)
    ours = rate(bench, "single", topic, target)
    return Run(
        {
            "ours_per_s": ours,
            "to_bare": ours / raw,
            "wrong": abs(bench.stored(target, PARTITIONS) - RECORDS),
            "bare_per_s": raw,
        }
    )


def peers(bench: Bench) -> Run:
    """The same handler elsewhere."""
    topic = filled(bench)
    ours = rate(bench, "single", topic)
    rates = {name: peer_rate(bench, name, topic) for name in PEERS}
    figures = {f"{name}_per_s": one for name, one in rates.items()}
    figures |= {f"times_{name}": ours / one for name, one in rates.items()}
    return Run({**figures, "ours_per_s": ours})


def peer_rate(bench: Bench, name: str, topic: str) -> float:
    """Records a second of a framework, installed beside its own file only."""
    packages, count = PEERS[name]
    uv = [str(Path(sys.executable).with_name("uv")), "run", "--isolated", "--no-project", "--quiet"]
    uv += ["--python", sys.executable, *(part for package in packages for part in ("--with", package))]
    try:
        subprocess.run([*uv, "python", "-c", ""], check=True, capture_output=True, timeout=INSTALL_SECONDS)
    except (OSError, subprocess.SubprocessError) as error:
        raise BenchmarkError(f"{', '.join(packages)} cannot be installed here: {error}") from None
    command = [*uv, "python", str(PEER_FILE), name]
    with child([*command, "--broker", bench.broker, "--topic", topic, "--count", str(count)]) as running:
        return float(running.report(SECONDS)["records_per_s"])


RAW = "a bare, tuned confluent-kafka loop that decodes the same with msgspec, best of two batch sizes"

MEASUREMENTS = (
    Measurement(
        "services-handle",
        "services: typed handlers, 8 partitions, 100-byte JSON, one process",
        RAW,
        handling,
        (
            Figure("single_to_bare", "one record a call, of the bare loop", "x", at_least=0.4),
            Figure("batch_to_bare", "batches of 1,000, of the bare loop", "x", at_least=0.6),
            Figure("async_to_bare", "async, one record a call, of the bare loop", "x", at_least=0.15),
            Figure("single_per_s", "one record a call", "/s"),
            Figure("batch_per_s", "batches of 1,000", "/s"),
            Figure("async_per_s", "async, one record a call", "/s"),
            Figure("bare_per_s", "the bare loop", "/s"),
        ),
    ),
    Measurement(
        "services-transform",
        "services: consume, transform, produce, 8 partitions, one process",
        "a bare, tuned confluent-kafka loop that does the same with msgspec",
        transforming,
        (
            Figure("to_bare", "of the bare loop", "x", at_least=0.5),
            Figure("wrong", "results too few or too many in the broker", at_most=0),
            Figure("ours_per_s", "records a second", "/s"),
            Figure("bare_per_s", "the bare loop", "/s"),
        ),
    ),
    Measurement(
        "services-peers",
        "services: the same typed handler in other frameworks",
        "Quix Streams and FastStream (confluent), each in an environment of its own",
        peers,
        (
            Figure("times_quix", "times Quix Streams", "x", at_least=3),
            Figure("times_faststream", "times FastStream", "x", at_least=40),
            Figure("ours_per_s", "one record a call", "/s"),
            Figure("quix_per_s", "Quix Streams", "/s"),
            Figure("faststream_per_s", "FastStream", "/s"),
        ),
    ),
)
