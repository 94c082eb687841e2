"""What `make` says where Docker's compose plugin is missing."""

import os
import subprocess

import pytest


@pytest.mark.parametrize("goal", ["up", "down"])
def test_a_missing_plugin_is_told_with_how_to_get_it(goal, root, tmp_path):
    """Not Docker's own complaint about its options."""
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho 'unknown command: docker compose' >&2\nexit 1\n")
    docker.chmod(0o755)
    environ = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    made = subprocess.run(["make", goal], cwd=root, env=environ, capture_output=True, text=True, check=False)
    assert made.returncode != 0
    assert "apt-get install docker.io docker-compose-v2" in made.stderr
