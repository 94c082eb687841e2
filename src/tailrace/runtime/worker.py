"""One worker: `python -m tailrace.runtime.worker --spec-fd N --status-fd M`, or within `tailrace run`."""

import argparse
import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import FrameType

import uvloop

from tailrace.core.errors import ConfigurationError, TailraceError
from tailrace.core.garbage import collect_seldom
from tailrace.kafka.services import KafkaServices
from tailrace.kafka.settings import ClientSettings, translate
from tailrace.runtime.declarations import Handler, Program, Task, is_async
from tailrace.runtime.plan import describe
from tailrace.runtime.reporting import Reporter
from tailrace.runtime.seam import Tell, serve_spec
from tailrace.runtime.service import COMMIT_SECONDS, Service
from tailrace.runtime.spec import (
    DONE,
    ECHO_SECONDS,
    WorkerSpec,
    client_name,
)
from tailrace.runtime.targets import Target, adjusted, find

_log = logging.getLogger("tailrace.runtime")

DEFAULT_BROKER = "localhost:9092"
_BROKER_NAMES = frozenset({"bootstrap_servers", "bootstrap.servers", "metadata.broker.list"})
# A stop that takes longer is said.
SLOW_STOP_SECONDS = 1.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """A signal has come while a task ran on the main thread."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def run(spec: WorkerSpec, tell: Tell | None, *, workers: int | None = None) -> int:
    """Run what the spec names to its end, or until a signal; `tell` hears its state.

    Answers the exit code: a task that a signal cut is not done, and has 128 and the signal's number.

    Raises:
        ConfigurationError: it cannot be run as it is said.
        TailraceError: it failed.
    """
    if not isinstance(spec.run, str):
        raise ConfigurationError("A worker of Python runs MODULE:NAME, not a command.")
    target = adjusted(find(spec.run), spec, workers)
    settings = _settings(spec, target)
    programs = [_as_set(one, settings, {**target.app.kafka, **spec.kafka}) for one in target.programs]
    interval = float(str(settings.client.get("auto.commit.interval.ms", COMMIT_SECONDS * 1000))) / 1000
    collect_seldom()
    name = client_name(spec.client_id, target.app.name)
    service = Service(target.app, programs, KafkaServices(settings), name, interval)
    try:
        return _run(service, programs, spec.args, f"{name}: {describe(programs)}", tell)
    except TailraceError:
        raise
    except Exception as error:
        # Of a task or a hook: its own trace is what helps.
        _log.critical("%s failed.", spec.run, exc_info=error)
        raise TailraceError(f"{spec.run} failed.", cause=f"{type(error).__name__}: {error}") from error


def _run(
    service: Service,
    programs: Sequence[Program],
    arguments: list[str],
    what: str,
    tell: Tell | None,
) -> int:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner, Reporter(service, tell) as reporter:
        runner.run(service.start())
        try:
            reporter.begun(what)
            if isinstance(programs[0], Task):
                code = _run_task(runner, service, programs[0], arguments)
                reporter.whole = code == DONE
            else:
                code = runner.run(_serve(service, reporter))
        finally:
            reporter.stopping()
            runner.run(service.finish())
        return code


def _run_task(runner: asyncio.Runner, service: Service, task: Task, arguments: list[str]) -> int:
    if is_async(task.function):
        return runner.run(_until_signal(service, task, arguments))
    before = {number: signal.signal(number, _interrupt) for number in _SIGNALS}
    try:
        service.run_task(task, arguments)
    except Interrupted as cut:
        del before[signal.Signals(cut.number)]  # its second one has a meaning of its own
        return _code(cut.number)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return DONE


def _code(signal_number: int) -> int:
    return 128 + signal_number


def _interrupt(number: int, frame: FrameType | None) -> None:
    del frame
    signal.signal(number, _second_signal())
    raise Interrupted(number)


async def _until_signal(service: Service, task: Task, arguments: list[str]) -> int:
    running = asyncio.ensure_future(service.run_async_task(task, arguments))
    came: list[int] = []

    def on_signal(number: int) -> None:
        came.append(number)
        running.cancel()

    _on_signals(on_signal)
    try:
        await running
    except asyncio.CancelledError:
        if not came:
            raise TailraceError("The task was cancelled by its own code.") from None
        return _code(came[0])
    return DONE


async def _serve(service: Service, reporter: Reporter) -> int:
    stop = asyncio.Event()
    slow: list[asyncio.TimerHandle] = []

    def on_signal(_: int) -> None:
        reporter.stopping()
        stop.set()
        slow.append(asyncio.get_running_loop().call_later(SLOW_STOP_SECONDS, _say_slow_stop))

    _on_signals(on_signal)
    await service.serve(stop)
    for timer in slow:
        timer.cancel()
    return DONE


def _say_slow_stop() -> None:
    _log.info("It stops once the records in hand are done; a second signal does not wait for them.")


def _on_signals(first: Callable[[int], object]) -> None:
    """The first signal asks for the end; a second one does not wait for it."""
    loop = asyncio.get_running_loop()
    came: set[int] = set()

    def come(number: int) -> None:
        # The loop goes on to tell of it: with its own handler removed, an echo might end the process.
        if number not in came:
            came.add(number)
            signal.signal(number, _second_signal())
            first(number)

    for number in _SIGNALS:
        loop.add_signal_handler(number, come, number)


def _second_signal() -> Callable[[int, FrameType | None], None]:
    """Ends the process by the signal, unless it is an echo of the first."""
    not_before = time.monotonic() + ECHO_SECONDS

    def come(number: int, frame: FrameType | None) -> None:
        del frame
        if time.monotonic() >= not_before:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    return come


def _settings(spec: WorkerSpec, target: Target) -> ClientSettings:
    given = {**target.app.kafka, **spec.kafka}
    broker = spec.broker or os.environ.get("TAILRACE_BROKER") or ""
    if broker:
        # Whoever runs the program knows better than its module.
        given = {name: value for name, value in given.items() if name not in _BROKER_NAMES}
    if not _BROKER_NAMES & given.keys():
        given["bootstrap_servers"] = broker or target.app.broker or DEFAULT_BROKER
    return translate(given)


def _as_set(program: Program, settings: ClientSettings, given: dict[str, object]) -> Program:
    """A handler with what client settings of other clients' names say about groups and starts."""
    if not isinstance(program, Handler):
        return program
    if settings.group:
        program = replace(program, group=settings.group)
    if "auto_offset_reset" in given and settings.start in {"earliest", "latest"}:
        program = replace(program, start=settings.start)  # type: ignore[arg-type]  # it is one of the two
    return program if settings.auto_commit else replace(program, commit="explicit")


def main(arguments: list[str]) -> int:
    """Run the worker that a spec on a descriptor names; answers the exit code."""
    # What a program prints is seen when it prints it, through a pipe too.
    sys.stdout.reconfigure(line_buffering=True, write_through=False)  # type: ignore[union-attr]  # it is a text stream
    parser = argparse.ArgumentParser(prog="python -m tailrace.runtime.worker", description=__doc__)
    return serve_spec(parser, arguments, lambda spec, _, tell: run(spec, tell))


if __name__ == "__main__":
    # What the program has registered for its exit has its turn: log handlers that still hold lines, for one.
    sys.exit(main(sys.argv[1:]))
