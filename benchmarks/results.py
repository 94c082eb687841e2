"""Results on disk: one JSON file a measurement, medians over its runs, with the machine they were made on."""

import json
import math
import statistics
from pathlib import Path
from typing import Any

from benchmarks.figures import Measurement, Run

FOLDER = Path(__file__).parent / "results"


def save(
    measurement: Measurement, runs: list[Run], machine: dict[str, str], seconds: float
) -> dict[str, Any]:
    """Write medians, every run's figures and details; give what was written."""
    result = {
        "name": measurement.name,
        "what": measurement.what,
        "raw": measurement.raw,
        "machine": machine,
        "flow_seconds": seconds,
        "figures": {
            figure.key: {
                "what": figure.what,
                "unit": figure.unit,
                "at_least": figure.at_least,
                "at_most": figure.at_most,
                "runs": [_finite(run.figures[figure.key]) for run in runs],
                "median": (median := _finite(statistics.median(run.figures[figure.key] for run in runs))),
                "met": figure.met(median if median is not None else math.nan),
            }
            for figure in measurement.figures
        },
        "details": [run.details for run in runs],
    }
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{measurement.name}.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return result


def _finite(value: float) -> float | None:
    """JSON has no infinity: what never came about is null."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def load(measurement: Measurement) -> dict[str, Any] | None:
    """Read the last result of a measurement."""
    path = FOLDER / f"{measurement.name}.json"
    if not path.exists():
        return None
    result: dict[str, Any] = json.loads(path.read_text())
    return result
