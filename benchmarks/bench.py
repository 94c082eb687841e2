"""What every measurement stands on: an embedded broker for the session, topics, gateways, paced producers."""

import itertools
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from benchmarks.processes import BenchmarkError, Child, Gateway, Report, build_loadgen, child, module
from tailrace.broker import EmbeddedKafka, install

READ_RECORDS = 1_000_000
ADMIN_SECONDS = 60.0
TOPICS_AT_ONCE = 500
# A broker makes and syncs a folder for each: 10,000 took 24 s and once over a minute.
SECONDS_A_TOPIC = 0.02

T = TypeVar("T")


@dataclass
class Bench:
    """A session of measurements."""

    seconds: float = 5.0
    """How long records flow in one attempt."""
    folder: Path | None = None
    external: str = ""
    """A broker that is there already, instead of the embedded one."""
    _stack: ExitStack = field(default_factory=ExitStack)
    _session: str = field(default_factory=lambda: secrets.token_hex(3))
    _names: Iterator[int] = field(default_factory=itertools.count)
    _kept: dict[str, Any] = field(default_factory=dict)

    def __enter__(self) -> Self:
        build_loadgen()
        self.broker = self.external or self._embedded()
        self._admin = AdminClient({"bootstrap.servers": self.broker, "log_level": 0})
        return self

    def _embedded(self) -> str:
        self.folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="tailrace-bench-")))
        kafka = EmbeddedKafka(install(), self.folder, port=0)
        return self._stack.enter_context(kafka).bootstrap_servers

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def topic(self, partitions: int = 1) -> str:
        """Make a topic that nothing else uses."""
        name = f"bench-{self._session}-{next(self._names)}"
        self.topics([name], partitions)
        return name

    def topics(self, names: list[str], partitions: int = 1) -> None:
        for start in range(0, len(names), TOPICS_AT_ONCE):
            wanted = [NewTopic(name, partitions, 1) for name in names[start : start + TOPICS_AT_ONCE]]
            made = self._admin.create_topics(wanted, request_timeout=ADMIN_SECONDS)
            for future in made.values():
                future.result(ADMIN_SECONDS)
        self._wait_known(set(names))

    def _wait_known(self, names: set[str]) -> None:
        """Wait until brokers tell of topics: the controller answers before they do."""
        deadline = time.monotonic() + ADMIN_SECONDS + SECONDS_A_TOPIC * len(names)
        while missing := names - self._admin.list_topics(timeout=ADMIN_SECONDS).topics.keys():
            if time.monotonic() > deadline:
                raise BenchmarkError(f"the broker does not know {len(missing)} of {len(names)} new topics")
            # The answer is about all topics: asked for without a pause it holds up what is waited for.
            time.sleep(min(1.0, len(names) / 5_000))

    def delete(self, names: list[str]) -> None:
        for start in range(0, len(names), TOPICS_AT_ONCE):
            gone = self._admin.delete_topics(
                names[start : start + TOPICS_AT_ONCE], request_timeout=ADMIN_SECONDS
            )
            for future in gone.values():
                future.result(ADMIN_SECONDS)

    def stored(self, topic: str, partitions: int = 1) -> int:
        """Give how many records a topic holds, asked from the broker and not from who wrote them."""
        consumer = Consumer({"bootstrap.servers": self.broker, "group.id": "benchmark"})
        ends = [
            consumer.get_watermark_offsets(TopicPartition(topic, p), timeout=10) for p in range(partitions)
        ]
        consumer.close()
        return sum(high - low for low, high in ends)

    def log_bytes(self, topic: str) -> int:
        """Give the size of a topic on the embedded broker's disk."""
        if self.folder is None:
            return 0
        return sum(path.stat().st_size for path in self.folder.rglob(f"{topic}-*/*.log"))

    @contextmanager
    def gateway(self, **variables: str) -> Iterator[Gateway]:
        """Run a fresh gateway with settings of its own: what earlier ones left in memory is not seen."""
        gateway = Gateway(self.broker, variables)
        try:
            gateway.wait_ready()
            yield gateway
        finally:
            gateway.close()

    @contextmanager
    def producer(self, topic: str, **options: object) -> Iterator[Child]:
        """Run a producer that is connected and waits for `go()`."""
        with child(module("producer", broker=self.broker, topic=topic, **options)) as producer:
            producer.wait_ready()
            yield producer

    def filled(self, count: int = READ_RECORDS) -> str:
        """Give a topic of `count` records, made once in a session."""

        def fill() -> str:
            topic = self.topic()
            with self.producer(topic, count=count, linger=5) as producer:
                producer.go()
                producer.report(120)
            return topic

        return self.once(f"filled-{count}", fill)

    def raw(self, what: str, topic: str, count: int) -> Report:
        """Measure a raw limit of Kafka in a process of its own."""
        with child(module("raw", what, broker=self.broker, topic=topic, count=count)) as raw:
            return raw.report(300)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Make something once a session: raw limits and filled topics serve several measurements."""
        if name not in self._kept:
            self._kept[name] = make()
        made: T = self._kept[name]
        return made

    def forget(self) -> None:
        """Forget what was measured, so that another run takes its own raw limits; topics and warmth stay."""
        self._kept = {name: kept for name, kept in self._kept.items() if name.startswith(("filled", "warm"))}
