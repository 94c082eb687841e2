"""Topics as `--topic` and TAILRACE_TOPICS name them: NAME[:PARTITIONS[:REPLICAS[:CLEANUP]]]."""

from collections.abc import Sequence

import click

from tailrace.core.cursors import valid_topic_name
from tailrace.core.ports import NewTopic

CLEANUPS = ("delete", "compact", "compact,delete", "delete,compact")


def parse_topics(given: Sequence[str], variable: str) -> list[NewTopic]:
    """Those of the options and of the environment variable's value, which is comma-separated."""
    from_variable = [part.strip() for part in variable.split(",") if part.strip()]
    return list({topic.name: topic for topic in map(parse_topic, [*from_variable, *given])}.values())


def parse_topic(text: str) -> NewTopic:
    """One of them; empty parts are the broker's defaults."""
    name, *rest = text.split(":")
    if not valid_topic_name(name) or len(rest) > 3:
        raise click.UsageError(f"A topic is NAME[:PARTITIONS[:REPLICAS[:CLEANUP]]], not {text!r}.")
    partitions, replicas, cleanup = [*rest, "", "", ""][:3]
    if cleanup and cleanup not in CLEANUPS:
        raise click.UsageError(f"A topic's clean-up is delete or compact, not {cleanup!r} in {text!r}.")
    config = {"cleanup.policy": cleanup} if cleanup else {}
    return NewTopic(name, _number(partitions, text), _number(replicas, text), config)


def _number(given: str, text: str) -> int | None:
    if not given:
        return None
    if not given.isdecimal() or int(given) < 1:
        raise click.UsageError(f"{given!r} in {text!r} is no number of partitions or replicas.")
    return int(given)
