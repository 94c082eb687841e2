"""Whether librdkafka makes clients of settings: it loads keys and looks for mechanisms only then."""

from collections.abc import Mapping

from confluent_kafka import Consumer, KafkaException, Producer

from tailrace.kafka import settings_names as names

# A client for trial connects to nobody, says nothing and calls nobody back.
_LEFT_OUT = frozenset({
    "bootstrap.servers", "metadata.broker.list", "debug", "log_level", "oauth_cb", "stats_cb",
    "statistics.interval.ms",
})  # fmt: skip
# A new client asks for a token at once, and does not end before the answer.
_ENDPOINT = "sasl.oauthbearer.token.endpoint.url"
_NOBODY = "http://127.0.0.1:1/"


def why_refused(client: Mapping[str, object]) -> str:
    """Why librdkafka makes no client with these settings; empty if it makes each kind."""
    quiet = {name: value for name, value in client.items() if name not in _LEFT_OUT}
    if not quiet:
        return ""
    quiet["log_level"] = 0
    if _ENDPOINT in quiet:
        quiet[_ENDPOINT] = _NOBODY
    try:
        Consumer(
            {name: value for name, value in quiet.items() if name not in names.PRODUCER}
            | {"group.id": "tailrace-trial"}
        ).close()
        Producer({name: value for name, value in quiet.items() if name not in names.CONSUMER})
    except KafkaException as error:
        # Behind "Failed to create consumer: ".
        return str(error.args[0].str().partition(": ")[2])
    return ""
