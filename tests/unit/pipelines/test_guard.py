"""Commands with Kafka clients of their own end with who has started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tailrace.pipelines.launch import GUARD, launch

SECONDS = 20
# A process that starts a guarded command, as a pipeline does.
STARTS = """
import os, subprocess, sys
guard, source = sys.argv[1:]
command = [sys.executable, guard, str(os.getpid()), sys.executable, "-c", source]
subprocess.run(command, start_new_session=True)
"""
SAYS = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"
ENDS = """
import signal, sys, time
signal.signal(15, lambda *_: sys.exit(5))
print(1, flush=True)
time.sleep(60)
"""


def gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_a_command_ends_though_its_pipeline_was_killed():
    """Nobody would stop it."""
    command = [sys.executable, "-c", STARTS, GUARD, SAYS]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as pipeline:
        pid = int(pipeline.stdout.readline())
        pipeline.kill()
    end = time.monotonic() + SECONDS
    while not gone(pid):
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("source", "code"), [("raise SystemExit(7)", 7), ("import os; os.kill(os.getpid(), 9)", -9)]
)
def test_its_end_is_the_commands(source, code):
    """An exit code or a signal."""
    command = [sys.executable, GUARD, str(os.getpid()), sys.executable, "-c", source]
    assert subprocess.run(command, timeout=SECONDS, check=False).returncode == code


def test_a_stop_is_handed_on():
    """The command finishes by itself."""
    command = [sys.executable, GUARD, str(os.getpid()), sys.executable, "-c", ENDS]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as guard:
        guard.stdout.readline()
        guard.send_signal(signal.SIGTERM)
        assert guard.wait(SECONDS) == 5


def test_a_command_that_speaks_kafka_is_guarded(read):
    """No worker stands between, which would notice."""
    pipeline = read("topics: {t: }\nprograms: {one: {run: [sh], to: t, speaks: kafka}}").pipeline
    assert GUARD in launch(pipeline.programs["one"], 0, pipeline).argv
