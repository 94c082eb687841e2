"""Settings of Kafka in a pipeline's file, of clients and of topics: mistakes are told where they stand."""

from collections.abc import Iterable, Mapping

from tailrace.core.errors import ConfigurationError
from tailrace.pipelines.fields import Fields

_GROUP_NAMES = ("group_id", "group.id")
_GROUP_FIX = "A program says its group by its key 'group'."


def client_settings(fields: Fields, broker: str, defaults: Mapping[str, object]) -> Mapping[str, object]:
    """Those under `kafka`, with the defaults of the file; the defaults alone where they are wrong."""
    given = fields.settings("kafka")
    if not given:
        return defaults
    for name in _GROUP_NAMES:
        if name in given:
            # Programs of one group would share the records of a topic that each is to get all of.
            fields.mistake(
                fields.below("kafka", name), f"{fields.what} has {name!r} under 'kafka'.", _GROUP_FIX
            )
    return (
        {**defaults, **given}
        if _taken(fields, given, {**defaults, "bootstrap_servers": broker})
        else defaults
    )


def topic_settings(fields: Fields) -> Mapping[str, str]:
    """Those under `config`, as the texts that Kafka takes."""
    given = fields.settings("config")
    if given:
        _check_names(fields, given)
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in given.items()
    }


def _check_names(fields: Fields, given: Iterable[str]) -> None:
    from tailrace.kafka.admin_config import TOPIC_CONFIGS  # noqa: PLC0415  # likewise
    from tailrace.kafka.settings import nearest  # noqa: PLC0415  # likewise

    # Those of other makers, such as redpanda.remote.read, begin with the maker's name.
    begins = {name.partition(".")[0] for name in TOPIC_CONFIGS}
    for name in given:
        first, dot, _ = name.partition(".")
        if name not in TOPIC_CONFIGS and (first in begins or not dot):
            near = nearest(name, TOPIC_CONFIGS)
            fix = f"Did you mean {near!r}?" if near else "Take it away."
            fields.mistake(
                fields.below("config", name), f"Kafka's topics have no setting {name[:80]!r}.", fix
            )


def _taken(fields: Fields, given: Mapping[str, object], others: Mapping[str, object]) -> bool:
    from tailrace.kafka.settings import translate  # noqa: PLC0415  # a file without them needs no Kafka client

    try:
        translate({**others, **given})
    except ConfigurationError as error:
        named = max((name for name in given if name in error.detail), key=len, default="")
        what = f"{error.detail} {error.cause}".rstrip()
        near_group = any(name in error.hint for name in _GROUP_NAMES)
        fix = _GROUP_FIX if near_group else error.hint or "Take it away."
        fields.mistake(fields.below("kafka", named), what, fix)
        return False
    return True
