"""What a result was measured on."""

import datetime
import os
import platform
import re
import shutil
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

# How long a measurement waits for the machine to come to rest, and what part of its processors may be busy.
REST_SECONDS = 60.0
LOOK_SECONDS = 2.0
RESTING = 0.1


def _first(pattern: str, path: str) -> str:
    found = re.search(pattern, Path(path).read_text())
    return found.group(1) if found else "unknown"


def _said(*command: str) -> str:
    if not shutil.which(command[0]):
        return "not installed"
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout.strip()


def _idle_seconds() -> float:
    """Of all processors since the start."""
    return float(Path("/proc/uptime").read_text().split()[1])


def rest() -> bool:
    """Wait until nothing else takes much of the machine: what was made or deleted before is not measured."""
    cores, deadline = os.cpu_count() or 1, time.monotonic() + REST_SECONDS
    while time.monotonic() < deadline:
        before, idle = time.monotonic(), _idle_seconds()
        time.sleep(LOOK_SECONDS)
        busy = 1 - (_idle_seconds() - idle) / ((time.monotonic() - before) * cores)
        if busy < RESTING:
            return True
    return False


def describe() -> dict[str, str]:
    """Give processor, kernel, versions, the commit and the load that was there before we began."""
    import confluent_kafka  # noqa: PLC0415  # not needed to list what there is

    kilobytes = int(_first(r"MemTotal:\s*(\d+)", "/proc/meminfo"))
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "processor": _first(r"model name\s*: (.*)", "/proc/cpuinfo"),
        "cores": str(os.cpu_count()),
        "memory": f"{kilobytes // 1_000_000} GB",
        "kernel": platform.release(),
        "python": platform.python_version(),
        "librdkafka": confluent_kafka.libversion()[0],
        "uvloop": version("uvloop"),
        "go": _said("go", "version").removeprefix("go version "),
        "kcat": _said("dpkg-query", "-W", "-f=${Version}", "kcat"),
        "commit": _said("git", "rev-parse", "--short", "HEAD"),
        "load_before": Path("/proc/loadavg").read_text().split()[0],
    }
