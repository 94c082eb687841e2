"""The command without its script."""

import subprocess
import sys


def test_the_package_runs_as_a_module():
    """`python -m tailrace` is the command, and calls itself so."""
    command = [sys.executable, "-m", "tailrace", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("Usage: tailrace ")
