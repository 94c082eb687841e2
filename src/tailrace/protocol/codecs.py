"""Records to bytes: values that are JSON are spliced into the envelope, never parsed into other numbers.

A batch is encoded in one pass; only when its result shows that something unusual is in it (bytes that
are no UTF-8, line breaks between tokens, nulls, text) are its records looked at one by one.
"""

import base64
from collections import deque
from collections.abc import Callable, Sequence
from itertools import accumulate

import msgspec

from tailrace.core.records import Chunk, Headers, Run

_is_json: Callable[[bytes], object] = msgspec.json.Decoder(msgspec.Raw).decode
_encode_json = msgspec.json.encode
_BREAKS_TO_SPACES = bytes.maketrans(b"\r\n", b"  ")
# Key bytes that stand in a JSON string as they are.
_PLAIN = bytes(b for b in range(0x20, 0x7F) if b not in b'"\\')
_NOT_JSON = (msgspec.MsgspecError, RecursionError)


def encode_value(value: bytes | None) -> tuple[bytes, bytes]:
    """A value as JSON, and the envelope's `value_encoding` member, which JSON and null go without."""
    if value is None:
        return b"null", b""
    try:
        _is_json(value)
        if not value.isascii():
            value.decode()
    except _NOT_JSON:
        pass
    except UnicodeDecodeError:
        return _base64(value), b',"value_encoding":"base64"'
    else:
        # The JSON value null is not the null of a deleted key; only here the encoding has to be said.
        encoding = b',"value_encoding":"json"' if value.strip() == b"null" else b""
        return value.translate(_BREAKS_TO_SPACES), encoding
    try:
        return _encode_json(value.decode()), b',"value_encoding":"text"'
    except UnicodeDecodeError:
        return _base64(value), b',"value_encoding":"base64"'


def encode_key(key: bytes | None) -> tuple[bytes, bytes]:
    """A key as a JSON string or null, and the envelope's `key_encoding` member (empty for text)."""
    if key is None:
        return b"null", b""
    if not key.translate(None, _PLAIN):
        return b'"%b"' % key, b""
    try:
        return _encode_json(key.decode()), b""
    except UnicodeDecodeError:
        return _base64(key), b',"key_encoding":"base64"'


def encode_headers(headers: Headers) -> bytes:
    """Headers as a JSON array of pairs, in order, repeats kept."""
    return _encode_json([(name, _header_value(value)) for name, value in headers])


def _header_value(value: bytes | None) -> str | dict[str, str] | None:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _base64(data: bytes) -> bytes:
    return b'"%b"' % base64.b64encode(data)


def encode_rows(
    chunk: Chunk, before: bytes = b"", after: bytes = b"\n", *, place: bytes | None = None
) -> list[bytes]:
    """Each row's JSON object between `before` and `after`; no line break inside an object.

    With `place` each row begins with that and the offset after the row, on a line of their own.
    """
    topic = _encode_json(chunk.topic)
    lead = _escape(before) if place is None else b"%b%%d\n%b" % (_escape(place), _escape(before))
    rows: list[bytes] = []
    for run in chunk.runs:
        head = b'{"topic":%b,"partition":%d,"offset":' % (topic, run.partition)
        rows += _encode_run(chunk, run, lead + _escape(head), _escape(after), placed=place is not None)
    return rows


def _encode_run(chunk: Chunk, run: Run, head: bytes, after: bytes, *, placed: bool) -> list[bytes]:
    rows = slice(run.start, run.stop)
    keys, values = chunk.keys[rows], chunk.values[rows]
    offsets, timestamps = chunk.offsets[rows], chunk.timestamps[rows]
    first: tuple[Sequence[int], ...] = (offsets, timestamps)
    if placed:
        first = ([offset + 1 for offset in offsets], *first)
    if chunk.headers is None and _all_json(values):
        if not any(key is not None for key in keys):
            form = head + b'%d,"timestamp":%d,"key":null,"value":%b,"headers":[]}' + after
            return [form % row for row in zip(*first, values, strict=True)]
        if None not in keys and not b"".join(keys).translate(None, _PLAIN):  # type: ignore[arg-type]
            form = head + b'%d,"timestamp":%d,"key":"%b","value":%b,"headers":[]}' + after
            return [form % row for row in zip(*first, keys, values, strict=True)]
    headers = chunk.headers[rows] if chunk.headers else [()] * len(keys)
    unusual = list(map(_unusual, keys, values, headers))
    form = head + b'%d,"timestamp":%d,"key":%b,"value":%b,"headers":%b%b%b}' + after
    return [form % (*numbers, *rest) for *numbers, rest in zip(*first, unusual, strict=True)]


def _unusual(
    key: bytes | None, value: bytes | None, headers: Headers
) -> tuple[bytes, bytes, bytes, bytes, bytes]:
    key_json, key_encoding = encode_key(key)
    value_json, value_encoding = encode_value(value)
    headers_json = encode_headers(headers) if headers else b"[]"
    return key_json, value_json, headers_json, key_encoding, value_encoding


def _all_json(values: Sequence[bytes | None]) -> bool:
    """Whether every value is JSON that can be spliced as it stands."""
    try:
        deque(map(_is_json, values), maxlen=0)  # type: ignore[arg-type]
    except (*_NOT_JSON, TypeError):
        return False
    joined = b"".join(values)  # type: ignore[arg-type]
    if b"\n" in joined or b"\r" in joined:
        return False
    if b"null" in joined and any(value.strip() == b"null" for value in values):  # type: ignore[union-attr]
        return False
    if joined.isascii():
        return True
    # The decoder takes invalid UTF-8 inside strings. Bytes of one value can't mend another's: each
    # valid JSON value ends with an ASCII character, so a sequence never crosses from one to the next.
    try:
        str(joined, "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _escape(form: bytes) -> bytes:
    return form.replace(b"%", b"%%")


def encode_records(chunk: Chunk) -> bytes:
    """The chunk as NDJSON: one record object a line."""
    return b"".join(encode_rows(chunk))


def encode_values(chunk: Chunk) -> bytes:
    """The bare values, each with a line feed; null is an empty line."""
    try:
        return b"\n".join(chunk.values) + b"\n"  # type: ignore[arg-type]
    except TypeError:
        return b"".join([b"%b\n" % (value or b"") for value in chunk.values])


def value_ends(chunk: Chunk) -> list[int]:
    """Where each row of `encode_values` ends."""
    return list(accumulate(len(value or b"") + 1 for value in chunk.values))
