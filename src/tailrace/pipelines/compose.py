"""A pipeline as a compose file: Kafka where the file's broker is this machine, a service for each program."""

import re
from collections.abc import Mapping
from typing import Any

import yaml  # type: ignore[import-untyped]  # the library has no types

from tailrace.core.errors import ConfigurationError
from tailrace.pipelines.mistakes import printable
from tailrace.pipelines.model import Pipeline, Program

KAFKA = "kafka"
INSIDE = "kafka:9092"
STOP_GRACE = "30s"
"""Longer than a pipeline's own deadline for a stop."""
_IMAGE = "apache/kafka:${KAFKA_VERSION:-4.3.1}"
_LOCAL = ("localhost", "127.0.0.1", "[::1]")
_HEAD = """\
# Written by `tailrace graph {file} --to compose`; keep it beside that file.
#   docker compose -f THIS_FILE up -d       starts {what}
#   docker compose -f THIS_FILE down        stops them; with -v the data goes too
#
# TAILRACE_IMAGE   the image to run programs in, with what they import ({image} unless said)
"""
_KAFKA_HEAD = """\
# KAFKA_HOST       the name under which clients outside of the containers reach Kafka
# KAFKA_BIND       the address to publish Kafka on: it asks nobody for a password, so loopback unless said
"""
_DEFAULT_IMAGE = "tailrace"


def draw(pipeline: Pipeline) -> str:
    """The file's text.

    Raises:
        ConfigurationError: there is a program of which the file does not say what to run.
    """
    _check_runs(pipeline)
    local = any(_is_local(program.broker) for program in pipeline.programs.values())
    services: dict[str, Any] = {KAFKA: _kafka()} if local else {}
    for program in pipeline.programs.values():
        services[_service_name(program.name, pipeline)] = _service(program, pipeline)
    tree: dict[str, Any] = {"name": _project_name(pipeline.name), "services": services}
    if local:
        tree["volumes"] = {"kafka-data": None}
    what = "Kafka and all programs" if local else "all programs"
    head = _HEAD.format(
        file=printable(pipeline.file.name).replace("\n", " "), what=what, image=_DEFAULT_IMAGE
    )
    body: str = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=110)
    return head + (_KAFKA_HEAD if local else "") + "\n" + body.replace("kafka-data: null", "kafka-data:")


def _is_local(broker: str) -> bool:
    return any(address.rpartition(":")[0] in _LOCAL or address in _LOCAL for address in broker.split(","))


def _check_runs(pipeline: Pipeline) -> None:
    idle = [program.name for program in pipeline.programs.values() if not program.run]
    if idle:
        raise ConfigurationError(
            f"A service would have nothing to run: {pipeline.file} does not say what {', '.join(idle)} run"
            f"{'' if idle[1:] else 's'}.",
            hint="Add RUN.",
        )


def _service_name(name: str, pipeline: Pipeline) -> str:
    """A program may be called as the broker's service is, and another as that is then called."""
    if name != KAFKA:
        return name
    while name in pipeline.programs:
        name += "-program"
    return name


def _project_name(name: str) -> str:
    """Compose takes small letters, digits, hyphens and underscores, a letter or digit first."""
    return re.sub(r"[^a-z0-9_-]", "-", name.lower()).lstrip("_-") or "pipeline"


def _service(program: Program, pipeline: Pipeline) -> Mapping[str, Any]:
    service: dict[str, Any] = {"image": f"${{TAILRACE_IMAGE:-{_DEFAULT_IMAGE}}}"}
    if _is_local(program.broker):
        service["depends_on"] = {KAFKA: {"condition": "service_healthy"}}
        service["environment"] = {"TAILRACE_BROKER": INSIDE}
    service |= {
        "volumes": ["./:/work:ro"],
        # Compose fills in what a single $ begins.
        "command": ["run", pipeline.file.name.replace("$", "$$"), program.name],
        "stop_grace_period": STOP_GRACE,
        # The image's own check asks a gateway.
        "healthcheck": {"disable": True},
        # A task that is done stays so.
        "restart": "on-failure",
    }
    return service


def _kafka() -> Mapping[str, Any]:
    """The broker of the repository's compose.yaml; a test compares the two."""
    return {
        "image": _IMAGE,
        "hostname": KAFKA,
        "ports": ["${KAFKA_BIND:-127.0.0.1}:9092:19092"],
        "environment": {
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@kafka:9093",
            "KAFKA_LISTENERS": "INSIDE://:9092,OUTSIDE://:19092,CONTROLLER://:9093",
            "KAFKA_ADVERTISED_LISTENERS": "INSIDE://kafka:9092,OUTSIDE://${KAFKA_HOST:-localhost}:9092",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "KAFKA_INTER_BROKER_LISTENER_NAME": "INSIDE",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_LOG_DIRS": "/var/lib/kafka/data",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "true",
            "KAFKA_NUM_PARTITIONS": "1",
            "KAFKA_GROUP_MIN_SESSION_TIMEOUT_MS": "6000",
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
        },
        "volumes": ["kafka-data:/var/lib/kafka/data"],
        "healthcheck": {
            "test": ["CMD", "bash", "-c", "</dev/tcp/localhost/9092"],
            "interval": "3s",
            "timeout": "3s",
            "retries": 20,
            "start_period": "30s",
        },
        "restart": "always",
    }
