"""Programs as an App declares them: plain data, compiled when they are run."""

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from tailrace.core.cursors import valid_topic_name
from tailrace.core.errors import ConfigurationError
from tailrace.core.groups import StartAt
from tailrace.runtime.values import Format

Commit = Literal["auto", "explicit"]
OnError = Literal["stop", "skip"]
Function = Callable[..., Any]

_INTERVAL = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True, slots=True)
class Handler:
    """A function that is called with what topics bring; `batch` is the most records of one call."""

    function: Function
    topics: tuple[str, ...]
    group: str | None
    start: StartAt
    workers: int
    commit: Commit
    to: tuple[str, ...]
    retries: int
    on_error: OnError
    batch: int | None
    format: Format
    coerce: bool

    @property
    def name(self) -> str:
        """The function's name."""
        return function_name(self.function)


@dataclass(frozen=True, slots=True)
class Timer:
    """A function that is called by the clock."""

    function: Function
    seconds: float
    to: tuple[str, ...]
    on_error: OnError
    format: Format

    @property
    def name(self) -> str:
        """The function's name."""
        return function_name(self.function)


@dataclass(frozen=True, slots=True)
class Task:
    """A function that is run once, with arguments; `usage` is the command to which a person adds these."""

    function: Function
    to: tuple[str, ...]
    format: Format
    usage: str = ""

    @property
    def name(self) -> str:
        """The function's name."""
        return function_name(self.function)


Program = Handler | Timer | Task


def function_name(function: Function) -> str:
    """What a function is called in messages."""
    return getattr(function, "__name__", type(function).__name__)


def is_async(function: Function) -> bool:
    """Whether a call has to be awaited or iterated on an event loop."""
    return inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)


def positional(function: Function) -> Function:
    """The function of a task, whose arguments come by their place.

    Raises:
        ConfigurationError: one could be given by its name alone.
    """
    for one in inspect.signature(function).parameters.values():
        if one.kind is one.KEYWORD_ONLY:
            raise ConfigurationError(
                f"The task {function_name(function)} takes {one.name!r} by keyword only.",
                hint="Leave the * out: the words after -- have no names.",
            )
    return function


def topic_names(topics: Iterable[str | Iterable[str]]) -> tuple[str, ...]:
    """Topics given one by one or in lists, each once.

    Raises:
        ConfigurationError: one of them is no topic name.
    """
    names: list[str] = []
    for given in topics:
        # What is neither is refused below, by its name.
        names += given if isinstance(given, Iterable) and not isinstance(given, str) else [given]
    for name in names:
        if not isinstance(name, str) or not valid_topic_name(name):
            raise ConfigurationError(
                f"{str(name)[:80]!r} is no topic name.", hint="Use letters, digits, '.', '_' and '-'."
            )
    return tuple(dict.fromkeys(names))


def interval(given: str | float) -> float:
    """Seconds from a number, or from a text such as 500ms, 5s, 1m, 2h.

    Raises:
        ConfigurationError: it is neither, or not above 0.
    """
    seconds = 0.0
    if isinstance(given, str):
        if match := _INTERVAL.fullmatch(given.strip()):
            seconds = float(match[1]) * _SECONDS[match[2]]
    elif isinstance(given, int | float):
        seconds = float(given)
    if not 0 < seconds < float("inf"):
        raise ConfigurationError(f"{given!r} is no interval.", hint="Write it as 500ms, 5s, 1m or 2h.")
    return seconds


def at_least(least: int, value: object, what: str) -> int:
    """A whole number of at least so much."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(f"{what} must be a whole number of at least {least}, not {value!r}.")
    return value


def one_of(allowed: Iterable[str], value: str, what: str) -> None:
    """Refuse a word that is none of the allowed ones."""
    words = tuple(allowed)
    if value not in words:
        raise ConfigurationError(f"{what} must be {' or '.join(words)}, not {value!r}.")
