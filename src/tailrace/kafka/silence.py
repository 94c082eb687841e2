"""Why brokers are silent: a client that cannot log in tries again and again, and its questions time out."""

import threading
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from tailrace.core.errors import BrokerUnavailable, TailraceError
from tailrace.kafka.connection import asking_settings
from tailrace.kafka.errors import explain, tells_why

# A refused login is told after 0.3 to 0.5 s, and the second address of a name is tried 0.1 s later.
LISTEN_SECONDS = 1.5
_POLL_SECONDS = 0.05
# Many questions fail at once; one client that listens does for all of them.
REMEMBERED_SECONDS = 5.0

# A broker that wants more than it got hangs up without a word, and librdkafka tells no reason then.
_HUNG_UP = KafkaError(
    KafkaError._TRANSPORT, "Connections are made and closed at once: the broker may want TLS or a login"
)


class Silence:
    """Finds out why no broker answered, by a client that does nothing but connect.

    The asking clients cannot say it: what they are told waits until they are polled, 20 errors a second
    that would pile up while nobody asks anything.
    """

    def __init__(self, client: Mapping[str, Any]) -> None:
        self._client = client
        self._told: KafkaError | None = None
        self._remembered_until = 0.0
        self._lock = threading.Lock()

    def explained(self, error: TailraceError) -> TailraceError:
        """The error with the reason that a new connection is told; the same if it is told none."""
        if isinstance(error, BrokerUnavailable) and (told := self._reason()):
            explain(error, told)
        return error

    def _reason(self) -> KafkaError | None:
        with self._lock:
            if time.monotonic() >= self._remembered_until:
                self._told = _listen(self._client)
                self._remembered_until = time.monotonic() + REMEMBERED_SECONDS
            return self._told


def _listen(client: Mapping[str, Any]) -> KafkaError | None:
    """What the brokers refuse a connection for, or else why there is none; None if they answer."""
    told: list[KafkaError] = []
    try:
        admin = AdminClient(asking_settings({**client, "error_cb": told.append}))
    except KafkaException as error:
        return error.args[0]  # type: ignore[no-any-return]  # it is a KafkaError
    answer = admin.describe_cluster(request_timeout=LISTEN_SECONDS)
    deadline = time.monotonic() + LISTEN_SECONDS
    while not answer.done() and not any(map(tells_why, told)) and time.monotonic() < deadline:
        admin.poll(_POLL_SECONDS)
    if answer.done() and answer.exception() is None:
        return None
    reasons = [error for error in told if error.code() != KafkaError._ALL_BROKERS_DOWN]
    return next(filter(tells_why, reasons), reasons[0] if reasons else _HUNG_UP if told else None)
