"""`tailrace run FILE`: a pipeline, or the named programs of it."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from tailrace.cli.group import DONE
from tailrace.cli.output import note
from tailrace.pipelines.console import Console, Plain, Terminal
from tailrace.pipelines.drawing_text import draw
from tailrace.pipelines.loading import load, no_program
from tailrace.pipelines.making import make_topics
from tailrace.pipelines.mistakes import Mistake, WrongPipeline
from tailrace.pipelines.model import Pipeline, Program
from tailrace.pipelines.supervision import Supervisor


def run_pipeline(
    file: Path,
    names: Sequence[str],
    *,
    workers: int | None,
    client_id: str,
    runs: Sequence[str],
    arguments: Sequence[str],
    broker: str,
    kafka: Mapping[str, Any],
) -> int:
    """Run the programs of a file until a signal; answers the exit code.

    Raises:
        TailraceError: the file has mistakes, no broker answers, or a program has died too often.
    """
    if client_id:
        raise click.UsageError(
            "--client-id is for MODULE:NAME; a pipeline's workers are named PROGRAM-NUMBER."
        )
    try:
        pipeline, remarks = load(file, _pairs(runs), broker=broker)
    except WrongPipeline as wrong:
        _say(file, wrong.mistakes)
        raise
    _say(file, remarks)
    pipeline = _adjusted(pipeline, names, workers, arguments, kafka)
    chosen = _chosen(pipeline, names)
    partitions = make_topics(pipeline, chosen, note)
    started = [program for program in chosen if program.run]
    if not started:
        # Scripts that are started by hand, with `tailrace.program`.
        sys.stdout.write(draw(pipeline))
        note("Nothing says what to run: add RUN to programs, or give --run NAME='COMMAND'.")
        return DONE
    outputs = _outputs(pipeline)
    console = Console(Terminal() if sys.stdout.isatty() else Plain())
    if outputs:
        console.note(f"What programs print is kept in {outputs}.")
    try:
        return asyncio.run(Supervisor(pipeline, started, partitions, console, outputs).run())
    finally:
        console.close()


def _adjusted(
    pipeline: Pipeline,
    names: Sequence[str],
    workers: int | None,
    arguments: Sequence[str],
    kafka: Mapping[str, Any],
) -> Pipeline:
    """The pipeline with what the command line says in place of the file's words."""
    chosen = _chosen(pipeline, names)
    changed = dict(pipeline.programs)
    if workers:
        reading = [program for program in chosen if program.reads]
        if not names or not reading:
            raise click.UsageError(
                "--workers is for programs that read: name them, as in `run FILE two --workers 3`."
            )
        changed |= {program.name: replace(program, workers=workers) for program in reading}
    if arguments:
        program = _sole_task(chosen)
        changed[program.name] = replace(changed[program.name], args=tuple(arguments))
    return replace(
        pipeline,
        programs={name: replace(one, kafka={**kafka, **one.kafka}) for name, one in changed.items()},
    )


def _chosen(pipeline: Pipeline, names: Sequence[str]) -> Sequence[Program]:
    for name in names:
        if name not in pipeline.programs:
            raise no_program(name, pipeline)
    return [program for program in pipeline.programs.values() if not names or program.name in names]


def _sole_task(chosen: Sequence[Program]) -> Program:
    """Whom the words after -- are for: the one program that reads nothing, or the only one chosen."""
    tasks = [program for program in chosen if not program.reads] if len(chosen) > 1 else chosen
    if len(tasks) != 1:
        raise click.UsageError("Name the program that the words after -- are for: run FILE PROGRAM -- ARGS.")
    return tasks[0]


def _pairs(runs: Sequence[str]) -> Mapping[str, str]:
    pairs = {}
    for one in runs:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise click.UsageError(f"--run takes NAME='COMMAND', not {one!r}.")
        pairs[name] = value
    return pairs


def _outputs(pipeline: Pipeline) -> Path | None:
    """The folder for what programs print; None, with a remark, where none can be made."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    folder = Path(state) / "tailrace" / pipeline.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        note(f"What programs print is not kept: {folder}: {error.strerror}.")
        return None
    return folder


def _say(file: Path, mistakes: Sequence[Mistake]) -> None:
    for mistake in mistakes:
        note(mistake.said(str(file)))
