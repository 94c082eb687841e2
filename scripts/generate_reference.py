"""Writes the manual's reference from the code: settings, metrics, errors, commands, HTTP routes.

Each page is a function that returns its text, so that tests can look for what must stand in it.
"""

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final

import click

from tailrace.cli.group import tailrace
from tailrace.core import errors
from tailrace.core.errors import TailraceError
from tailrace.kafka.settings_names import OWNED
from tailrace.kafka.settings_table import ROWS, Row
from tailrace.protocol.parameters import Parameter
from tailrace.protocol.routes import ROUTES, Route
from tailrace.settings import OTHER_VARIABLES, Declaration, declarations
from tailrace.telemetry.metrics import Metrics

REFERENCE: Final = Path(__file__).parents[1] / "docs" / "reference"
HELP_WIDTH: Final = 100
_RETRIES: Final = {
    "no": "no",
    "same": "yes, the same request",
    "after": "yes, after `retry_after` seconds",
    "unknown_outcome": "only if a second copy does no harm",
}
_NEEDS: Final = {
    "path": "on the topic",
    "query": "on each `topic=`",
    "body": "on the topic that the body names",
    "listed": "on a topic, or it is left out",
    "task": "on the topic named after the task, or that the task is yours",
    "cluster": "on `*`",
}


def settings_page() -> str:
    """Every setting by group, the variables beside them, and the client's settings."""
    parts = [
        _head(
            "Settings", "How file, environment and options go together: [change settings](../settings.md)."
        ),
    ]
    for group, members in groupby(declarations(), key=lambda d: d.name.partition(".")[0]):
        parts += [f"## {group}\n", _table(("setting", "default", "what it is"), map(_setting, members))]
    parts += [
        "## Other variables\n",
        _table(("variable", "what it is"), ((_code(n), m) for n, m in OTHER_VARIABLES.items())),
        "## Names of other clients, in `[kafka]`\n",
        "librdkafka's own names, with dots, are taken as they are. These are taken too:\n",
        _table(("name", "its default there", "what becomes of it"), map(_client_name, ROWS)),
        "Tailrace sets these itself and refuses them:\n",
        _table(("name", "why"), ((_code(n), _sentence(why)) for n, why in sorted(OWNED.items()))),
    ]
    return "\n".join(parts)


def metrics_page() -> str:
    """Every metric of `/metrics`."""
    rows = ((_code(m.name), m.kind, m.unit, ", ".join(map(_code, m.labels)), m.meaning) for m in Metrics())
    return _head("Metrics", "What `/metrics` tells, in Prometheus' text form.") + _table(
        ("metric", "kind", "unit", "labels", "what it is"), rows
    )


def errors_page() -> str:
    """Every error's code, HTTP status, exit code, and whether to come again."""
    rows = (
        (_code(e.code), _status(e), str(e.exit_code), _RETRIES[e.retry.value], _sentence(e.__doc__ or ""))
        for e in error_classes()
    )
    return _head(
        "Error codes",
        "An error is a problem document (RFC 9457) with `code`, `cause`, `hint` and `retry`, the same on "
        "every way in. The exit code is that of the command line: 0 is done. Ctrl-C ends a command with 130, "
        "SIGTERM with 143, both once what it has in hand is written or stored and its place is saved; for "
        "`--follow` Ctrl-C is the proper end, and for `dev`, `serve` and `broker` either: 0.",
    ) + _table(("code", "status", "exit code", "try again?", "what it says"), rows)


def commands_page() -> str:
    """Every command's own help."""
    parts = [_head("Commands", "What `tailrace COMMAND --help` prints.")]
    # With the settings of the command line: a command keeps the option for help that it was first asked with.
    settings = tailrace.context_settings
    with click.Context(tailrace, info_name="tailrace", terminal_width=HELP_WIDTH, **settings) as context:
        for name, text in _helps(tailrace, context):
            parts.append(f"## {name}\n\n```text\n{text.rstrip()}\n```\n")
    return "\n".join(parts)


def routes_page() -> str:
    """Every route of the HTTP interface with its parameters."""
    parts = [
        _head(
            "HTTP interface",
            "A running gateway gives the same as OpenAPI at `/openapi.json` and as a page at `/docs`.",
        )
    ]
    return "\n".join([*parts, *map(_route, ROUTES)])


PAGES: Final[Mapping[str, Callable[[], str]]] = {
    "settings": settings_page,
    "metrics": metrics_page,
    "errors": errors_page,
    "commands": commands_page,
    "http": routes_page,
}


def error_classes() -> list[type[TailraceError]]:
    """All errors that somebody can meet, in the order of the module."""
    found = (c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, TailraceError))
    return sorted((c for c in found if c is not TailraceError), key=lambda c: inspect.getsourcelines(c)[1])


def _status(error: type[TailraceError]) -> str:
    # What stops a start is never an answer of a gateway.
    return "" if issubclass(error, errors.ConfigurationError) else str(error.status)


def _setting(declared: Declaration) -> tuple[str, str, str]:
    names = _code(declared.name) + ("" if declared.option_only else f"<br>{_code(declared.variable)}")
    only = " Only as an option." if declared.option_only else ""
    choices = f" One of {', '.join(map(_code, declared.choices))}." if declared.choices else ""
    return names, _value(declared.default, declared.unit), declared.meaning + choices + only


def _value(default: object, unit: str) -> str:
    if isinstance(default, bool):
        return _code(str(default).lower())
    if isinstance(default, tuple):
        return ", ".join(map(_code, default)) or "none"
    if unit == "bytes" and isinstance(default, int):
        size = f"{default >> 20} MiB" if default >= 1 << 20 else f"{default >> 10} KiB"
        return f"{_code(str(default))} ({size})"
    return _code(f"{default:g}" if isinstance(default, float) else str(default)) + (
        f" {unit}" if unit else ""
    )


def _client_name(row: Row) -> tuple[str, str, str]:
    known = "none" if row.default is None else _code(str(row.default))
    return _code(row.name), known, _fate(row)


def _fate(row: Row) -> str:
    if row.only:
        return f"only its default, because {row.only}" + (f"; {_code(row.to)}" if row.to else "")
    if row.to:
        return _code(row.to)
    if row.own:
        return f"Tailrace's own: {row.own}"
    return "several settings" if row.expand else "no effect"


def _helps(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    yield context.command_path, command.get_help(context)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            member = command.get_command(context, name)
            if member and not member.hidden:
                with click.Context(member, info_name=name, parent=context) as inner:
                    yield from _helps(member, inner)


def _route(route: Route) -> str:
    lines = [f"## {route.method} {route.path}\n", f"{route.summary}. {route.description}".strip() + "\n"]
    if route.action:
        lines.append(f"Needs the grant {_code(route.action)} {_NEEDS[route.resource]}.\n")
    if route.request:
        lines.append(f"Takes {', '.join(_code(body.media) for body in route.request)}.\n")
    answers = ", ".join(dict.fromkeys(_code(body.media) for body in route.response))
    lines.append(f"Answers {route.status}{f' with {answers}' if answers else ''}.\n")
    if route.parameters:
        lines.append(_table(("parameter", "default", "what it is"), map(_parameter, route.parameters)))
    return "\n".join(lines)


def _parameter(parameter: Parameter) -> tuple[str, str, str]:
    default = "required" if parameter.required else ""
    if parameter.default not in {None, ""}:
        default = _value(parameter.default, "s" if parameter.kind == "seconds" else "")
    choices = f" One of {', '.join(map(_code, parameter.choices))}." if parameter.choices else ""
    return _code(parameter.name), default, parameter.meaning + choices


def _head(title: str, sentence: str) -> str:
    return f"# {title}\n\n{sentence}\n\n"


def _table(columns: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [columns, ("---",) * len(columns), *rows]
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |\n" for row in lines)


def _code(text: str) -> str:
    return f"`{text}`"


def _sentence(text: str) -> str:
    first = re.sub(r"\s+", " ", text).strip()
    return first[:1].upper() + first[1:] + ("" if first.endswith(".") else ".")


def write_pages(folder: Path = REFERENCE) -> None:
    """Write all pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / f"{name}.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    write_pages()
