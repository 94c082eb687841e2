"""Whether the topics that a service reads were made again: asked seldom, and waited for never."""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future

from confluent_kafka import TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._topic import TopicDescription

from tailrace.kafka.topic_ids import topic_id_bytes

LOOK_SECONDS = 5.0
ANSWER_SECONDS = 10.0


class TopicLooks:
    """Remembers which topics the names mean. A consumer that knew the old one never reads the new one.

    Why that is so stands at `TopicTags`.
    """

    def __init__(self, admin: Callable[[], AdminClient], topics: Collection[str]) -> None:
        self._admin = admin
        self._topics = list(topics)
        self._ids: dict[str, bytes] = {}
        self._asked: Mapping[str, Future[TopicDescription]] = {}
        self._look_at = 0.0

    def made_again(self, now: float) -> set[str]:
        """The topics that are other ones than at the look before."""
        if not all(future.done() for future in self._asked.values()):
            return set()
        asked, self._asked = self._asked, {}
        found = {name for name, future in asked.items() if self._is_another(name, future)}
        if now >= self._look_at:
            self._look_at = now + LOOK_SECONDS
            names = TopicCollection(self._topics)
            self._asked = self._admin().describe_topics(names, request_timeout=ANSWER_SECONDS)
        return found

    def _is_another(self, name: str, asked: "Future[TopicDescription]") -> bool:
        if asked.exception() is not None:
            # Not there at present, or no broker answers.
            return False
        told = topic_id_bytes(asked.result().topic_id)
        known, self._ids[name] = self._ids.get(name, told), told
        return known != told
