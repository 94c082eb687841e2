"""The older form: each program by its name, with BROKER, PRODUCER, CONSUMER and RUN."""

from collections.abc import Mapping
from pathlib import Path

from tailrace.pipelines.fields import MAX_WORKERS, Fields, members, name_of, name_taken
from tailrace.pipelines.mistakes import Mistakes
from tailrace.pipelines.model import DEFAULT_BROKER, Pipeline, Program
from tailrace.pipelines.runs import flat_run
from tailrace.pipelines.tree import Node
from tailrace.pipelines.yaml_form import KEYS as YAML_KEYS

KEYS = ("BROKER", "PRODUCER", "CONSUMER", "RUN", "WORKERS", "SPEAKS", "ANSWERS")


def is_flat(tree: Node) -> bool:
    """Whether a tree has this form: no `programs`, and a key in capitals below a name.

    Capitals may be forgotten where nothing else speaks for the other form.
    """
    if not isinstance(tree.value, Mapping) or "programs" in tree.value:
        return False
    below = {key for node in tree.value.values() if isinstance(node.value, Mapping) for key in node.value}
    if tree.value.keys().isdisjoint(YAML_KEYS):
        below = {key.upper() for key in below}
    return not below.isdisjoint(KEYS)


def read_flat(tree: Node, file: Path, runs: Mapping[str, str], mistakes: Mistakes) -> Pipeline:
    """The pipeline that a tree of this form says; `runs` are those of the command line."""
    pipeline = name_of(file)
    programs = {}
    before = mistakes.count
    for name, place, node in members(tree, mistakes):
        name_taken(name, place, mistakes)
        found = mistakes.count
        fields = Fields(node, f"The program {name!r}", KEYS, mistakes, place)
        program = programs[name] = _program(name, fields, f"{pipeline}.{name}", runs.get(name))
        if mistakes.count == found and not (program.reads or program.writes or "RUN" in fields):
            fix = "Name the topics that it reads under CONSUMER, those that it writes under PRODUCER."
            mistakes.add(place, f"{fields.what} neither reads nor writes.", fix)
    return Pipeline(pipeline, file, {}, programs, flat=True, partial=mistakes.count > before)


def _program(name: str, fields: Fields, group: str, run: str | None) -> Program:
    return Program(
        name=name,
        place=fields.place,
        run=flat_run(fields, run),
        reads=fields.topics("CONSUMER"),
        writes=fields.topics("PRODUCER"),
        workers=fields.whole("WORKERS", 1, least=1, most=MAX_WORKERS),
        workers_place=fields.where("WORKERS"),
        run_place=fields.where("RUN"),
        broker=fields.broker("BROKER", DEFAULT_BROKER),
        group=group,
        given=frozenset(key for key, name in (("from", "CONSUMER"), ("to", "PRODUCER")) if name in fields),
    )
