"""From a function's parameters to the columns of records that it is called with."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import msgspec

from tailrace.core.errors import BadRecord, ConfigurationError, TailraceError
from tailrace.core.groups import Polled
from tailrace.core.records import Headers, Record
from tailrace.runtime.declarations import Function, function_name
from tailrace.runtime.values import Decode, Format, decoder, type_name

Column = Callable[[Polled], Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Argument:
    """One parameter: the column it is taken from, and how a row of it is read."""

    what: str
    column: Column
    read: Decode | None
    annotation: Any

    def rows(self, batch: Polled, start: int, stop: int) -> Iterable[Any]:
        """What the parameter gets in each row; stays in C where it can, as this is the hot path."""
        column = self.column(batch)
        rows = column if start == 0 and stop == len(column) else column[start:stop]
        return map(self.read, rows) if self.read else rows


class Arguments:
    """What a handler is called with, row by row or in lists."""

    def __init__(self, arguments: Sequence[Argument]) -> None:
        self._arguments = tuple(arguments)

    def calls(self, function: Function, batch: Polled, start: int) -> Iterator[Any]:
        """The results of calling the function with each row from `start` on."""
        return map(function, *[one.rows(batch, start, len(batch)) for one in self._arguments])

    def lists(self, batch: Polled, start: int, stop: int) -> list[list[Any]]:
        """The rows as one list for each parameter."""
        return [list(one.rows(batch, start, stop)) for one in self._arguments]

    def unreadable(self, batch: Polled, row: int) -> TailraceError | None:
        """Why a row cannot be read, if it cannot."""
        for one in self._arguments:
            try:
                list(one.rows(batch, row, row + 1))
            except Exception as error:  # noqa: BLE001  # whatever a decoder says about foreign bytes
                raw = one.column(batch)[row]
                why = f"the {one.what} is null" if raw is None else str(error) or type(error).__name__
                what = f"The {one.what} cannot be read as {type_name(one.annotation)}."
                return BadRecord(what, cause=why, hint=_hint(error, one.annotation))
        return None


def arguments_of(function: Function, *, batch: bool, format_: Format, coerce: bool) -> Arguments:
    """What the function asks for by its parameters.

    One annotated `Record` is the whole record, those named `key` and `headers` are these; the one left is the
    value. With `batch` each is a list.

    Raises:
        ConfigurationError: a parameter cannot be given.
    """
    hints = _hints(function)
    found: list[Argument] = []
    for parameter in _positional(function):
        hint = hints.get(parameter.name, Any)
        inner = _item(hint, function, parameter.name) if batch else hint
        if inner is Record:
            found.append(Argument("record", _Records, None, Record))
        elif parameter.name == "key":
            found.append(_key(inner))
        elif parameter.name == "headers":
            found.append(_headers(inner))
        elif not any(one.what == "value" for one in found):
            read = decoder(inner, format_, coerce=coerce)
            found.append(Argument("value", _values, read, inner))
        elif parameter.default is inspect.Parameter.empty:
            raise ConfigurationError(
                f"{function_name(function)} asks for {parameter.name!r}, which no record has.",
                hint="It may take the value, `key`, `headers`, and one annotated Record.",
            )
    if not found:
        raise ConfigurationError(
            f"{function_name(function)} takes nothing of a record.", hint="Name a value."
        )
    return Arguments(found)


def _hint(error: Exception, annotation: Any) -> str:  # noqa: ANN401  # any annotation
    malformed = isinstance(error, msgspec.DecodeError) and not isinstance(error, msgspec.ValidationError)
    if malformed and annotation in {str, Any}:
        return 'Declare format="text" for plain text, or annotate bytes.'
    return ""


def _values(batch: Polled) -> Sequence[bytes | None]:
    return batch.values()


class _Records(Sequence[Record]):
    """Rows as records, made when they are asked for."""

    def __init__(self, batch: Polled) -> None:
        self._batch = batch

    def __len__(self) -> int:
        return len(self._batch)

    def __getitem__(self, row: Any) -> Any:  # noqa: ANN401  # Sequence's own
        if isinstance(row, slice):
            return [self._batch.record(one) for one in range(*row.indices(len(self._batch)))]
        return self._batch.record(row)

    def __iter__(self) -> Iterator[Record]:
        return map(self._batch.record, range(len(self._batch)))


def _key(annotation: Any) -> Argument:  # noqa: ANN401  # any annotation
    read = None if annotation is Any else decoder(annotation, "text", coerce=True)
    return Argument("key", lambda batch: batch.keys(), read, annotation)


def _headers(annotation: Any) -> Argument:  # noqa: ANN401  # any annotation
    as_pairs = annotation is not Any and get_origin(annotation) is not dict and annotation is not dict
    read: Callable[[Headers], object] = list if as_pairs else dict
    return Argument("headers", lambda batch: batch.headers(), read, annotation)


def _item(hint: Any, function: Function, name: str) -> Any:  # noqa: ANN401  # any annotation
    if get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    if hint is Any or hint is list:
        return Any
    if get_origin(hint) in {list, Sequence, Iterable} and get_args(hint):
        return get_args(hint)[0]
    raise ConfigurationError(
        f"{function_name(function)} takes batches, but {name!r} is a {type_name(hint)}.",
        hint=f"Write {name}: list[{type_name(hint)}].",
    )


def _hints(function: Function) -> dict[str, Any]:
    target = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004  # its hints
    try:
        return get_type_hints(target, include_extras=True)
    except (NameError, TypeError) as error:
        raise ConfigurationError(
            f"The annotations of {function_name(function)} cannot be read.", cause=str(error)
        ) from None


def _positional(function: Function) -> list[inspect.Parameter]:
    parameters = list(inspect.signature(function).parameters.values())
    for one in parameters:
        if one.kind is one.KEYWORD_ONLY and one.default is one.empty:
            raise ConfigurationError(
                f"{function_name(function)} takes {one.name!r} by keyword only.", hint="Leave the * out."
            )
    return [one for one in parameters if one.kind in {one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD}]
