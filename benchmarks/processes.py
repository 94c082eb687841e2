"""The processes of a measurement: gateway, producer, load generator, bare server. Each is its own."""

import json
import math
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
LOADGEN = HERE / ".build" / "loadgen"
START_SECONDS = 30
STOP_SECONDS = 30

Report = dict[str, Any]


def milliseconds(report: Report, percentile: str) -> float:
    """Give a percentile; what was never seen took for ever, not no time."""
    return float(report[f"{percentile}_ms"]) if report["samples"] else math.inf


class BenchmarkError(Exception):
    """A measurement that could not be made, with what the process said."""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def build_loadgen() -> None:
    """Compile the load generator if its sources are newer."""
    newest = max(path.stat().st_mtime for path in (HERE / "loadgen").iterdir())
    if LOADGEN.exists() and LOADGEN.stat().st_mtime >= newest:
        return
    if not shutil.which("go"):
        raise BenchmarkError(
            "The load generator is written in Go: install Go 1.22 or newer (apt install golang)."
        )
    subprocess.run(["go", "build", "-o", str(LOADGEN), "."], cwd=HERE / "loadgen", check=True, timeout=300)


def stop(process: subprocess.Popen[str], seconds: float = STOP_SECONDS) -> None:
    """End a process that we started: politely, then by force."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


class Child:
    """A process that says `ready` on a pipe, and at last one JSON object on standard output."""

    def __init__(self, command: list[str], *, ready_on: str = "stdout") -> None:
        self.command = command
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self._ready = getattr(self.process, ready_on)

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_ready(self) -> None:
        line = self._ready.readline()
        if line.strip() != "ready":
            raise BenchmarkError(f"{self.name} did not get ready: {line}{self._rest()}")

    def go(self) -> None:
        """Send the line that a producer waits for."""
        assert self.process.stdin is not None
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def report(self, seconds: float) -> Report:
        """Wait for the end and give what it measured."""
        try:
            out, err = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            stop(self.process)
            raise BenchmarkError(f"{self.name} took longer than {seconds:.0f} s") from None
        if self.process.returncode or not out.strip():
            raise BenchmarkError(f"{self.name} failed: {err[-1000:]}")
        report: Report = json.loads(out.strip().splitlines()[-1])
        return report

    @property
    def name(self) -> str:
        return " ".join(Path(part).name for part in self.command[:4])

    def _rest(self) -> str:
        stop(self.process, 2)
        return "".join(pipe.read()[-1000:] for pipe in (self.process.stdout, self.process.stderr) if pipe)


@contextmanager
def child(command: list[str], *, ready_on: str = "stdout") -> Iterator[Child]:
    started = Child(command, ready_on=ready_on)
    try:
        yield started
    finally:
        stop(started.process, 5)


def loadgen(what: str, **options: object) -> list[str]:
    """Give the command of the load generator."""
    return [str(LOADGEN), what, *(f"-{name}={value}" for name, value in options.items())]


def module(name: str, *words: str, **options: object) -> list[str]:
    """Give the command of one of our own modules."""
    flags = [part for option, value in options.items() for part in (f"--{option}", str(value))]
    return [sys.executable, "-m", f"benchmarks.{name}", *words, *flags]


def tailrace(*words: str) -> list[str]:
    """Give a command of the product, as it is installed beside this Python."""
    return [str(Path(sys.executable).with_name("tailrace")), *words]


class Gateway:
    """`tailrace serve` in one process of its own."""

    def __init__(self, broker: str, variables: Mapping[str, str]) -> None:
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.log = (HERE / ".build" / "gateway.log").open("w")
        self.process = subprocess.Popen(
            tailrace("serve", "--broker", broker, "--port", str(self.port), "--open"),
            stdout=self.log,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, **variables},
        )

    @property
    def pid(self) -> int:
        return self.process.pid

    def wait_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.answers("/readyz"):
                return
            time.sleep(0.05)
        raise BenchmarkError(f"The gateway does not start: {Path(self.log.name).read_text()[-1000:]}")

    def answers(self, path: str) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}{path}", timeout=2) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def close(self) -> None:
        stop(self.process)
        self.log.close()
