"""Python's logging into a task's topic: `emit` waits neither for a disk nor for a broker."""

import logging
import os
import sys
import time
import weakref
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tailrace.core.errors import ConfigurationError
from tailrace.shipping.entries import counted, text_entries
from tailrace.shipping.folders import spool_folder
from tailrace.shipping.intake import Intake
from tailrace.shipping.shipper import Shipper
from tailrace.shipping.slots import take_slots
from tailrace.shipping.spool import MOST_BYTES, Spool, checked_bytes
from tailrace.shipping.ways import Way

CLOSE_SECONDS: Final = 5.0
THREAD_SECONDS: Final = 2.0
"""For the sending thread to give up what is under way."""
# What sending says itself would be sent again, without end.
_OWN: Final = ("tailrace.kafka", "tailrace.shipping")

_handlers: "weakref.WeakSet[KafkaHandler]" = weakref.WeakSet()


class KafkaHandler(logging.Handler):
    """Stores each log record as a line of its task: `{"log": "text\\n", "level", "logger", "time"}`.

    Lines wait in memory, then on disk, until Kafka has them; what a process leaves behind is sent when the
    next one of the same task and spool starts. Plain arguments, as `logging.config.dictConfig` gives them.

    Args:
        task: the task's id, and the name of its topic; made with one partition if it is missing.
        broker: brokers, host:port with commas; else TAILRACE_BROKER, else localhost:9092.
        url: a gateway in place of brokers; else TAILRACE_URL, unless a broker is given.
        token: who this is to a gateway; else TAILRACE_TOKEN.
        spool: the folder for lines that wait; else one of the task's in the user's state folder.
        spool_bytes: what it may take; lines beyond that are dropped, counted, and told in the log.
        settings: of the Kafka client, by kafka-python's or librdkafka's names.
        create: make the topic if it is missing.
        close_seconds: how long `flush` and `close` wait at most.
        level: as for every handler.

    Raises:
        ConfigurationError: the arguments cannot be used, or nothing can be written in the folder.
    """

    def __init__(
        self,
        task: str,
        broker: str | None = None,
        *,
        url: str | None = None,
        token: str | None = None,
        spool: str | os.PathLike[str] | None = None,
        spool_bytes: int = MOST_BYTES,
        settings: Mapping[str, object] | None = None,
        create: bool = True,
        close_seconds: float = CLOSE_SECONDS,
        level: int | str = logging.NOTSET,
    ) -> None:
        super().__init__(level)
        self._way = _way(task, broker, url, token, settings)
        self._folder = Path(spool) / task if spool else spool_folder("lines", task)
        self._spool_bytes = checked_bytes(spool_bytes)
        self._create = create
        self._close_seconds = close_seconds
        self._closed = False
        self._late = 0
        self._running: _Running | None = self._start()
        _handlers.add(self)

    @property
    def waiting(self) -> int:
        """How many lines on disk are not stored in Kafka yet."""
        return self._running.shipper.waiting if self._running else 0

    @property
    def missing(self) -> int:
        """How many lines were dropped or lost.

        There was no room, the brokers refused them, the spool's disk lost them, or they came after `close`.
        """
        running = self._running
        return self._late + (running.missing if running else 0)

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line; waits for nothing."""
        if record.name.startswith(_OWN):
            return
        try:
            text = self.format(record)
            fields = {"level": record.levelname, "logger": record.name, "time": _moment(record.created)}
            running = self._running or self._restart()
            for entry in text_entries(int(record.created * 1000), f"{text}\n", fields):
                running.intake.put(entry)
        except Exception:  # noqa: BLE001  # a handler must never raise into the code that logs
            self.handleError(record)

    def flush(self) -> None:
        """Wait until what was logged is on the disk, where a kill leaves it."""
        if self._running:
            self._running.intake.flush(self._close_seconds)

    def close(self) -> None:
        """Give Kafka a moment to take the rest; what it does not take is sent by the next start."""
        with self.lock or nullcontext():
            running, self._running = self._running, None
            self._closed = True
        if running:
            _handlers.discard(self)
            self._late += running.close(self._close_seconds)
        super().close()

    def _start(self) -> "_Running":
        own, left = take_slots(self._folder)
        spool = Spool(own.folder, most_bytes=self._spool_bytes)
        spools = [(Spool(slot.folder, most_bytes=self._spool_bytes), slot) for slot in left]
        for unneeded, slot in [pair for pair in spools if not pair[0].waiting]:
            unneeded.close()
            slot.release()
        spools = [pair for pair in spools if pair[0].waiting]
        shipper = Shipper(self._way, spool, say, slot=own, left=spools, create=self._create)
        _close_with_child()
        return _Running(spool, Intake(spool, say), shipper)

    def _restart(self) -> "_Running":
        """In a forked child: the threads are the parent's."""
        if self._closed:
            self._late += 1
            raise ConfigurationError("This handler is closed, so the line is lost.")
        self._running = self._start()
        return self._running

    def forked(self) -> None:
        """Leave threads, files and lines to the parent; the next line starts anew."""
        running, self._running = self._running, None
        if running:
            running.shipper.leave()
            _left_to_parents.append(running)


@dataclass(frozen=True, slots=True)
class _Running:
    """What one process has."""

    spool: Spool
    intake: Intake
    shipper: Shipper

    @property
    def missing(self) -> int:
        """How many lines were dropped or lost."""
        return self.intake.missing + self.shipper.refused + self.shipper.lost

    def close(self, seconds: float) -> int:
        """End all within about that time; answers how many lines were dropped."""
        deadline = time.monotonic() + seconds
        self.intake.close(seconds)
        self.shipper.drain(deadline - time.monotonic())
        self.shipper.close(THREAD_SECONDS)
        if waiting := self.shipper.waiting:
            say(f"{counted(waiting)} left in {self.spool.folder}, which the task's next start sends")
        if self.missing:
            say(f"{counted(self.missing)} dropped or lost")
        return self.missing


def say(text: str) -> None:
    """Tell people, on standard error: through logging it would come back here."""
    if sys.stderr is not None:
        sys.stderr.write(f"tailrace: {text}\n")


def _way(
    task: str,
    broker: str | None,
    url: str | None,
    token: str | None,
    settings: Mapping[str, object] | None,
) -> Way:
    if url and broker:
        raise ConfigurationError("url and broker exclude each other.", hint="Give one of them.")
    url = url or (None if broker else os.environ.get("TAILRACE_URL"))
    if url:
        from tailrace.client.exchange import Address  # noqa: PLC0415  # one of the two is needed
        from tailrace.shipping.gateway_way import GatewayWay  # noqa: PLC0415  # likewise

        if settings:
            raise ConfigurationError("settings are those of a Kafka client, not of a gateway's.")
        return GatewayWay(Address.parse(url, token or os.environ.get("TAILRACE_TOKEN")), task)
    from tailrace.kafka.settings import translate  # noqa: PLC0415  # likewise
    from tailrace.shipping.broker_way import BrokerWay  # noqa: PLC0415  # likewise

    servers = broker or os.environ.get("TAILRACE_BROKER") or "localhost:9092"
    return BrokerWay(translate({"bootstrap_servers": servers, **(settings or {})}), task)


def _moment(created: float) -> str:
    moment = datetime.fromtimestamp(created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _close_with_child() -> None:
    """A child of multiprocessing ends without Python's own way of closing handlers."""
    multiprocessing = sys.modules.get("multiprocessing")
    if multiprocessing and multiprocessing.parent_process():
        sys.modules["multiprocessing.util"].Finalize(None, _close_all, exitpriority=0)


def _close_all() -> None:
    for handler in list(_handlers):
        handler.close()


def _after_fork() -> None:
    for handler in list(_handlers):
        handler.forked()


# A client of the parent must not be taken apart in a child: it would wait for threads that are not there.
_left_to_parents: "list[_Running]" = []
os.register_at_fork(after_in_child=_after_fork)
