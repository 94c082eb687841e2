"""Tasks: programs that run once, with the arguments of a command line."""

import asyncio
import inspect
from collections.abc import Sequence
from typing import Any, get_type_hints

import msgspec

from tailrace.core.errors import ConfigurationError
from tailrace.runtime.declarations import Function, Task
from tailrace.runtime.results import Output


def bound_arguments(task: Task, given: Sequence[str]) -> list[Any]:
    """The words of a command line as the task's annotations have them.

    Raises:
        ConfigurationError: there are too many or too few, or one is not what is asked for.
    """
    signature = inspect.signature(task.function)
    hints = get_type_hints(task.function, include_extras=True)
    try:
        bound = signature.bind(*given)
    except TypeError as error:
        raise ConfigurationError(
            f"The task {task.name} takes {_wanted(task) or 'no arguments'}.",
            cause=f"{error}",
            hint=_usage(task),
        ) from None
    arguments: list[Any] = []
    for name, value in bound.arguments.items():
        several = signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
        words = value if several else (value,)
        arguments += [_converted(task, name, word, hints.get(name, str)) for word in words]
    return arguments


def run_plain(function: Function, arguments: Sequence[Any], output: Output) -> None:
    """Run a function, or a generator, whose results are sent as they come."""
    result = function(*arguments)
    if inspect.isgenerator(result):
        for one in result:
            output.emit(one)
    else:
        output.emit(result)


async def run_async(function: Function, arguments: Sequence[Any], output: Output) -> None:
    """Run a coroutine, or an async generator, whose results are sent as they come."""
    if inspect.isasyncgenfunction(function):
        async for one in function(*arguments):
            await asyncio.to_thread(output.emit, one)
    else:
        await asyncio.to_thread(output.emit, await function(*arguments))


def _converted(task: Task, name: str, word: str, hint: Any) -> Any:  # noqa: ANN401  # any annotation
    try:
        return msgspec.convert(word, hint, strict=False)
    except (msgspec.ValidationError, TypeError) as error:
        raise ConfigurationError(
            f"The task {task.name} cannot take {word!r} as {name}.", cause=str(error), hint=_usage(task)
        ) from None


def _usage(task: Task) -> str:
    wanted = _wanted(task)
    if not task.usage:
        return ""
    return f"Give them after --: {task.usage} -- {wanted}" if wanted else f"Give none: {task.usage}"


def _wanted(task: Task) -> str:
    return " ".join(_shown(one) for one in inspect.signature(task.function).parameters.values())


def _shown(parameter: inspect.Parameter) -> str:
    name = parameter.name.upper()
    if parameter.kind is parameter.VAR_POSITIONAL:
        return f"[{name}...]"
    return name if parameter.default is parameter.empty else f"[{name}]"
