"""Filter expressions: an equality on the key, a header, or a field of the JSON value.

key == "orders-7"        headers["tenant"] == "acme"        value.customer.id == 42
They become routes, so that thousands of filters cost one look-up a record.
"""

import re
from collections.abc import Callable, Hashable, Sequence
from functools import lru_cache

import msgspec

from tailrace.core.errors import BadRequest
from tailrace.core.records import Chunk
from tailrace.core.routes import KEY, Match, Route

MAX_FILTER_CHARACTERS = 1000
MAX_DEPTH = 16
# What finds a value takes 11 KB for each step of its path.
MAX_ROUTES_KEPT = 256
MAX_PROJECTED_STEPS = 4

_SIDES = re.compile(r"(?P<field>(?:[^=\"]|\"(?:[^\"\\]|\\.)*\")+)==(?P<literal>.+)")
_STEP = re.compile(r"\.(?P<name>[A-Za-z_][A-Za-z0-9_-]*)|\[(?P<quoted>\"(?:[^\"\\]|\\.)*\")\]")
_HINT = 'Write key == "a", headers["b"] == "c", or value.d.e == 5.'

# What msgspec takes as a field's name.
_PLAIN = re.compile(r"[^\x00-\x1f\"\\]+")
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode

# Never equal to what a filter asks for: the record has no such field, or it is no plain value.
_NOTHING: Hashable = object()


def parse_filter(text: str) -> Match:
    """Read an expression.

    Raises:
        BadRequest: it is none, with what is understood.
    """
    sides = _SIDES.fullmatch(text.strip()) if len(text) <= MAX_FILTER_CHARACTERS else None
    if sides is None:
        raise _refused("it has not the form FIELD == LITERAL")
    root, path = _field(sides["field"].strip())
    literal = _literal(sides["literal"].strip())
    if root == "key" and not path:
        return Match(KEY, _text(literal))
    if root == "headers" and len(path) == 1:
        return Match(_header_route(path[0]), _text(literal))
    if root == "value":
        if isinstance(literal, dict | list):
            raise _refused("a field is compared with a string, a number, true, false or null")
        return Match(_value_route(path), _comparable(literal))
    raise _refused(f"{sides['field'].strip()!r} is no field of a record")


def _refused(why: str) -> BadRequest:
    return BadRequest(f"The filter can't be read: {why}.", hint=_HINT)


def _field(text: str) -> tuple[str, tuple[str, ...]]:
    root = re.match(r"[a-z]+", text)
    if root is None:
        raise _refused(f"{text!r} is no field of a record")
    path: list[str] = []
    at = root.end()
    while at < len(text):
        step = _STEP.match(text, at)
        if step is None or len(path) == MAX_DEPTH:
            raise _refused(f"{text!r} is no path of at most {MAX_DEPTH} steps")
        path.append(step["name"] or str(_literal(step["quoted"])))
        at = step.end()
    return root[0], tuple(path)


def _literal(text: str) -> object:
    try:
        return msgspec.json.decode(text)
    except msgspec.MsgspecError:
        raise _refused(f"{text!r} is no JSON string, number, true, false or null") from None


def _text(literal: object) -> bytes | None:
    if literal is None:
        return None
    if not isinstance(literal, str):
        raise _refused("a key or header is compared with a string, or null")
    return literal.encode()


def _comparable(value: object) -> Hashable:
    """Equal for equal JSON: 5 and 5.0 are, 1 and true are not."""
    if isinstance(value, str | int | float | bool | None):
        return (isinstance(value, bool), value)
    return _NOTHING


@lru_cache(MAX_ROUTES_KEPT)
def _header_route(name: str) -> Route:
    def extract(chunk: Chunk) -> Sequence[Hashable]:
        if chunk.headers is None:
            return (_NOTHING,) * len(chunk)
        # The last one wins where a header is repeated.
        return [dict(headers).get(name, _NOTHING) for headers in chunk.headers]

    return Route(f"header {name}", extract)


@lru_cache(MAX_ROUTES_KEPT)
def _value_route(path: tuple[str, ...]) -> Route:
    projected = len(path) <= MAX_PROJECTED_STEPS and all(map(_PLAIN.fullmatch, path))
    find = _projection(path) if projected else _walk(path)

    def extract(chunk: Chunk) -> Sequence[Hashable]:
        return [_NOTHING if value is None else find(value) for value in chunk.values]

    return Route(f"value {path!r}", extract)


def _projection(path: tuple[str, ...]) -> Callable[[bytes], Hashable]:
    """Finds one field without making objects of all the others."""
    kind: object = object
    for step in reversed(path):
        field = ("field", kind, msgspec.field(name=step, default=_NOTHING))
        kind = msgspec.defstruct("Projection", [field])
    decode = msgspec.json.Decoder(kind).decode

    def find(value: bytes) -> Hashable:
        try:
            found: object = decode(value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _NOTHING
        for _ in path:
            found = getattr(found, "field", _NOTHING)
            if found is _NOTHING:
                return _NOTHING
        return _comparable(found)

    return find


def _walk(path: tuple[str, ...]) -> Callable[[bytes], Hashable]:
    """Finds one field object by object: slower, but of any name and depth, and without types of its own."""

    def find(value: bytes) -> Hashable:
        found: bytes | msgspec.Raw = value
        try:
            for step in path:
                found = _decode_object(found)[step]
            return _comparable(msgspec.json.decode(found))
        except (KeyError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return _NOTHING

    return find
