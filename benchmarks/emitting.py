"""A worker that logs, in a process of its own: what each call cost it, as one JSON object.

Kafka's handler, or the file of Python's own handler for comparison; first at a pace, then flat out.
"""

import argparse
import json
import logging
import tempfile
import time
from pathlib import Path

from tailrace.logging import KafkaHandler

PACED, PACE = 6_000, 2_000.0
FLAT_OUT = 40_000


def handler(options: argparse.Namespace, folder: Path) -> logging.Handler:
    if options.what == "file":
        return logging.FileHandler(folder / "worker.log")
    return KafkaHandler(options.topic, options.broker, spool=folder, close_seconds=options.close)


def logged(logger: logging.Logger, number: int) -> float:
    """Log one line; give the seconds that it took."""
    began = time.perf_counter()
    logger.info("epoch %d: loss %.4f, accuracy %.4f, and what else a worker says of it", number, 0.25, 0.75)
    return time.perf_counter() - began


def paced(logger: logging.Logger) -> list[float]:
    took, started = [], time.monotonic()
    for number in range(PACED):
        time.sleep(max(0.0, started + number / PACE - time.monotonic()))
        took.append(logged(logger, number))
    return sorted(took)


def run(options: argparse.Namespace, folder: Path) -> dict[str, float]:
    worker, logger = handler(options, folder), logging.Logger("worker")
    logger.addHandler(worker)
    took = paced(logger)
    started = time.monotonic()
    flat_out = sorted(logged(logger, number) for number in range(FLAT_OUT))
    logged_after = time.monotonic() - started
    worker.close()
    return {
        "p50_us": took[len(took) // 2] * 1e6,
        "p99_us": took[len(took) * 99 // 100] * 1e6,
        "flat_out_p99_us": flat_out[len(flat_out) * 99 // 100] * 1e6,
        "flat_out_max_ms": flat_out[-1] * 1e3,
        "logged_per_second": FLAT_OUT / logged_after,
        "stored_per_second": FLAT_OUT / (time.monotonic() - started),
        "missing": worker.missing if isinstance(worker, KafkaHandler) else 0,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("kafka", "file"))
    parser.add_argument("--broker", default="")
    parser.add_argument("--topic", default="")
    parser.add_argument("--close", type=float, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(json.dumps(run(options, Path(folder))), flush=True)


if __name__ == "__main__":
    main()
