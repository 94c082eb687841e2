"""What becomes of the topics that a scan follows: they grow, and are made again."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Future

from confluent_kafka.admin._topic import TopicDescription

from tailrace.core.errors import BrokerUnavailable, TailraceError
from tailrace.core.ports import TopicInfo
from tailrace.core.scans import Waiting
from tailrace.kafka.scan_places import Questions

# A topic made again is longer than the place in the old one soon; until then nothing of it is read unnoticed.
LOOK_SECONDS = 1.0


class TopicChanges:
    """Asks once a second what the topics are, and goes on without waiting for the answer."""

    def __init__(self, questions: Questions, topics: Mapping[str, TopicInfo]) -> None:
        self._questions = questions
        self._topics = dict(topics)
        self._asked: Mapping[str, Future[TopicDescription]] = {}
        self._look_at = 0.0

    def since(self, now: float) -> Iterator[TopicInfo | Waiting]:
        """The topics that changed since the last call, as they are now; Waiting where nobody can say it."""
        if not all(future.done() for future in self._asked.values()):
            return
        asked, self._asked = self._asked, {}
        for name, future in asked.items():
            try:
                topic = self._questions.info(name, future)
            except BrokerUnavailable:
                # Brokers that are away look like quiet topics otherwise.
                yield Waiting("no broker answers")
                continue
            except TailraceError:
                # Deleted, which its reader is told.
                continue
            if topic != self._topics[name]:
                self._topics[name] = topic
                yield topic
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            self._asked = self._questions.ask(list(self._topics))
