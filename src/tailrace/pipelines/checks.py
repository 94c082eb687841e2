"""What is wrong with a pipeline as a whole: topics that nobody writes, rings, idle workers, wrong targets."""

import os
import re
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tailrace.pipelines.graph import cycles, followers
from tailrace.pipelines.mistakes import Mistakes
from tailrace.pipelines.model import Command, Pipeline, Program, Ref, Speaks, Stream, Target
from tailrace.pipelines.sources import Source, find_source

_KINDS = {"every": "timer", "task": "task"}
# What takes a script's path as its first argument.
_INTERPRETER = re.compile(r"(python|pypy)[0-9.]*|(ba|z|da|k)?sh|node|ruby|perl|Rscript")
_SCRIPTS = (".py", ".sh", ".js", ".mjs", ".rb", ".pl", ".R")


def check(pipeline: Pipeline, mistakes: Mistakes, *, check_runs: bool = True) -> Pipeline:
    """Look at the whole; answers it with what decorators say of topics filled in."""
    # Where it does not matter what is run, decorators are still read if their modules are there.
    runs = mistakes if check_runs else Mistakes()
    programs = {name: _with_run(program, pipeline, runs) for name, program in pipeline.programs.items()}
    whole = replace(pipeline, programs=programs)
    writes = _Side("writes", "reads", whole.writers, whole)
    reads = _Side("reads", "writes", whole.readers, whole)
    # What follows from a misspelled key is told of the key alone: to mend it here would do harm.
    told = Mistakes() if whole.partial else mistakes
    for program in programs.values():
        _check_use(program, told)
        _check_partners(program, program.reads, writes, whole, told)
        _check_partners(program, program.writes, reads, whole, told)
        _check_workers(program, whole, told)
    _check_topics(whole, told)
    if not whole.cycles:
        _check_cycles(whole, mistakes)
    return whole


def search_path() -> str:
    """Where commands are looked for: `python` is the Python that runs Tailrace."""
    here = str(Path(sys.executable).parent)
    return os.pathsep.join([here, os.environ.get("PATH", os.defpath)])


def _with_run(program: Program, pipeline: Pipeline, mistakes: Mistakes) -> Program:
    match program.run:
        case Target():
            return _with_target(program, program.run, pipeline, mistakes)
        case Command():
            _check_command(program, program.run.argv, pipeline.folder, mistakes)
    return program


def _with_target(program: Program, target: Target, pipeline: Pipeline, mistakes: Mistakes) -> Program:
    source = find_source(target.module, pipeline.folder)
    if not isinstance(source, Source):
        if source:
            what = f"The program {program.name!r} cannot run {target}: {source}."
            fix = f"Modules are looked for in {pipeline.folder} first."
            mistakes.add(program.run_place, what, fix)
        return program
    names = source.names
    if names is not None and target.name not in names:
        what = f"The program {program.name!r} cannot run {target}: {target.module} has no {target.name!r}."
        fix = mistakes.near(target.name, names) or "Name a handler or a task of that module."
        mistakes.add(program.run_place, what, fix)
    _check_kind(program, target, source, mistakes)
    return _with_decorators(program, source, target)


def _check_kind(program: Program, target: Target, source: Source, mistakes: Mistakes) -> None:
    """What would be told only by the worker, when topics are made and others have begun."""
    who = f"The program {program.name!r}"
    if source.bare(target.name):
        what = f"{who} cannot run {target}: nothing declares it to an App."
        mistakes.add(program.run_place, what, "Write @app.on, @app.every or @app.task above it.")
    kinds = source.kinds(target.name)
    if kinds and "on" not in kinds and program.reads:
        what = f"{who} is given topics to read, but {target} is a {_KINDS[min(kinds)]}, which reads nothing."
        mistakes.add(program.reads[0].place, what, "Take them away, or declare it with @app.on.")
    elif program.reads:
        _check_parts(program, target, source, mistakes)
    if kinds and "task" not in kinds and program.args:
        what = f"{who} has 'args', but {target} is no task."
        mistakes.add(program.place, what, "Take 'args' away, or declare it with @app.task.")


def _check_parts(program: Program, target: Target, source: Source, mistakes: Mistakes) -> None:
    """Of a whole App: what the file lets it read is for each of its handlers."""
    who, place = f"The program {program.name!r}", program.reads[0].place
    for timer in source.hung_on(target.name, "every"):
        what = f"{who} is given topics to read, but {timer!r} of {target} is a timer, which reads nothing."
        mistakes.add(place, what, "Take them away, or run a handler by its name, in a program of its own.")
    seen: dict[str, str] = {}
    for handler, group in source.hung_on(target.name, "on").items():
        shared = program.group if "group" in program.given else group
        other = None if shared is None else seen.setdefault(shared, handler)
        if other not in {None, handler}:
            what = f"{who} lets {other!r} and {handler!r} of {target} read the same, each only a part of it."
            mistakes.add(place, what, "Run each in a program of its own, or give one its own group.")


def _with_decorators(program: Program, source: Source, target: Target) -> Program:
    declared = source.declared(target.name)
    named = "group" in program.given or "group" not in declared.keys
    return replace(
        program,
        declared=declared.keys,
        group=program.group if named else declared.group or "",
        reads=program.reads or tuple(Ref(topic, program.run_place) for topic in declared.reads),
        writes=program.writes or tuple(Ref(topic, program.run_place) for topic in declared.writes),
    )


def _check_command(program: Program, argv: Sequence[str], folder: Path, mistakes: Mistakes) -> None:
    # A path is one from the file's folder, as a script beside it is.
    name = argv[0]
    found = shutil.which(str(folder / name) if os.sep in name else name, path=search_path())
    if not found:
        what = f"The program {program.name!r} cannot run {name[:80]!r}: there is no such executable."
        mistakes.add(program.run_place, what, f"Install it, or name its path from {folder}.")
    script = argv[1] if len(argv) > 1 and _INTERPRETER.fullmatch(Path(name).name) else ""
    if script.endswith(_SCRIPTS) and not (folder / script).exists():
        what = f"The program {program.name!r} cannot run {script[:80]!r}: there is no such file."
        mistakes.add(program.run_place, what, f"Name its path from {folder}.")


def _check_use(program: Program, mistakes: Mistakes) -> None:
    lines = isinstance(program.run, Command) and program.run.speaks is Speaks.LINES
    if lines and not (program.reads or program.writes):
        fix = "Name topics, or say that it speaks kafka, if it has Kafka clients of its own."
        mistakes.add(program.place, f"The program {program.name!r} neither reads nor writes.", fix)


class _Side:
    """Who writes, or who reads, what programs do the other with."""

    def __init__(
        self, does: str, other: str, who: Callable[[Stream], Sequence[Program]], pipeline: Pipeline
    ) -> None:
        self.does, self.other, self.who = does, other, who
        self._by_topic = {stream.topic: who(stream) for stream in pipeline.streams if who(stream)}
        self.known = {*self._by_topic, *pipeline.topics}

    def elsewhere(self, topic: str) -> str:
        """Says who does it on another cluster, if anybody does."""
        far = next(iter(self._by_topic.get(topic, ())), None)
        return f"The program {far.name!r} {self.does} it at {far.broker}." if far else ""


def _check_partners(
    program: Program, refs: Sequence[Ref], side: _Side, pipeline: Pipeline, mistakes: Mistakes
) -> None:
    for ref in refs:
        if not side.who(pipeline.stream(ref.topic, program.broker)):
            _one_sided(ref, program, side, pipeline, mistakes)


def _one_sided(ref: Ref, program: Program, side: _Side, pipeline: Pipeline, mistakes: Mistakes) -> None:
    far = side.elsewhere(ref.topic)
    declared = ref.topic in pipeline.topics
    if declared and not far:
        return
    near = far or mistakes.near(ref.topic, side.known)
    where = f" at {program.broker}" if far else ""
    if pipeline.flat or declared:
        # Others may; the flat form has no list of topics in which to say so.
        what = f"No program {side.does} {ref.topic!r}{where}."
        mistakes.add(ref.place, what, near or "Others may.", remark=True)
        return
    who = f"The program {program.name!r} {side.other} {ref.topic!r}{where}"
    what = f"{who}, which no program {side.does}{' there' if far else ''} and 'topics' does not name."
    meant = f"If that is meant, add it: topics: {{{ref.topic}: {{}}}}."
    mistakes.add(ref.place, what, f"{far} {meant}" if far else near or meant)


def _check_topics(pipeline: Pipeline, mistakes: Mistakes) -> None:
    # A handler may say its topics where they cannot be read without running it.
    unseen = any(not (program.reads or program.writes) for program in pipeline.programs.values())
    named = {ref.topic for program in pipeline.programs.values() for ref in (*program.reads, *program.writes)}
    used = named - pipeline.topics.keys()
    for topic in pipeline.topics.values():
        if topic.name not in named and not unseen:
            what = f"No program reads or writes the topic {topic.name!r}."
            mistakes.add(topic.place, what, mistakes.near(topic.name, used) or "Take it away.")


def _check_workers(program: Program, pipeline: Pipeline, mistakes: Mistakes) -> None:
    if program.workers == 1:
        return
    if not program.reads:
        what = f"The program {program.name!r} reads nothing that its {program.workers} workers could share."
        mistakes.add(program.workers_place, what, "Take 'workers' away, or each does all of it.")
        return
    partitions = sum(pipeline.partitions(stream) or 1 for stream in pipeline.read_by(program))
    if program.workers > partitions:
        many = f"{partitions} partition{'s' if partitions > 1 else ''}"
        what = f"The program {program.name!r} has {program.workers} workers for {many}."
        idle = program.workers - partitions
        fix = f"{idle} would have nothing to do: raise 'partitions', or lower 'workers'."
        mistakes.add(program.workers_place, what, fix)


def _check_cycles(pipeline: Pipeline, mistakes: Mistakes) -> None:
    for ring in cycles(followers(pipeline)):
        way = " → ".join([*ring, ring[0]])
        last = pipeline.programs[ring[-1]]
        place = last.place
        if len(ring) == 1 and all(ref.place == last.run_place for ref in last.reads):
            # A whole App, whose own handlers read what its others write.
            continue
        mistakes.add(place, f"Records go round: {way}.", "If that is meant, say cycles: true.")
