"""What a function asks for by its parameters."""

from typing import Annotated

import msgspec
import pytest

from tailrace import Record
from tailrace.core.errors import ConfigurationError
from tailrace.memory.group import MemoryPolled
from tailrace.runtime.arguments import arguments_of

ROWS = [
    Record("t", 0, 5, 1000, b"k", b"1", [("h", b"x")]),
    Record("t", 1, 9, 2000, None, b"2"),
]


def called(function, *, batch=False, rows=ROWS):
    """What the function is called with for each row."""
    arguments = arguments_of(function, batch=batch, format_="json", coerce=False)
    polled = MemoryPolled(rows)
    if batch:
        return arguments.lists(polled, 0, len(polled))
    return list(arguments.calls(lambda *given: given, polled, 0))


def test_a_value_alone():
    """The parameter may have any name."""

    def take(order: int): ...

    assert called(take) == [(1,), (2,)]


def test_without_annotations():
    """JSON as it comes, the key as bytes, headers as a dictionary."""

    def take(value, key, headers): ...

    assert called(take) == [(1, b"k", {"h": b"x"}), (2, None, {})]


def test_a_record_beside_the_value():
    """In any order."""

    def take(record: Record, value: str | int): ...

    assert called(take) == [(ROWS[0], 1), (ROWS[1], 2)]


def test_a_record_alone():
    """Its value stays bytes."""

    def take(everything: Record): ...

    assert called(take)[0][0].value == b"1"


def test_keys_and_headers_by_annotation():
    """A key as a text, headers as pairs."""

    def take(value: int, key: str | None, headers: list[tuple[str, bytes]]): ...

    assert called(take) == [(1, "k", [("h", b"x")]), (2, None, [])]


def test_lists():
    """With batches each parameter is a list."""

    def take(values: list[int], key: list[bytes | None], records: list[Record]): ...

    assert called(take, batch=True) == [[1, 2], [b"k", None], ROWS]


def test_defaults_are_left():
    """A parameter that no record has may have a default."""

    def take(value: int, factor: int = 10): ...

    assert called(take) == [(1,), (2,)]


def test_what_no_record_has():
    """A second value is refused with what there is."""

    def take(value: int, customer: str): ...

    with pytest.raises(ConfigurationError, match="take asks for 'customer', which no record has"):
        called(take)


def test_a_batch_needs_lists():
    """The right annotation is shown."""

    def take(value: int): ...

    with pytest.raises(ConfigurationError, match="takes batches, but 'value' is a int") as caught:
        called(take, batch=True)
    assert caught.value.hint == "Write value: list[int]."


def test_nothing_at_all():
    """A handler takes something."""
    with pytest.raises(ConfigurationError, match="takes nothing"):
        called(lambda: None)


def test_keywords_only():
    """They cannot be given."""

    def take(value: int, *, key: str): ...

    with pytest.raises(ConfigurationError, match="takes 'key' by keyword only"):
        called(take)


def test_unknown_annotations():
    """A name that is not defined is told."""

    def take(value: "Missing"): ...  # noqa: F821

    with pytest.raises(ConfigurationError, match="annotations of take cannot be read"):
        called(take)


def test_methods_and_callable_objects():
    """Their annotations count like a function's."""

    class Taker:
        def take(self, value: str): ...

        def __call__(self, value: int): ...

    rows = [Record("t", 0, 0, 0, None, b'"a"')]
    assert called(Taker().take, rows=rows) == [("a",)]
    assert called(Taker(), rows=ROWS[:1]) == [(1,)]


def test_why_a_row_cannot_be_read():
    """The part and its type are named."""

    def take(value: int, key: str): ...

    arguments = arguments_of(take, batch=False, format_="json", coerce=False)
    rows = [
        Record("t", 0, 0, 0, b"k", b"x"),
        Record("t", 0, 1, 0, b"\xff", b"1"),
        Record("t", 0, 2, 0, b"k", b"1"),
    ]
    wrong, key, fine = (arguments.unreadable(MemoryPolled(rows), row) for row in range(3))
    assert str(wrong).startswith("The value cannot be read as int.")
    assert str(key).startswith("The key cannot be read as str.")
    assert fine is None


def test_bounds_of_an_annotation_count():
    """What stands beside the type in Annotated is part of it."""

    def take(value: Annotated[int, msgspec.Meta(gt=1)]): ...

    arguments = arguments_of(take, batch=False, format_="json", coerce=False)
    polled = MemoryPolled(ROWS)
    assert [arguments.unreadable(polled, row) is None for row in range(2)] == [False, True]


def test_plain_text_is_pointed_out():
    """A text that is no JSON is most often meant as it is."""

    def take(value: str): ...

    arguments = arguments_of(take, batch=False, format_="json", coerce=False)
    error = arguments.unreadable(MemoryPolled([Record("t", 0, 0, 0, None, b"hello")]), 0)
    assert 'Declare format="text"' in str(error)
