"""Which topic a name means, as the brokers said last."""

from collections import OrderedDict
from collections.abc import Mapping

# Of more topics than this the one asked about longest ago is forgotten.
MOST_TOPICS = 100_000
# A client that has met more is replaced, too: topics come and go, and it forgets none.
MOST_KNOWN = 20_000


class TopicTags:
    """The tags of topics, for clients that know a topic by its name only.

    librdkafka keeps the highest leader epoch of a name and ignores all that is told of a lower one. A topic
    that is made again begins with a lower one: a client that knew the old topic never reads the new one.
    """

    def __init__(self) -> None:
        self._tags: OrderedDict[str, str] = OrderedDict()

    def note(self, topic: str, tag: str) -> None:
        """The topic has this tag now."""
        self._tags[topic] = tag
        self._tags.move_to_end(topic)
        if len(self._tags) > MOST_TOPICS:
            self._tags.popitem(last=False)

    def get(self, topic: str) -> str:
        """The topic's tag; empty if it was not described."""
        return self._tags.get(topic, "")


def outdated(known: Mapping[str, str], topic: str, tag: str) -> bool:
    """Whether a client that knows these topics by their tags knows another one by the name, or too many."""
    return len(known) >= MOST_KNOWN or (bool(tag) and known.get(topic, tag) != tag)
