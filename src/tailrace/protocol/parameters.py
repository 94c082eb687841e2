"""A request's parameters, read by the route's declaration; what is not declared is refused."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal
from urllib.parse import parse_qsl

from tailrace.core.errors import BadRequest, UnknownParameter

Kind = Literal["text", "whole", "seconds", "switch", "choice", "start"]
Value = str | int | float | bool | tuple[str, ...] | None

MAX_PARAMETERS = 200

_SECONDS = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m)?", re.ASCII)
_FACTORS = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0}
_WHOLE = re.compile(r"\d{1,18}", re.ASCII)
_SWITCH = {"true": True, "1": True, "": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a route: `least` and `most` bound numbers, seconds may be written 10, 10s, 500ms."""

    name: str
    kind: Kind
    meaning: str
    default: Value = None
    required: bool = False
    repeats: bool = False
    choices: tuple[str, ...] = ()
    least: float = 0
    most: float = math.inf


class ParameterReader:
    """Reads the query string of one route."""

    def __init__(self, declared: Sequence[Parameter]) -> None:
        self._declared = {parameter.name: parameter for parameter in declared}
        self._defaults: Mapping[str, Value] = {p.name: () if p.repeats else p.default for p in declared}
        self._required = [p.name for p in declared if p.required]

    def read(self, query: bytes) -> Mapping[str, Value]:
        """The values by name, defaults filled in.

        Raises:
            UnknownParameter: the route has no such parameter.
            BadRequest: one is missing, stands twice, or is not of its kind.
        """
        if not query and not self._required:
            return self._defaults
        values = dict(self._defaults)
        given: set[str] = set()
        for name, text in _pairs(query):
            parameter = self._declared.get(name) or self._unknown(name)
            if name in given and not parameter.repeats:
                raise BadRequest(f"The parameter {name!r} stands twice.")
            given.add(name)
            value = _value(parameter, text)
            earlier = values[name]
            values[name] = (*earlier, str(value)) if isinstance(earlier, tuple) else value
        for name in self._required:
            if name not in given:
                raise BadRequest(f"The parameter {name!r} is missing.", hint=self._declared[name].meaning)
        return values

    def _unknown(self, name: str) -> Parameter:
        known = ", ".join(self._declared) or "none"
        close = get_close_matches(name, self._declared, 1)
        hint = f"Did you mean {close[0]!r}? " if close else ""
        raise UnknownParameter(
            f"There is no parameter {name[:80]!r} here.", hint=f"{hint}Known here: {known}."
        )


def _pairs(query: bytes) -> list[tuple[str, str]]:
    try:
        text = query.decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS)
    except ValueError as error:
        raise BadRequest("The address's parameters cannot be read.", cause=str(error)[:200]) from None


def _value(parameter: Parameter, text: str) -> Value:
    match parameter.kind:
        case "whole":
            return int(_bounded(parameter, text, int(text) if _WHOLE.fullmatch(text) else None))
        case "seconds":
            found = _SECONDS.fullmatch(text)
            return _bounded(parameter, text, float(found[1]) * _FACTORS[found[2]] if found else None)
        case "switch":
            if text not in _SWITCH:
                raise _wrong(parameter, text, "true or false")
            return _SWITCH[text]
        case "choice":
            if text not in parameter.choices:
                raise _wrong(parameter, text, " or ".join(parameter.choices))
            return text
        case "start":
            # An ISO time's "+01:00" typed into an address arrives with a space; no start has one.
            return text.replace(" ", "+")
        case "text":
            return text


def _bounded(parameter: Parameter, text: str, number: float | None) -> float:
    if number is None or not parameter.least <= number <= parameter.most:
        what = "seconds" if parameter.kind == "seconds" else "a whole number"
        upper = f" to {parameter.most:g}" if parameter.most < math.inf else " or more"
        raise _wrong(parameter, text, f"{what}, {parameter.least:g}{upper}")
    return number


def _wrong(parameter: Parameter, text: str, expected: str) -> BadRequest:
    return BadRequest(
        f"The parameter {parameter.name!r} is {text[:80]!r}; it has to be {expected}.", hint=parameter.meaning
    )
