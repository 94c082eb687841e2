"""Measure the candidates for framework and server, and what importing and decoding cost."""

import argparse
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version

from benchmarks import machine, results
from benchmarks.figures import Figure, Measurement, Run
from benchmarks.frameworks import libraries, pages, rates
from benchmarks.frameworks.rates import Candidate
from benchmarks.processes import BenchmarkError, build_loadgen
from tailrace.settings import Settings

PACKAGES = (
    *("starlette", "uvicorn", "litestar", "fastapi", "pydantic", "granian"),
    *("msgspec", "orjson", "click", "cyclopts", "uvloop", "httptools"),
)
REQUESTING = [
    Candidate("tailrace", "Starlette's paths, msgspec, our connection", "tailrace", "tailrace"),
    Candidate("starlette", "Starlette and msgspec on uvicorn", "uvicorn", "starlette"),
    Candidate("litestar", "Litestar on uvicorn", "uvicorn", "litestar"),
    Candidate("fastapi", "FastAPI on uvicorn", "uvicorn", "fastapi"),
    Candidate("granian", "Starlette and msgspec on granian", "granian", "starlette"),
]
BOUNDED = Settings().limits.send_buffer
STREAMING = [
    Candidate("tailrace_stream", "our connection's direct write", "tailrace", "tailrace-stream"),
    Candidate("uvicorn_stream", "ASGI `send` on uvicorn", "uvicorn", "asgi-stream"),
    Candidate("granian_stream", "ASGI `send` on granian", "granian", "asgi-stream"),
    Candidate(
        "tailrace_bounded",
        "our connection, `SO_SNDBUF` bounded as in the gateway",
        "tailrace",
        "tailrace-stream",
        BOUNDED,
    ),
    Candidate("uvicorn_bounded", "uvicorn, bounded likewise", "uvicorn", "asgi-stream", BOUNDED),
]
CROWDS = [100, 1_000]
MEGABYTE = 1e6

Step = Callable[[], dict[str, float]]


def requests(candidate: Candidate, seconds: float) -> dict[str, float]:
    rate = rates.requests(candidate, seconds)
    return {
        f"{candidate.name}_per_s": rate.per_s,
        f"{candidate.name}_per_cpu_s": rate.per_cpu_s,
        f"{candidate.name}_p50_ms": rate.report["p50_ms"],
        f"{candidate.name}_p99_ms": rate.report["p99_ms"],
        f"{candidate.name}_clients_cpu_s": rate.report["loadgen_cpu_s"],
    }


def stream(candidate: Candidate, clients: int, seconds: float) -> dict[str, float]:
    rate = rates.stream(candidate, clients, seconds)
    key = f"{candidate.name}_{clients}"
    return {
        f"{key}_mb_per_s": rate.per_s / MEGABYTE,
        f"{key}_mb_per_cpu_s": rate.per_cpu_s / MEGABYTE,
        f"{key}_clients_cpu_s": rate.report["loadgen_cpu_s"],
    }


def imports() -> dict[str, float]:
    return {f"import_{name}_ms": libraries.import_ms(name) for name in libraries.IMPORTS}


def decoding() -> dict[str, float]:
    return {f"decode_{name}_ns": libraries.decode_ns(name) for name in libraries.DECODERS}


def steps(seconds: float) -> Iterator[Step]:
    """Give what one run measures, a candidate after the other."""
    for candidate in REQUESTING:
        yield partial(requests, candidate, seconds)
    for candidate in STREAMING:
        for clients in CROWDS:
            yield partial(stream, candidate, clients, seconds)
    yield imports
    yield decoding


def run_once(seconds: float) -> Run:
    figures: dict[str, float] = {}
    for step in steps(seconds):
        measured = step()
        print("  " + ", ".join(f"{key} {value:,.4g}" for key, value in measured.items()), flush=True)
        figures |= measured
    return Run(figures)


def measurement(seconds: float, keys: Iterable[str] = ()) -> Measurement:
    figures = tuple(Figure(key, key.replace("_", " ")) for key in keys)
    what = "frameworks and servers against each other"
    return Measurement("frameworks", what, "each other, in turns", lambda _: run_once(seconds), figures)


def measure(runs: int, seconds: float) -> None:
    """Measure all in turns, and write the result after each run."""
    about = {**machine.describe(), **{name: version(name) for name in PACKAGES}}
    build_loadgen()
    made: list[Run] = []
    for _ in range(runs):
        made.append(run_once(seconds))
        results.save(measurement(seconds, made[0].figures), made, about, seconds)


def write_pages() -> None:
    """Put the last result into the pages of decisions."""
    saved = results.load(measurement(0))
    if saved is None:
        raise BenchmarkError("Nothing was measured yet.")
    result = pages.Result(saved)
    pages.put("starlette-uvicorn.md", pages.servers(result, REQUESTING, STREAMING, CROWDS))
    pages.put("click.md", pages.command_line(result))
    pages.put("msgspec.md", pages.decoding(result))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.frameworks", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="repeat all and take medians (3)")
    parser.add_argument("--seconds", type=float, default=3, help="how long each rate is measured (3)")
    parser.add_argument("--report", action="store_true", help="only write the pages from the last result")
    options = parser.parse_args()
    try:
        if not options.report:
            measure(options.runs, options.seconds)
        write_pages()
    except PackageNotFoundError as error:
        sys.exit(f"{error.name} is not installed: `make frameworks` measures with all of them.")
    except BenchmarkError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
