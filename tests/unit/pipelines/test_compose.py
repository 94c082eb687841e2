"""A pipeline's compose file without an engine: its structure, its references, its commands."""

import re
from pathlib import Path

import pytest
import yaml

from tailrace.core.errors import ConfigurationError
from tailrace.pipelines import compose
from tailrace.pipelines.loading import load

ROOT = Path(__file__).parents[3]
KEYS = {
    "image", "hostname", "ports", "environment", "volumes", "healthcheck", "depends_on", "command", "restart",
    "stop_grace_period",
}  # fmt: skip


@pytest.fixture
def text(read, five):
    return compose.draw(read(five).pipeline)


@pytest.fixture
def tree(text):
    return yaml.safe_load(text)


def test_each_program_is_a_service(tree):
    """Which runs its part of the file, from the folder beside it."""
    services = {name: service for name, service in tree["services"].items() if name != "kafka"}
    assert {name: service["command"] for name, service in services.items()} == {
        name: ["run", "pipeline.yml", name] for name in ("one", "two", "three", "four", "five")
    }
    assert all(service["volumes"] == ["./:/work:ro"] for service in services.values())


def test_every_key_is_one_of_composes(tree):
    """No misspelled key, and environment values are text."""
    assert set(tree) == {"name", "services", "volumes"}
    for service in tree["services"].values():
        assert set(service) <= KEYS
        assert all(isinstance(value, str) for value in service.get("environment", {}).values())


def test_programs_wait_for_kafka_and_find_it(tree):
    """By the listener inside, under the name that the broker tells its clients."""
    kafka = tree["services"]["kafka"]
    assert "INSIDE://kafka:9092" in kafka["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    for name, service in tree["services"].items():
        if name != "kafka":
            assert service["depends_on"] == {"kafka": {"condition": "service_healthy"}}
            assert service["environment"] == {"TAILRACE_BROKER": "kafka:9092"}


def test_kafka_is_that_of_the_repositorys_compose_file(tree):
    """One broker, described in one way."""
    ours = yaml.safe_load((ROOT / "compose.yaml").read_text())
    assert tree["services"]["kafka"] == ours["services"]["kafka"]
    assert tree["volumes"] == ours["volumes"]


def test_every_variable_has_a_default(text):
    """And those of programs and listeners are explained in the head."""
    used = re.findall(r"\$\{(\w+)(:-[^}]+)?\}", text)
    assert all(default for _, default in used)
    assert {name for name, _ in used} - {"KAFKA_VERSION"} == set(re.findall(r"^# ([A-Z_]+) ", text, re.M))


def test_a_cluster_elsewhere_is_used_as_it_is(read, five):
    """No Kafka is started for it, and no address is changed."""
    tree = yaml.safe_load(compose.draw(read(five.replace("localhost", "kafka.example.org")).pipeline))
    assert "kafka" not in tree["services"]
    assert "volumes" not in tree
    assert "environment" not in tree["services"]["one"]


def test_names_fit_compose(read, five):
    """A project's name has small letters; a program called kafka does not hide the broker."""
    text = five.replace("one:   {", "kafka: {").replace("broker:", "name: Five_Programs\nbroker:")
    tree = yaml.safe_load(compose.draw(read(text).pipeline))
    assert tree["name"] == "five_programs"
    assert tree["services"]["kafka-program"]["command"] == ["run", "pipeline.yml", "kafka"]


def test_no_program_is_lost_to_another_of_its_services_name(read, five):
    """The broker's service keeps its name, so that of a program gives way, but to a free one."""
    text = five.replace("one:   {", "kafka: {").replace("two:   {", "kafka-program: {")
    services = yaml.safe_load(compose.draw(read(text).pipeline))["services"]
    assert services["kafka-program"]["command"][-1] == "kafka-program"
    assert services["kafka-program-program"]["command"][-1] == "kafka"


def test_a_program_without_anything_to_run_is_refused(read):
    """Its service would end at once, and nobody would be told."""
    pipeline = read('ONE: {PRODUCER: a, RUN: "python three.py"}\nTWO: {CONSUMER: a}\n').pipeline
    with pytest.raises(ConfigurationError, match=r"pipeline\.yml does not say what TWO runs\."):
        compose.draw(pipeline)


def test_a_files_name_is_no_part_of_the_composition(folder, five):
    """A line feed would end the comment, and compose would fill in what a single $ begins."""
    file = folder / "a${HOME}\nservices: {evil: {image: evil}} #.yml"
    file.write_text(five)
    tree = yaml.safe_load(compose.draw(load(file).pipeline))
    assert "evil" not in tree["services"]
    assert tree["services"]["one"]["command"][1] == file.name.replace("$", "$$")
