"""The Dockerfile without an engine: what it copies exists, what it runs is ours, and not as root."""

import json
import re
from fnmatch import fnmatch

from tailrace.cli.group import tailrace


def values(instructions, word):
    """All of one instruction."""
    return [rest for found, rest in instructions if found == word]


def test_the_bases_are_new_enough(instructions):
    """Both stages are of one slim Python, which the package supports."""
    bases = {base.split()[0] for base in values(instructions, "FROM")}
    (base,) = bases
    minor = re.fullmatch(r"python:3\.(\d+)-slim", base)
    assert minor
    assert int(minor[1]) >= 11


def test_every_copied_path_exists_and_is_sent(instructions, root):
    """What is copied from here is in the repository and not kept back by .dockerignore."""
    sent = [line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copies = [c.split() for c in values(instructions, "COPY") if not c.startswith("--from")]
    sources = {source for copy in copies for source in copy[:-1]}
    assert sources == set(sent)
    assert all((root / source).exists() for source in sources)


def test_stages_are_copied_from_by_name(instructions):
    """A copy from another stage names one that exists."""
    stages = {base.split(" AS ")[1] for base in values(instructions, "FROM") if " AS " in base}
    used = {re.match(r"--from=(\w+)", copy)[1] for copy in values(instructions, "COPY") if "--from" in copy}
    assert used == stages


def test_it_does_not_run_as_root(instructions):
    """The last user is one that the file makes."""
    user = values(instructions, "USER")[-1]
    assert user != "root"
    assert any(run.startswith("useradd") and run.endswith(f" {user}") for run in values(instructions, "RUN"))


def test_output_is_unbuffered_and_the_host_is_all(instructions):
    """Lines show at once, and the published port reaches the gateway."""
    environment = dict(pair.split("=", 1) for pair in values(instructions, "ENV")[-1].split())
    assert environment["PYTHONUNBUFFERED"] == "1"
    assert environment["TAILRACE_SERVER_HOST"] == "0.0.0.0"


def test_dependencies_are_the_locked_ones(instructions):
    """Nothing is resolved anew while an image is built, and nothing for development gets in."""
    syncs = [run for run in values(instructions, "RUN") if run.startswith("uv sync")]
    assert syncs
    assert all("--locked" in run and "--no-dev" in run for run in syncs)


def test_services_and_owners_can_be_used_in_it(instructions):
    """What `run` and owners from a database need is installed with the rest."""
    syncs = [run for run in values(instructions, "RUN") if run.startswith("uv sync")]
    assert all("--extra run" in run and "--extra sql" in run for run in syncs)


def test_the_health_check_is_python_that_compiles(instructions):
    """It asks /readyz with what the image has."""
    (check,) = values(instructions, "HEALTHCHECK")
    program, flag, source = json.loads(check[check.index("[") :])
    compile(source, "healthcheck", "exec")
    assert (program, flag, "/readyz" in source) == ("python", "-c", True)


def test_secrets_and_folders_of_the_machine_stay_out(root):
    """Only what is named is sent to the builder."""
    lines = (root / ".dockerignore").read_text().splitlines()
    assert lines[0] == "*"
    assert not any(fnmatch(".env", line[1:]) or fnmatch(".git", line[1:]) for line in lines if line[0] == "!")


def test_the_image_runs_our_command_line(instructions):
    """The entry point is the command, its default one is `serve`, and both exist."""
    assert json.loads(values(instructions, "ENTRYPOINT")[0]) == ["tailrace"]
    (name,) = json.loads(values(instructions, "CMD")[0])
    assert tailrace.get_command(None, name).make_context(name, []).params["host"] is None
