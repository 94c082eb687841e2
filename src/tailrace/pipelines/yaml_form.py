"""The form with `broker`, `topics` and `programs`."""

from collections.abc import Mapping
from pathlib import Path

from tailrace.core.ports import MAX_PARTITIONS
from tailrace.pipelines.fields import MAX_WORKERS, Fields, name_of, name_taken
from tailrace.pipelines.kafka_settings import client_settings, topic_settings
from tailrace.pipelines.mistakes import Mistakes
from tailrace.pipelines.model import DEFAULT_BROKER, DEFAULT_RESTARTS, Pipeline, Program, Topic
from tailrace.pipelines.runs import yaml_run
from tailrace.pipelines.tree import Node

KEYS = ("name", "broker", "kafka", "topics", "programs", "cycles")
TOPIC_KEYS = ("partitions", "replicas", "config")
PROGRAM_KEYS = (
    "run", "from", "to", "workers", "args", "group", "start", "format", "answers", "speaks", "restarts",
    "broker", "kafka",
)  # fmt: skip
DECLARED_KEYS = ("from", "to", "group", "start", "format")
MAX_REPLICAS = 32
MAX_RESTARTS = 1_000_000


def read_pipeline(tree: Node, file: Path, runs: Mapping[str, str], mistakes: Mistakes) -> Pipeline:
    """The pipeline that a tree says, as far as it can be read; `runs` are those of the command line."""
    fields = Fields(tree, "The file", KEYS, mistakes)
    name = fields.text("name", name_of(file))
    if "name" in fields:
        name_taken(name, fields.where("name"), mistakes, whose="pipeline")
    broker = fields.broker("broker", DEFAULT_BROKER)
    defaults = Program(name, broker=broker, kafka=client_settings(fields, broker, {}))
    programs = {}
    before = mistakes.count
    for program, place, node in fields.entries("programs"):
        name_taken(program, place, mistakes)
        found = Fields(node, f"The program {program!r}", PROGRAM_KEYS, mistakes, place)
        programs[program] = _program(program, found, defaults, runs.get(program))
    if not programs and not mistakes:
        fix = 'Write programs: {one: {run: "calc:one"}}.'
        mistakes.add(fields.where("programs"), "No program is named.", fix)
    partial = mistakes.count > before or not programs
    topics = _topics(fields, mistakes)
    return Pipeline(name, file, topics, programs, cycles=fields.flag("cycles"), partial=partial)


def _program(name: str, fields: Fields, defaults: Program, run: str | None) -> Program:
    broker = fields.broker("broker", defaults.broker)
    return Program(
        name=name,
        place=fields.place,
        run=yaml_run(fields, run),
        reads=fields.topics("from"),
        writes=fields.topics("to"),
        workers=fields.whole("workers", 1, least=1, most=MAX_WORKERS),
        workers_place=fields.where("workers"),
        run_place=fields.where("run"),
        broker=broker,
        group=fields.text("group", f"{defaults.name}.{name}"),
        start=fields.text("start", "earliest", of=("earliest", "latest")),
        format=fields.text("format", "json", of=("json", "text")),
        args=fields.words("args"),
        restarts=fields.whole("restarts", DEFAULT_RESTARTS, least=0, most=MAX_RESTARTS),
        kafka=client_settings(fields, broker, defaults.kafka),
        given=frozenset(key for key in DECLARED_KEYS if key in fields),
    )


def _topics(fields: Fields, mistakes: Mistakes) -> Mapping[str, Topic]:
    topics = {}
    for name, place, node in fields.entries("topics"):
        fields.topic_name(name, place)
        # `numbers:` alone is a topic with the broker's defaults.
        given = Node({}, node.place) if node.value is None else node
        found = Fields(given, f"The topic {name!r}", TOPIC_KEYS, mistakes, place)
        partitions = found.whole("partitions", 0, least=1, most=MAX_PARTITIONS)
        replicas = found.whole("replicas", 0, least=1, most=MAX_REPLICAS)
        topics[name] = Topic(name, place, partitions or None, replicas or None, topic_settings(found))
    return topics
