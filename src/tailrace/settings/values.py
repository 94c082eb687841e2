"""From what was given to a value of the right type, or a sentence that says what is wrong."""

import math
import re
from typing import NamedTuple, NoReturn

from tailrace.core.errors import ConfigurationError
from tailrace.core.secrets import REDACTED, is_secret
from tailrace.settings.declarations import Declaration
from tailrace.settings.origins import how_to_write, valid_origin

COMMAND_LINE = "command line"
_ORIGINS = {"server.origins", "socketio.origins"}

_QUANTITY = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")
_UNITS: dict[str, dict[str, float]] = {
    "": {"": 1},
    "bytes": {
        "": 1,
        "b": 1,
        "kb": 1 << 10,
        "kib": 1 << 10,
        "mb": 1 << 20,
        "mib": 1 << 20,
        "gb": 1 << 30,
        "gib": 1 << 30,
    },
    "s": {"": 1, "ms": 0.001, "s": 1, "m": 60, "h": 3600},
}
_SWITCH = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
}


class Given(NamedTuple):
    """A value before it is checked, and where it stands."""

    name: str
    value: object
    source: str


def checked(declared: Declaration, given: Given) -> object:
    """The value in its type and within its bounds, or a ConfigurationError."""
    if declared.option_only and given.source != COMMAND_LINE:
        _wrong(declared, given, "can only be typed as an option")
    value = _converted(declared, given)
    if isinstance(value, int | float) and not declared.least <= value <= declared.most:
        bounds = f"{declared.least:g}" + (
            f" to {declared.most:g}" if declared.most < math.inf else " or more"
        )
        _wrong(declared, given, f"must be {bounds} {declared.unit}".rstrip())
    if declared.name in _ORIGINS and isinstance(value, tuple):
        _check_origins(declared, given, value)
    if declared.choices and value not in declared.choices:
        _wrong(declared, given, f"must be one of {', '.join(declared.choices)}")
    return value


def _check_origins(declared: Declaration, given: Given, origins: tuple[str, ...]) -> None:
    for origin in origins:
        if not valid_origin(origin):
            raise ConfigurationError(
                f"{declared.name} cannot have {origin[:80]!r}: no browser names a page's origin so.",
                cause=f"It was given in: {given.source}.",
                hint=how_to_write(origin),
            )


def _converted(declared: Declaration, given: Given) -> object:
    value = given.value
    if declared.type is bool:
        value = _SWITCH.get(value.lower(), value) if isinstance(value, str) else value
        return value if isinstance(value, bool) else _wrong(declared, given, "must be true or false")
    if declared.type is tuple:
        return _texts(declared, given)
    if declared.type is str:
        return value if isinstance(value, str) else _wrong(declared, given, "must be a text")
    return _number(declared, given)


def _texts(declared: Declaration, given: Given) -> tuple[str, ...]:
    value = given.value
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        _wrong(declared, given, "must be a list of texts, or one text with commas")
    return tuple(part.strip() for part in parts if part.strip())


def _number(declared: Declaration, given: Given) -> int | float:
    value = _quantity(declared.unit, given.value) if isinstance(given.value, str) else given.value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        if declared.type is float:
            return float(value)
        if value == int(value):
            return int(value)
    examples = {"bytes": "a size, such as 65536 or 64KiB", "s": "a time, such as 10 or 10s"}
    return _wrong(declared, given, f"must be {examples.get(declared.unit, 'a whole number')}")


def _quantity(unit: str, text: str) -> float | None:
    match = _QUANTITY.fullmatch(text)
    factor = _UNITS[unit].get(match[2].lower()) if match else None
    return float(match[1]) * factor if match and factor else None


def _wrong(declared: Declaration, given: Given, why: str) -> NoReturn:
    shown = REDACTED if is_secret(declared.name) else repr(given.value)[:80]
    raise ConfigurationError(
        f"{declared.name} {why}; it is {shown}.",
        cause=f"It was given in: {given.source}.",
        hint=declared.meaning,
    )
