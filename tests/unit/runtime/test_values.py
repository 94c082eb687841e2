"""Values by annotation."""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import pytest

from tailrace.core.errors import BadRecord, ConfigurationError
from tailrace.runtime.values import decoder, encoder


@dataclass
class Sum:
    """As an application writes it."""

    left: int
    operation: str


class Plain:
    """Nobody knows how to read it."""


class Point(msgspec.Struct):
    """Likewise."""

    x: float


@pytest.mark.parametrize(
    ("annotation", "data", "value"),
    [
        (str, b'"10:11:12"', "10:11:12"),
        (bytes, b"\xff\x00", b"\xff\x00"),
        (int, b"7", 7),
        (float, b"7", 7.0),
        (bool, b"true", True),
        (dict, b'{"a":1}', {"a": 1}),
        (list[int], b"[1,2]", [1, 2]),
        (Sum, b'{"left":5,"operation":"sum"}', Sum(5, "sum")),
        (Point, b'{"x":1.5}', Point(1.5)),
        (int | str, b'"a"', "a"),
        (Any, b'{"a":[null]}', {"a": [None]}),
        (Any, None, None),
        (int | None, None, None),
        (int | None, b"7", 7),
        (int | None, b"null", None),
        (bytes | None, None, None),
    ],
)
def test_json(annotation, data, value):
    """A value is read as its annotation says; a null only where it may be."""
    read = decoder(annotation, "json", coerce=False)(data)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("annotation", [str, int, dict, Sum, bytes])
def test_a_null_needs_an_annotation(annotation):
    """A null is an error for a type without None."""
    with pytest.raises((TypeError, BadRecord)):
        decoder(annotation, "json", coerce=False)(None)


def test_numbers_in_strings_by_declaration():
    """Only with coerce."""
    data = b'{"left":"5","operation":"sum"}'
    assert decoder(Sum, "json", coerce=True)(data) == Sum(5, "sum")
    with pytest.raises(msgspec.ValidationError):
        decoder(Sum, "json", coerce=False)(data)


@pytest.mark.parametrize(
    ("annotation", "value"), [(str, "7"), (int, 7), (float, 7.0), (bytes, b"7"), (Any, "7")]
)
def test_text(annotation, value):
    """Text is taken as it stands, numbers out of it."""
    assert decoder(annotation, "text", coerce=False)(b"7") == value


def test_what_no_value_can_be():
    """An annotation that cannot be read is refused before anything runs."""
    with pytest.raises(ConfigurationError, match="No record can be read as"):
        decoder(type("Odd", (), {"__slots__": ()}) | complex, "json", coerce=False)


def test_results_as_json():
    """A text keeps its quotes; dataclasses and structs are objects."""
    encode = encoder("json")
    assert encode("10:11:12") == b'"10:11:12"'
    assert encode(Sum(5, "sum")) == b'{"left":5,"operation":"sum"}'
    assert encode({"a": None}) == b'{"a":null}'


def test_results_as_text():
    """Texts and numbers are written bare, an object is refused."""
    encode = encoder("text")
    assert (encode("a"), encode(7)) == (b"a", b"7")
    with pytest.raises(BadRecord, match="dict is no text"):
        encode({})


def test_what_is_annotated_is_checked():
    """Bounds of numbers and lengths are part of the type; bytes and null are as without."""
    bounded = Annotated[int, msgspec.Meta(gt=10)]
    for format_ in ("json", "text"):
        decode = decoder(bounded, format_, coerce=False)
        assert decode(b"11") == 11
        with pytest.raises(msgspec.ValidationError):
            decode(b"3")
    assert decoder(Annotated[bytes, "raw"], "json", coerce=False)(b"x") == b"x"
    assert decoder(bounded | None, "json", coerce=False)(None) is None


@pytest.mark.parametrize("kind", [Plain, list[Plain], dict[str, Plain | None]])
def test_a_class_that_cannot_be_read_is_refused(kind):
    """Before any record comes."""
    with pytest.raises(ConfigurationError, match="neither a dataclass"):
        decoder(kind, "json", coerce=False)


def test_anything_may_stand_inside_a_type():
    """`dict[str, object]` is an object of JSON with any values."""
    assert decoder(dict[str, object], "json", coerce=False)(b'{"a":[1,null]}') == {"a": [1, None]}
