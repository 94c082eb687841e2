"""One worker of a command: `python -m tailrace.pipelines.command_worker --spec-fd N --status-fd M`."""

import argparse
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial

import msgspec

from tailrace.core.errors import ConfigurationError, TailraceError
from tailrace.kafka.services import KafkaServices
from tailrace.kafka.settings import translate
from tailrace.pipelines.command_step import LOOK_SECONDS, CommandStep
from tailrace.pipelines.conversation import CommandFailed, Conversation
from tailrace.pipelines.lines import json_results, text_results
from tailrace.pipelines.model import Answers
from tailrace.runtime.member import Member
from tailrace.runtime.sending import LateSender
from tailrace.runtime.service import COMMIT_SECONDS
from tailrace.runtime.spec import (
    DONE,
    FAILED,
    STATUS_SECONDS,
    WRONG_USAGE,
    State,
    Status,
    WorkerSpec,
    read_spec,
    status_line,
)
from tailrace.telemetry.logs import configure_logs

SETTLE_SECONDS = 30.0
STOP_SECONDS = 30.0

Tell = Callable[[Status], None]


class CommandWorker:
    """Runs a command beside its Kafka clients, until it ends, fails, or a signal comes."""

    def __init__(self, spec: WorkerSpec, answers: Answers, tell: Tell) -> None:
        self._spec = spec
        self._many = answers is Answers.MANY
        self._tell = tell
        settings = translate({**spec.kafka, "bootstrap_servers": spec.broker})
        self._interval = (
            float(str(settings.client.get("auto.commit.interval.ms", COMMIT_SECONDS * 1000))) / 1000
        )
        self._services = KafkaServices(settings)
        self._sender = LateSender(partial(self._services.sender, spec.client_id))
        self._failure: TailraceError | None = None
        self._stop = threading.Event()

    def run(self) -> None:
        """To the end.

        Raises:
            TailraceError: the command or Kafka fails.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self._stop.set())
        try:
            self._follow() if self._spec.reads else self._gather()
        finally:
            self._sender.close()

    # --- a command that reads ---

    def _follow(self) -> None:
        talk = Conversation(self._spec.run)
        text, many = self._spec.format == "text", self._many
        step = CommandStep(talk, self._spec.writes, self._sender, text=text, many=many)
        reader = partial(
            self._services.reader,
            self._spec.reads,
            self._spec.group or None,
            self._spec.start or "earliest",
            self._spec.client_id,
        )
        member = Member(
            self._spec.client_id,
            reader,
            step,
            self._sender,
            commit_seconds=self._interval,
            on_failed=self._on_failed,
        )
        member.start()
        self._watch(member, talk)
        self._say("stopping", member.records)
        died = not talk.alive
        member.close()
        member.join(time.monotonic() + STOP_SECONDS)
        if self._failure or died:
            # What was asked when it died says more than that it did.
            raise self._failure or talk.ending()
        code = talk.finish()
        if code:
            raise CommandFailed(f"{self._spec.run[0]} ended with exit code {code} when its input had ended.")
        self._say("done", member.records)

    def _watch(self, member: Member, talk: Conversation) -> None:
        while not member.ready:
            if self._stop.wait(LOOK_SECONDS / 5) or not talk.alive:
                return
        self._say("ready", member.records)
        told_at = time.monotonic()
        while talk.alive and not self._stop.wait(LOOK_SECONDS):
            if time.monotonic() - told_at > STATUS_SECONDS:
                told_at = time.monotonic()
                self._say("running", member.records)

    def _on_failed(self, error: TailraceError) -> None:
        self._failure = self._failure or error
        self._stop.set()

    # --- a command that only writes ---

    def _gather(self) -> None:
        talk = Conversation(self._spec.run, asked=False)
        self._say("ready", 0)
        told_at = time.monotonic()
        while not (talk.ended or self._stop.is_set()):
            talk.turn(LOOK_SECONDS)
            self._take(talk)
            if time.monotonic() - told_at > STATUS_SECONDS:
                told_at = time.monotonic()
                self._say("running", 0)
        code = talk.terminate() if self._stop.is_set() else talk.finish()
        self._take(talk)
        if not self._sender.settle(SETTLE_SECONDS):
            raise TailraceError("The last records were not stored in time.", hint="Check the brokers.")
        if code and not self._stop.is_set():
            raise CommandFailed(f"{self._spec.run[0]} ended with exit code {code}.")
        # One that was told to end has more to print when it is started again.
        self._say("stopping" if self._stop.is_set() else "done", 0)

    def _take(self, talk: Conversation) -> None:
        read = text_results if self._spec.format == "text" else json_results
        while (line := talk.take()) is not None:
            for topic, record in read(line, self._spec.writes):
                for one in (topic,) if topic else self._spec.writes:
                    self._sender.send(
                        one, record.value, record.key, record.partition, record.timestamp, record.headers
                    )

    def _say(self, state: State, records: int) -> None:
        error = str(self._failure) if self._failure else None
        self._tell(Status(state, records, self._sender.sent, error))


def main(arguments: list[str]) -> int:
    """Run the worker that a spec on a descriptor names; answers the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tailrace.pipelines.command_worker", description=__doc__)
    parser.add_argument("--answers", type=Answers, default=Answers.ONE)
    parser.add_argument("--spec-fd", type=int, required=True)
    parser.add_argument("--status-fd", type=int, required=True)
    given = parser.parse_args(arguments)
    configure_logs("text")
    with os.fdopen(given.spec_fd, "rb") as stream:
        document = stream.read()
    # The command must not hold our end of it open.
    os.set_inheritable(given.status_fd, False)  # noqa: FBT003  # the library's own

    def tell(status: Status) -> None:
        try:
            os.write(given.status_fd, status_line(status))
        except BrokenPipeError:
            # Whoever started us is gone: nobody would stop us.
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        CommandWorker(read_spec(document), given.answers, tell).run()
    except msgspec.DecodeError as error:
        return _failed(tell, ConfigurationError("The worker's spec cannot be read.", cause=str(error)))
    except TailraceError as error:
        return _failed(tell, error)
    except OSError as error:
        return _failed(tell, ConfigurationError(f"The command cannot be started: {error}."))
    return DONE


def _failed(tell: Tell, error: TailraceError) -> int:
    for line in filter(None, (error.detail, error.cause, error.hint)):
        sys.stderr.write(f"{line}\n")
    tell(Status("failed", error=str(error)))
    return WRONG_USAGE if isinstance(error, ConfigurationError) else FAILED


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    # Nothing is left to do; taking Kafka's client apart would take up to a second.
    os._exit(code)
