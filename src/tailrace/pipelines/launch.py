"""How a worker's process is started: its command, its environment, and what it is told."""

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from tailrace.core.groups import StartAt
from tailrace.pipelines.checks import search_path
from tailrace.pipelines.model import Command, Pipeline, Program, Speaks
from tailrace.runtime.spec import WorkerSpec
from tailrace.runtime.values import Format

PYTHON_WORKER = "tailrace.runtime.worker"
COMMAND_WORKER = "tailrace.pipelines.command_worker"
GUARD = str(Path(__file__).with_name("guard.py"))
# A member that was killed is missed after 6 s; by Kafka's default its partitions would be held for 45 s. A
# heartbeat brings the news that another has come: workers that start one after another share sooner.
# Commits each second keep the lag that is shown true, and little is handled again after a kill.
MEMBER = {"session.timeout.ms": 6_000, "heartbeat.interval.ms": 300, "auto.commit.interval.ms": 1_000}


@dataclass(frozen=True, slots=True)
class Launch:
    """One process to start; `spec` None is a command that is started as it is."""

    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str]
    spec: bytes | None


def launch(program: Program, index: int, pipeline: Pipeline) -> Launch:
    """The process of one worker of a program."""
    environ = {
        **os.environ,
        "PATH": search_path(),
        # A line is shown, and an answer is known, when it is written, not when some kilobytes are.
        "PYTHONUNBUFFERED": "1",
        "TAILRACE_PIPELINE": str(pipeline.file.absolute()),
        "TAILRACE_PROGRAM": program.name,
    }
    run, cwd = program.run, str(pipeline.folder)
    if isinstance(run, Command) and run.speaks is Speaks.KAFKA:
        environ["TAILRACE_BROKER"] = program.broker
        # It needs no packages, and without them it starts in a fifth of the time.
        guard = (sys.executable, "-S", "-E", GUARD, str(os.getpid()))
        return Launch((*guard, *run.argv, *program.args), cwd, environ, None)
    module = COMMAND_WORKER if isinstance(run, Command) else PYTHON_WORKER
    more = ("--answers", run.answers.value) if isinstance(run, Command) else ()
    return Launch(
        (sys.executable, "-m", module, *more),
        cwd,
        environ,
        msgspec.json.encode(spec(program, index, pipeline)),
    )


def spec(program: Program, index: int, pipeline: Pipeline) -> WorkerSpec:
    """What a worker is told."""
    run = program.run
    return WorkerSpec(
        run=[*run.argv, *program.args] if isinstance(run, Command) else str(run),
        reads=list(program.read_topics) if program.says("from") else [],
        writes=list(program.written_topics) if program.says("to") else [],
        broker=program.broker,
        kafka=_settings(program),
        group=program.group if program.says("group") else msgspec.UNSET,
        client_id=f"{program.name}-{index}",
        start=_start(program) if program.says("start") else None,
        args=[] if isinstance(run, Command) else list(program.args),
        format=_format(program) if program.says("format") else None,
        program=program.name,
        usage=_usage(program, pipeline),
    )


def _usage(program: Program, pipeline: Pipeline) -> str:
    """Words after -- are for the one program that reads nothing; of several it has to be named."""
    sole = all(one.reads or one is program for one in pipeline.programs.values())
    return f"tailrace run {shlex.quote(str(pipeline.file))}" + ("" if sole else f" {program.name}")


def _start(program: Program) -> StartAt:
    return "latest" if program.start == "latest" else "earliest"


def _format(program: Program) -> Format:
    return "text" if program.format == "text" else "json"


def _settings(program: Program) -> dict[str, object]:
    given = {name.replace("_", ".") for name in program.kafka}
    ours = {} if "group.protocol" in given else {n: v for n, v in MEMBER.items() if n not in given}
    return {**ours, **program.kafka}
