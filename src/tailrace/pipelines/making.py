"""The topics of a pipeline, made where they are missing. It blocks, so call it in a thread."""

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress

from tailrace.core.errors import TopicExists, TopicNotFound
from tailrace.core.groups import Spot
from tailrace.core.ports import NewTopic
from tailrace.kafka.admin import KafkaAdmin
from tailrace.kafka.scan_places import Questions
from tailrace.kafka.settings import client_config, translate
from tailrace.pipelines.model import Pipeline, Program, Stream, Topic

Partitions = Mapping[str, int]


def make_topics(
    pipeline: Pipeline, programs: Collection[Program], note: Callable[[str], None]
) -> Mapping[str, Partitions]:
    """Make what the programs read and write; answers for each broker how many partitions its topics have.

    Raises:
        BrokerUnavailable, Forbidden, ConfigurationError: as the brokers say.
    """
    made = {}
    for broker in dict.fromkeys(program.broker for program in programs):
        here = [program for program in programs if program.broker == broker]
        topics = dict.fromkeys(topic for p in here for topic in (*p.read_topics, *p.written_topics))
        settings = translate({**here[0].kafka, "bootstrap_servers": broker})
        # Says within seconds that no broker is there, before anything else is asked.
        Questions(client_config(settings)).reach()
        admin = KafkaAdmin(settings)
        made[broker] = {one: _have(pipeline.stream(one, broker), pipeline, admin, note) for one in topics}
        for program in here:
            _say_idle(program, made[broker], note)
    return made


def spots(program: Program, partitions: Partitions) -> Collection[Spot]:
    """All partitions that a program reads."""
    return [Spot(topic, number) for topic in program.read_topics for number in range(partitions[topic])]


def _have(stream: Stream, pipeline: Pipeline, admin: KafkaAdmin, note: Callable[[str], None]) -> int:
    name = stream.topic
    wanted = pipeline.topics.get(name, Topic(name))
    partitions = pipeline.partitions(stream)
    try:
        found = len(admin.describe(name).partitions)
    except TopicNotFound:
        found = _make(NewTopic(name, partitions, wanted.replicas, wanted.config), admin)
        note(f"Made the topic {name} with {_count(found, 'partition')}.")
        return found
    if wanted.partitions and found != wanted.partitions:
        more = wanted.partitions > found
        fix = f"`tailrace topics grow {name} --partitions {wanted.partitions}` adds them."
        there = f"The topic {name} is there with {_count(found, 'partition')}"
        note(f"{there}, the file says {wanted.partitions}. {fix if more else 'A topic cannot shrink.'}")
    return found


def _make(topic: NewTopic, admin: KafkaAdmin) -> int:
    # Another part of the pipeline, on another machine, may be quicker.
    with suppress(TopicExists):
        admin.create([topic])
    return len(admin.describe(topic.name).partitions)


def _say_idle(program: Program, partitions: Partitions, note: Callable[[str], None]) -> None:
    there = sum(partitions[topic] for topic in program.read_topics)
    if program.reads and program.workers > there:
        note(
            f"{program.name} has {program.workers} workers for {_count(there, 'partition')}: "
            f"{program.workers - there} will have nothing to do."
        )


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
