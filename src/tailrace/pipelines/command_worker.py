"""One worker of a command: `python -m tailrace.pipelines.command_worker --spec-fd N --status-fd M`."""

import argparse
import os
import signal
import sys
import threading
import time
from functools import partial

from tailrace.core.errors import ConfigurationError, TailraceError
from tailrace.kafka.services import KafkaServices
from tailrace.kafka.settings import translate
from tailrace.pipelines.command_step import LOOK_SECONDS, CommandStep
from tailrace.pipelines.conversation import CommandFailed, Conversation
from tailrace.pipelines.lines import json_results, text_results
from tailrace.pipelines.model import Answers
from tailrace.runtime.member import Member
from tailrace.runtime.seam import Tell, serve_spec
from tailrace.runtime.sending import LateSender, not_stored
from tailrace.runtime.service import COMMIT_SECONDS
from tailrace.runtime.spec import (
    DONE,
    STATUS_SECONDS,
    State,
    Status,
    WorkerSpec,
)

SETTLE_SECONDS = 30.0
STOP_SECONDS = 30.0


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
            raise not_stored(self._sender.waiting)
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
    return serve_spec(parser, arguments, _run)


def _run(spec: WorkerSpec, given: argparse.Namespace, tell: Tell) -> int:
    try:
        CommandWorker(spec, given.answers, tell).run()
    except OSError as error:
        raise ConfigurationError(f"The command cannot be started: {error}.") from error
    return DONE


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stderr.flush()
    # Nothing is left to do; taking Kafka's client apart would take up to a second.
    os._exit(code)
