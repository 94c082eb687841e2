"""Settings of Kafka's clients in a pipeline's file: what is wrong with them is told where they stand."""

from collections.abc import Mapping

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
