"""What a command is asked and what it answers, as lines; docs/pipelines.md says it for users.

A line is the value of one record as JSON. A line that answers it is one result as JSON: nothing if it is
empty, several if it is a list. A result that is a record's object, with `topic` and `value`, goes to that
topic; so does any object whose `topic` is one of several that the program writes. All else goes to all of
them. With `format: text` lines are values as they are.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from tailrace.core.errors import BadRecord, TooLarge
from tailrace.core.ports import NewRecord
from tailrace.protocol.produce import RecordParser

MAX_RECORD_BYTES = 1024 * 1024 * 1024
"""What Kafka itself refuses says so; this side sets no bound of its own."""
_ENVELOPE = frozenset({
    "topic", "value", "key", "headers", "partition", "timestamp", "key_encoding", "value_encoding", "offset",
})  # fmt: skip
_NOT_JSON = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_parse = RecordParser(MAX_RECORD_BYTES).body
_any = msgspec.json.Decoder(msgspec.Raw).decode
_list = msgspec.json.Decoder(list[msgspec.Raw]).decode
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode


class Result(NamedTuple):
    """A record that a command gave, for one topic, or with None for all; its key None is the record's own."""

    topic: str | None
    record: NewRecord


def json_question(value: bytes | None) -> bytes:
    """A record's value as a line for a command.

    Raises:
        BadRecord: it is no JSON.
    """
    if value is None:
        return b"null\n"
    try:
        _any(value)
        value.decode()
    except _NOT_JSON as error:
        hint = "With format: text a command gets values as they are."
        raise BadRecord("The value is no JSON.", cause=f"{error}.", hint=hint) from None
    # Within JSON a line break stands only between tokens.
    return value.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n"


def text_question(value: bytes | None) -> bytes:
    """A record's value as it is, as a line.

    Raises:
        BadRecord: it has more lines than one.
    """
    if value is not None and b"\n" in value:
        raise BadRecord("The value has several lines.", hint="A command gets one line for each record.")
    return (value or b"") + b"\n"


def json_results(line: bytes, topics: Sequence[str]) -> Sequence[Result]:
    """What a line of JSON stands for.

    Raises:
        BadRecord: it is no JSON, or names a topic that the program does not write.
    """
    line = line.strip()
    if not line:
        return ()
    try:
        if line.startswith(b"["):
            return [_result(bytes(one), topics) for one in _list(line)]
        return [_result(line, topics)]
    except (*_NOT_JSON, TooLarge) as error:
        said = line[:80].decode(errors="replace")
        hint = "Print one JSON value a line; what is for people goes to standard error."
        raise BadRecord(f"The answer {said!r} is no JSON.", cause=f"{error}.", hint=hint) from None


def text_results(line: bytes, topics: Sequence[str]) -> Sequence[Result]:
    """A line as it is; an empty one is nothing."""
    del topics
    return [Result(None, NewRecord(line))] if line else ()


def _result(value: bytes, topics: Sequence[str]) -> Result:
    _any(value)
    if not value.startswith(b"{") or b'"topic"' not in value:
        return Result(None, NewRecord(value))
    members = _object(value)
    topic = _named(members)
    if topic is None:
        return Result(None, NewRecord(value))
    whole = "value" in members and members.keys() <= _ENVELOPE
    if topic in topics and (whole or len(topics) > 1):
        return Result(topic, _record(value) if whole else NewRecord(value))
    if whole or len(topics) > 1:
        raise BadRecord(
            f"The answer is for the topic {topic[:249]!r}, which this program does not write.",
            hint=f'It writes {", ".join(topics)}. A topic of the value\'s own stands within "value".',
        )
    return Result(None, NewRecord(value))


def _named(members: dict[str, msgspec.Raw]) -> str | None:
    try:
        return _text(members["topic"])
    except (KeyError, msgspec.MsgspecError):
        return None


def _record(value: bytes) -> NewRecord:
    parsed = _parse(value)
    assert isinstance(parsed, NewRecord)
    return parsed
