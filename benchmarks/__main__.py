"""Measure the gateway on this machine, beside raw limits measured in the same run."""

import argparse
import sys

from confluent_kafka import KafkaException

from benchmarks import (
    commands,
    fanout,
    footprint,
    latency,
    machine,
    pipelines,
    producing,
    reading,
    report,
    results,
    services,
    shipping,
    tasklogs,
)
from benchmarks.bench import Bench
from benchmarks.figures import Measurement, Run
from benchmarks.processes import BenchmarkError
from tailrace.broker import EmbeddedKafkaError

MEASUREMENTS: list[Measurement] = [
    *fanout.MEASUREMENTS,
    *latency.MEASUREMENTS,
    *reading.MEASUREMENTS,
    *producing.MEASUREMENTS,
    *footprint.MEASUREMENTS,
    *commands.MEASUREMENTS,
    *shipping.MEASUREMENTS,
    *pipelines.MEASUREMENTS,
    *services.MEASUREMENTS,
    *tasklogs.MEASUREMENTS,
]


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="measure these only; a prefix stands for several"
    )
    parser.add_argument("--runs", type=int, default=1, help="repeat each and take medians (1)")
    parser.add_argument(
        "--seconds", type=float, default=4, help="how long records flow in a fan-out attempt (4)"
    )
    parser.add_argument(
        "--broker", default="", metavar="HOST:PORT", help="a broker instead of the embedded one"
    )
    parser.add_argument("--list", action="store_true", help="show what can be measured")
    parser.add_argument(
        "--report", action="store_true", help="only write page and picture from the last results"
    )
    return parser.parse_args()


def chosen(names: list[str]) -> list[Measurement]:
    """Give the measurements of these names, or whose names begin so; all without names."""
    if not names:
        return MEASUREMENTS
    wanted = set[str]()
    for name in names:
        exact = {each.name for each in MEASUREMENTS if each.name == name}
        alike = exact or {each.name for each in MEASUREMENTS if each.name.startswith(name)}
        if not alike:
            sys.exit(f"No measurement begins with {name}; --list shows them.")
        wanted |= alike
    return [each for each in MEASUREMENTS if each.name in wanted]


def measure(wanted: list[Measurement], options: argparse.Namespace) -> int:
    """Measure, write each result as soon as it is there, and give how many failed."""
    about, runs = machine.describe(), {each.name: list[Run]() for each in wanted}
    failed = set[str]()
    with Bench(options.seconds, external=options.broker) as bench:
        for _ in range(options.runs):
            for each in wanted:
                print(f"{each.name}: {each.what}", flush=True)
                if not machine.rest():
                    print("  the machine does not come to rest: something else runs on it", flush=True)
                try:
                    runs[each.name].append(each.run(bench))
                except (BenchmarkError, KafkaException, OSError) as error:
                    failed.add(each.name)
                    print(f"  FAILED: {error}", flush=True)
                    continue
                show(results.save(each, runs[each.name], about, options.seconds))
            bench.forget()
    return len(failed)


def show(result: dict[str, object]) -> None:
    for figure in result["figures"].values():  # type: ignore[attr-defined]
        asked = f" (asked {report.asked(figure)})" if figure["met"] is not None else ""
        verdict = {True: "", False: "  NOT REACHED", None: ""}[figure["met"]]
        print(
            f"  {figure['what']}: {report.number(figure['median'], figure['unit'])}{asked}{verdict}",
            flush=True,
        )


def main() -> int:
    options = parse()
    if options.list:
        for each in MEASUREMENTS:
            print(f"{each.name:28} {each.what}")
        return 0
    try:
        failed = 0 if options.report else measure(chosen(options.names), options)
    except (BenchmarkError, EmbeddedKafkaError) as error:
        sys.exit(str(error))
    report.write_page(MEASUREMENTS)
    report.draw(MEASUREMENTS)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
