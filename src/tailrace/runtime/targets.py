"""What `module:name` means: an app, or one program of it."""

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import get_close_matches
from importlib import import_module
from types import ModuleType
from typing import Any, NamedTuple

import msgspec

from tailrace.core.errors import ConfigurationError, TailraceError
from tailrace.runtime.app import App
from tailrace.runtime.declarations import Handler, Program, Task, Timer, topic_names
from tailrace.runtime.spec import WorkerSpec


class Target(NamedTuple):
    """What is run, and whose hooks and settings belong to it."""

    app: App
    programs: Sequence[Program]


def find(run: str) -> Target:
    """Import the module, also from the current folder, and find the app or program.

    Raises:
        ConfigurationError: there is no such module or name, or it is neither.
        TailraceError: the module itself fails.
    """
    name, colon, attribute = run.partition(":")
    if not colon or not name or not attribute:
        raise ConfigurationError(
            f"{run!r} does not say what to run.",
            hint="Write MODULE:NAME, such as clock:app, or a pipeline's file.",
        )
    _check_name(name, attribute)
    module = _imported(name)
    found = getattr(module, attribute, None)
    if isinstance(found, App):
        programs = [one for one in found.programs if not isinstance(one, Task)]
        return Target(found, programs or _nothing(found, name))
    for app in _apps(module, found):
        if program := app.program(found):
            return Target(app, [program])
    raise _no_program(module, attribute, found)


def adjusted(target: Target, spec: WorkerSpec, workers: int | None = None) -> Target:
    """The programs with what the spec says in place of their decorators' words."""
    return target._replace(programs=[_adjusted(one, spec, workers) for one in target.programs])


def _adjusted(program: Program, spec: WorkerSpec, workers: int | None) -> Program:
    changes: dict[str, Any] = {}
    if spec.writes:
        changes["to"] = topic_names([spec.writes])
    if spec.format:
        changes["format"] = spec.format
    if isinstance(program, Handler):
        changes |= _of_handler(spec, workers)
    elif spec.reads:
        kind = "timer" if isinstance(program, Timer) else "task"
        raise ConfigurationError(
            f"{program.name} is a {kind}, which reads nothing.",
            hint="Leave its `from` out, or declare it with @app.on.",
        )
    if isinstance(program, Task):
        changes["usage"] = spec.usage
    elif spec.args:
        raise ConfigurationError(
            f"{program.name} takes no arguments: it is no task.",
            hint="Declare it with @app.task, or leave them out.",
        )
    return replace(program, **changes)


def _check_name(name: str, attribute: str) -> None:
    """Refuse a file in place of the module in it."""
    folder, _, file = name.rpartition("/")
    module = file.removesuffix(".py")
    if module != name:
        hint = f"Write {module}:{attribute}."
        if folder:
            hint = f"Start it where it lies: cd {folder}, then {module}:{attribute}."
        raise ConfigurationError(f"{name} is a file, not the name of a module.", hint=hint)


def _of_handler(spec: WorkerSpec, workers: int | None) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    if spec.reads:
        changes["topics"] = topic_names([spec.reads])
    if spec.group is not msgspec.UNSET:
        changes["group"] = spec.group
    if spec.start:
        changes["start"] = spec.start
    if workers:
        changes["workers"] = workers
    return changes


def _imported(name: str) -> ModuleType:
    folder = os.getcwd()  # noqa: PTH109  # sys.path holds texts
    if folder not in sys.path and "" not in sys.path:
        sys.path.insert(0, folder)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise ConfigurationError(
                f"There is no module {name!r}.",
                hint=f"Start it where {error.name}.py lies; here is {folder}.",
            ) from None
        raise TailraceError(
            f"The module {name!r} cannot be imported.", cause=f"{error}{_raised_at(error)}"
        ) from error
    except TailraceError:
        raise
    except Exception as error:
        raise TailraceError(
            f"The module {name!r} cannot be imported.",
            cause=f"{type(error).__name__}: {error}{_raised_at(error)}",
        ) from error


def _raised_at(error: Exception) -> str:
    """Where it was raised; a mistake of syntax says so itself."""
    if isinstance(error, SyntaxError):
        return ""
    frames = traceback.extract_tb(error.__traceback__)
    # Python's own search for modules is of no interest.
    places = [place for place in frames if not place.filename.startswith("<frozen")]
    return f" ({os.path.relpath(places[-1].filename)}, line {places[-1].lineno})"


def _apps(module: ModuleType, found: object) -> Iterator[App]:
    """The apps that may have declared something: of its module, then of the one that it was imported from."""
    home = sys.modules.get(getattr(found, "__module__", ""), module)
    for one in (module, home):
        yield from (value for value in list(vars(one).values()) if isinstance(value, App))


def _nothing(app: App, module: str) -> Sequence[Program]:
    tasks = [one.name for one in app.programs]
    if tasks:
        raise ConfigurationError(
            f"{app!r} has only tasks.",
            hint=f"Name one: {module}:{tasks[0]}" + (f" (of {', '.join(tasks)})." if tasks[1:] else "."),
        )
    raise ConfigurationError(
        f"{app!r} has nothing to run.", hint="Declare a function with @app.on or @app.every."
    )


def _no_program(module: ModuleType, attribute: str, found: object) -> ConfigurationError:
    apps = [value for value in vars(module).values() if isinstance(value, App)]
    names = [name for name, value in vars(module).items() if isinstance(value, App)]
    names += [one.name for app in apps for one in app.programs]
    if found is None:
        near = get_close_matches(attribute, names, 1)
        detail = f"The module {module.__name__!r} has no {attribute!r}."
        hint = f"Did you mean {near[0]!r}?" if near else f"It has {', '.join(names) or 'no App'}."
    else:
        detail = f"{module.__name__}:{attribute} is no program of an App in that module."
        hint = "Declare it with @app.on, @app.every or @app.task."
    return ConfigurationError(detail, hint=hint)
