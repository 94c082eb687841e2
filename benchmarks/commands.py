"""The command line against kcat, on the same topic and in turns; and what starting a command costs."""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.bench import READ_RECORDS, Bench
from benchmarks.figures import Figure, Measurement, Run
from benchmarks.processes import BenchmarkError, tailrace
from benchmarks.values import stamped

PAIRS = 3
STARTS = 7
COMMAND_SECONDS = 120
BLOCK = 1 << 20


def wall(command: list[str], given: Path | None = None) -> float:
    """Give the wall time of a command from its start to its end, its output thrown away."""
    with (given or Path("/dev/null")).open("rb") as lines:
        started = time.monotonic()
        done = subprocess.run(
            command,
            stdin=lines,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        seconds = time.monotonic() - started
    if done.returncode:
        raise BenchmarkError(f"{' '.join(command[1:])} failed: {done.stderr.decode()[-500:]}")
    return seconds


def lines_of(command: list[str]) -> int:
    """Count the lines a command prints."""
    lines = 0
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        while process.stdout and (block := process.stdout.read(BLOCK)):
            lines += block.count(b"\n")
    return lines


def in_turns(mine: Callable[[], float], theirs: Callable[[], float]) -> tuple[float, float]:
    """Time both in turns, so that what disturbs the machine disturbs both, and give the medians."""
    times = [(mine(), theirs()) for _ in range(PAIRS)]
    return statistics.median(t[0] for t in times), statistics.median(t[1] for t in times)


def measure_consume(bench: Bench) -> Run:
    """Read 1,000,000 records to nowhere, as raw values and as JSON."""
    topic = bench.filled()
    figures: dict[str, float] = {}
    for form, flags in (("raw", []), ("json", ["-J"])):
        own = tailrace("consume", topic, "--broker", bench.broker, "--from", "beginning", "--format", form)
        kcat = ["kcat", "-C", "-q", "-e", "-b", bench.broker, "-t", topic, "-o", "beginning", *flags]
        figures[f"{form}_s"], figures[f"kcat_{form}_s"] = in_turns(partial(wall, own), partial(wall, kcat))
        figures[f"{form}_ratio"] = figures[f"{form}_s"] / figures[f"kcat_{form}_s"]
        figures[f"{form}_missing"] = READ_RECORDS - lines_of(own)
    figures["wrong"] = abs(figures.pop("raw_missing")) + abs(figures.pop("json_missing"))
    return Run(figures)


def measure_produce(bench: Bench) -> Run:
    """Store 1,000,000 lines of a file."""
    lines = (bench.folder or Path()) / "lines"
    lines.write_bytes(b"".join(stamped(number) + b"\n" for number in range(READ_RECORDS)))
    made: list[str] = []

    def mine() -> float:
        made.append(bench.topic())
        return wall(tailrace("produce", made[-1], "--broker", bench.broker), lines)

    def kcat() -> float:
        return wall(["kcat", "-P", "-q", "-b", bench.broker, "-t", bench.topic()], lines)

    own, theirs = in_turns(mine, kcat)
    figures = {
        "rate_ratio": theirs / own,
        "tailrace_s": own,
        "kcat_s": theirs,
        "wrong": float(sum(abs(READ_RECORDS - bench.stored(topic)) for topic in made)),
    }
    lines.unlink()
    return Run(figures)


def measure_help(bench: Bench) -> Run:  # noqa: ARG001  # every measurement takes the session
    """Compare `tailrace --help`, and the help of a command, with a Python that does nothing."""
    commands = tailrace("--help"), tailrace("consume", "--help"), [sys.executable, "-c", "pass"]
    starts = [[wall(command) for command in commands] for _ in range(STARTS)]
    own, consume, bare = (statistics.median(times) * 1000 for times in zip(*starts, strict=True))
    ratios = {"ratio": own / bare, "consume_ratio": consume / bare}
    return Run({**ratios, "help_ms": own, "consume_ms": consume, "python_ms": bare})


KCAT = "kcat on the same topic, in turns"

MEASUREMENTS = (
    Measurement(
        "consume-kcat",
        "`tailrace consume` of 1,000,000 records against kcat",
        KCAT,
        measure_consume,
        (
            Figure("raw_ratio", "`--format raw`, time to kcat's", "x", at_most=2),
            Figure("json_ratio", "`--format json`, time to that of `kcat -J`", "x", at_most=1),
            Figure("wrong", "lines too few or too many", at_most=0),
            Figure("raw_s", "raw", "s"),
            Figure("kcat_raw_s", "kcat raw", "s"),
            Figure("json_s", "JSON", "s"),
            Figure("kcat_json_s", "kcat -J", "s"),
        ),
    ),
    Measurement(
        "produce-kcat",
        "`tailrace produce` of 1,000,000 lines against kcat",
        KCAT,
        measure_produce,
        (
            Figure("rate_ratio", "rate, of that of `kcat -P`", "x", at_least=0.6),
            Figure("wrong", "records too few or too many in the broker", at_most=0),
            Figure("tailrace_s", "tailrace", "s"),
            Figure("kcat_s", "kcat", "s"),
        ),
    ),
    Measurement(
        "help",
        "`tailrace --help`",
        "`python -c pass`",
        measure_help,
        (
            Figure("ratio", "wall time, to that of Python", "x", at_most=3),
            Figure("consume_ratio", "`tailrace consume --help`, which imports the command", "x"),
            Figure("help_ms", "--help", "ms"),
            Figure("consume_ms", "consume --help", "ms"),
            Figure("python_ms", "python -c pass", "ms"),
        ),
    ),
)
