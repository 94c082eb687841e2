"""Values by annotation: bytes of a record to what a handler takes, and what it returns to bytes."""

from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec

from tailrace.core.errors import BadRecord, ConfigurationError
from tailrace.core.records import Headers

Format = Literal["json", "text"]
FORMATS: tuple[Format, ...] = ("json", "text")

Decode = Callable[[Any], Any]
Encode = Callable[[Any], bytes]

# What a value may be that is not typed at all.
_ANYTHING = (Any, object)


def decoder(annotation: Any, format_: Format, *, coerce: bool) -> Decode:  # noqa: ANN401  # any annotation
    """A function from a record's bytes, or its null, to the annotated type.

    `bytes` are taken as they are, whatever the format. A null is None where the annotation allows it.
    `coerce` takes numbers, booleans and null that are written as strings.
    """
    inner, nullable = _without_none(annotation)
    try:
        decode = _decoder(inner, annotation, format_, coerce=coerce)
        _check_known(msgspec.inspect.type_info(annotation))
    except TypeError as error:
        raise ConfigurationError(
            f"No record can be read as {type_name(annotation)}.", cause=str(error), hint="See docs: services."
        ) from None
    return _or_none(decode) if nullable else decode


def encoder(format_: Format) -> Encode:
    """A function from what a handler returns to bytes."""
    return msgspec.json.Encoder().encode if format_ == "json" else _as_text


def type_name(annotation: Any) -> str:  # noqa: ANN401  # any annotation
    """An annotation as people write it."""
    if isinstance(annotation, type) and not get_args(annotation):
        return annotation.__name__
    return str(annotation).replace("typing.", "")


def as_key(key: bytes | str | None) -> bytes | None:
    """A key as it is stored: a text in UTF-8."""
    return key.encode() if isinstance(key, str) else key


def as_headers(headers: Headers | Mapping[str, bytes | None]) -> Headers:
    """Headers as they are stored: a mapping is what handlers are given."""
    return tuple(headers.items()) if isinstance(headers, Mapping) else headers


def _without_none(annotation: Any) -> tuple[Any, bool]:  # noqa: ANN401  # any annotation
    if annotation in _ANYTHING or annotation is None:
        return Any, True
    if get_origin(annotation) is Annotated:
        return _without_none(get_args(annotation)[0])
    if get_origin(annotation) not in {Union, UnionType}:
        return annotation, False
    kinds = tuple(kind for kind in get_args(annotation) if kind is not NoneType)
    return Union[kinds], len(kinds) < len(get_args(annotation))  # noqa: UP007  # made of a tuple


def _decoder(kind: Any, whole: Any, format_: Format, *, coerce: bool) -> Decode:  # noqa: ANN401  # any annotation
    if kind is bytes:
        return _as_bytes
    if format_ == "json":
        # The method itself: nothing stands between a record and the handler.
        return msgspec.json.Decoder(whole, strict=not coerce).decode
    if get_origin(whole) is Annotated:
        kind = whole
    elif kind in {str, Any}:
        return bytes.decode
    msgspec.convert("", kind | str, strict=False)
    return lambda data: msgspec.convert(data.decode(), kind, strict=False)


def _check_known(info: object, seen: set[int] | None = None) -> None:
    """Refuse classes that could never be read, wherever in the type they are."""
    seen = set() if seen is None else seen
    if id(info) in seen:
        return
    seen.add(id(info))
    if isinstance(info, msgspec.inspect.CustomType) and info.cls is not object:
        raise TypeError(f"{type_name(info.cls)} is neither a dataclass nor a msgspec.Struct")
    if isinstance(info, tuple | list):
        for one in info:
            _check_known(one, seen)
    elif isinstance(info, msgspec.inspect.Type | msgspec.inspect.Field):
        for name in info.__struct_fields__:
            _check_known(getattr(info, name), seen)


def _or_none(decode: Decode) -> Decode:
    def nullable(data: bytes | None) -> object:
        return None if data is None else decode(data)

    return nullable


def _as_bytes(data: bytes | None) -> bytes:
    if data is None:
        raise BadRecord("The value is null.", hint="Annotate it as bytes | None to take nulls.")
    return data


def _as_text(value: object) -> bytes:
    if not isinstance(value, str | int | float):
        raise BadRecord(
            f"A {type(value).__name__} is no text.", hint='Return a str, or leave format="text" out.'
        )
    return str(value).encode()
