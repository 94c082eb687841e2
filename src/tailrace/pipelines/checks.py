"""What is wrong with a pipeline as a whole: topics that nobody writes, rings, idle workers, wrong targets."""

import os
import re
import shutil
import sys
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from tailrace.pipelines.graph import cycles, followers
from tailrace.pipelines.mistakes import Mistakes
from tailrace.pipelines.model import Command, Pipeline, Program, Ref, Target
from tailrace.pipelines.sources import Source, find_source

# What takes a script's path as its first argument.
_INTERPRETER = re.compile(r"(python|pypy)[0-9.]*|(ba|z|da|k)?sh|node|ruby|perl|Rscript")
_SCRIPTS = (".py", ".sh", ".js", ".mjs", ".rb", ".pl", ".R")


def check(pipeline: Pipeline, mistakes: Mistakes, *, check_runs: bool = True) -> Pipeline:
    """Look at the whole; answers it with what decorators say of topics filled in."""
    # Where it does not matter what is run, decorators are still read if their modules are there.
    runs = mistakes if check_runs else Mistakes()
    programs = {name: _with_run(program, pipeline, runs) for name, program in pipeline.programs.items()}
    whole = replace(pipeline, programs=programs)
    written = {topic for topic in whole.topic_names() if topic in whole.topics or whole.writers(topic)}
    read = {topic for topic in whole.topic_names() if topic in whole.topics or whole.readers(topic)}
    for program in programs.values():
        _check_reads(program, written, whole, mistakes)
        _check_writes(program, read, whole, mistakes)
        _check_workers(program, whole, mistakes)
    _check_topics(whole, mistakes)
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
    return _with_decorators(program, source, target)


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


def _check_reads(program: Program, known: Collection[str], pipeline: Pipeline, mistakes: Mistakes) -> None:
    for ref in program.reads:
        if ref.topic not in known:
            _one_sided(ref, f"The program {program.name!r} reads", "writes", known, pipeline, mistakes)


def _check_writes(program: Program, known: Collection[str], pipeline: Pipeline, mistakes: Mistakes) -> None:
    for ref in program.writes:
        if ref.topic not in known:
            _one_sided(ref, f"The program {program.name!r} writes", "reads", known, pipeline, mistakes)


def _one_sided(
    ref: Ref, who: str, does: str, known: Collection[str], pipeline: Pipeline, mistakes: Mistakes
) -> None:
    near = mistakes.near(ref.topic, known)
    if pipeline.flat:
        # This form has no list of topics in which to say that others use one.
        mistakes.add(ref.place, f"No program {does} {ref.topic!r}.", near or "Others may.", remark=True)
        return
    what = f"{who} {ref.topic!r}, which no program {does} and 'topics' does not name."
    mistakes.add(ref.place, what, near or f"If that is meant, add it: topics: {{{ref.topic}: {{}}}}.")


def _check_topics(pipeline: Pipeline, mistakes: Mistakes) -> None:
    # A handler may say its topics where they cannot be read without running it.
    unseen = any(not (program.reads or program.writes) for program in pipeline.programs.values())
    used = {name for name in pipeline.topic_names() if name not in pipeline.topics}
    for topic in pipeline.topics.values():
        if not pipeline.readers(topic.name) and not pipeline.writers(topic.name) and not unseen:
            what = f"No program reads or writes the topic {topic.name!r}."
            mistakes.add(topic.place, what, mistakes.near(topic.name, used) or "Take it away.")


def _check_workers(program: Program, pipeline: Pipeline, mistakes: Mistakes) -> None:
    if program.workers == 1:
        return
    if not program.reads:
        what = f"The program {program.name!r} reads nothing that its {program.workers} workers could share."
        mistakes.add(program.workers_place, what, "Take 'workers' away, or each does all of it.")
        return
    partitions = sum(pipeline.partitions(topic) or 1 for topic in program.read_topics)
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
