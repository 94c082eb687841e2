"""A topic's id, as the client library gives it."""

import base64

from confluent_kafka import Uuid


def topic_id_bytes(topic_id: Uuid) -> bytes:
    """The 16 bytes of a topic's id; its text is base64 of the standard alphabet, unlike Kafka's own."""
    text = str(topic_id)
    return base64.b64decode(text + "=" * (-len(text) % 4))
