"""Where settings come from: the file, the environment, the options, in this order of strength."""

import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, NoReturn

from tailrace.core.errors import ConfigurationError
from tailrace.settings.declarations import (
    DECLARED,
    GROUPS,
    PREFIX,
    VARIABLES,
    Settings,
)
from tailrace.settings.principals import People, take_people
from tailrace.settings.tables import flat
from tailrace.settings.values import COMMAND_LINE, Given, checked

FILE_NAME = "tailrace.toml"

# Variables that are no settings of the gateway; commands read them where they stand for an option.
OTHER_VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "TAILRACE_CONFIG": "The settings file to read.",
        "TAILRACE_URL": "The gateway that data commands talk to.",
        "TAILRACE_BROKER": "The broker that commands talk to directly.",
        "TAILRACE_TOKEN": "The token that commands show to a gateway, and that `dev` hands out.",
        "TAILRACE_TOPICS": "Topics that `dev` and `broker` make at the start.",
        "TAILRACE_CACHE": "The folder for downloaded jars and Java's cache.",
    }
)

# Kubernetes sets these in every pod beside a service named "tailrace"; they are not meant for us.
_SERVICE_LINK = re.compile(r"TAILRACE_(SERVICE_(HOST|PORT(_\w+)?)|PORT(_\d+_(TCP|UDP)(_\w+)?)?)")

# What other clients call the brokers.
_BROKER_NAMES = ("kafka.bootstrap_servers", "kafka.bootstrap.servers", "kafka.metadata.broker.list")


def load(
    options: Mapping[str, object] | None = None,
    *,
    config: str | Path | None = None,
    environ: Mapping[str, str] = os.environ,
    folder: Path | None = None,
) -> Settings:
    """Read the file, the environment and the options (name → value, None is "not given").

    `folder` is where `tailrace.toml` is looked for first, the working directory by default.

    Raises:
        ConfigurationError: a name, a value or the file is wrong; nothing is read halfway.
    """
    path = find_file(config, environ, folder or Path.cwd())
    people = People()
    given: list[Given] = []
    if path:
        text, table = _read_toml(path)
        people = take_people(table, path)
        given += _from_file(table, text, path)
    given += _from_environment(environ)
    given += [Given(n, v, COMMAND_LINE) for n, v in (options or {}).items() if v is not None]
    return _build(given, people, path)


def load_people(path: Path) -> People:
    """The principals and owners of a settings file as it is now.

    Raises:
        ConfigurationError: it cannot be read, or they are wrong.
    """
    return take_people(_read_toml(path)[1], path)


def find_file(config: str | Path | None, environ: Mapping[str, str], folder: Path) -> Path | None:
    """The settings file: the one named, else the first that exists of here and the user's folder."""
    named = config or environ.get("TAILRACE_CONFIG")
    if named:
        return Path(named)
    places = (folder / FILE_NAME, user_folder(environ) / FILE_NAME)
    return next((place for place in places if place.is_file()), None)


def user_folder(environ: Mapping[str, str]) -> Path:
    """Where the user's own files of Tailrace lie."""
    windows = environ.get("APPDATA") if sys.platform == "win32" else None
    return Path(environ.get("XDG_CONFIG_HOME") or windows or Path.home() / ".config") / "tailrace"


def _read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = path.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except OSError as error:
        raise ConfigurationError(
            f"The settings file {path} cannot be read.",
            cause=error.strerror or str(error),
            hint="Name another with --config.",
        ) from None
    except (ValueError, RecursionError) as error:
        raise ConfigurationError(
            f"The settings file {path} is not TOML.", cause=str(error), hint="Correct it at the place named."
        ) from None


def _from_file(table: Mapping[str, Any], text: str, path: Path) -> Iterator[Given]:
    for group, content in table.items():
        known = isinstance(content, dict) and group in GROUPS
        for key, value in flat(content) if known else [("", content)]:
            name = f"{group}.{key}" if known else group
            yield Given(name, value, _place(path, text, group, key))


def _place(path: Path, text: str, group: str, key: str) -> str:
    wanted = re.compile(rf'\s*"?{re.escape(key)}"?\s*=' if key else rf"\s*(\[+\s*)?{re.escape(group)}\b")
    inside = not key
    for number, line in enumerate(text.splitlines(), 1):
        if key and (header := re.match(r"\s*\[+\s*([^\[\]]+?)\s*\]", line)):
            inside = header[1] == group
        elif inside and wanted.match(line):
            return f"{path}, line {number}"
    return str(path)


def _from_environment(environ: Mapping[str, str]) -> Iterator[Given]:
    for variable in sorted(environ):
        if (
            not variable.startswith(PREFIX)
            or variable in OTHER_VARIABLES
            or _SERVICE_LINK.fullmatch(variable)
        ):
            continue
        if variable in VARIABLES or not variable.endswith("_FILE"):
            yield Given(_name_of(variable), environ[variable], variable)
        elif variable.removesuffix("_FILE") in environ:
            raise ConfigurationError(f"{variable.removesuffix('_FILE')} is given twice, also by {variable}.")
        else:
            yield Given(_name_of(variable.removesuffix("_FILE")), _content(variable, environ), variable)


def _name_of(variable: str) -> str:
    if variable in VARIABLES:
        return VARIABLES[variable]
    if variable.startswith(f"{PREFIX}KAFKA_"):
        return "kafka." + variable.removeprefix(f"{PREFIX}KAFKA_").lower()
    near = get_close_matches(variable, [*VARIABLES, *OTHER_VARIABLES], 1, 0.5)
    return _refuse(f"There is no setting {variable}.", "environment", near)


def _content(variable: str, environ: Mapping[str, str]) -> str:
    try:
        return Path(environ[variable]).read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"The file that {variable} names cannot be read.", cause=str(error)
        ) from None


def _known_by_its_own_name(given: Given) -> Given:
    return given._replace(name="kafka.brokers") if given.name in _BROKER_NAMES else given


def _build(given: list[Given], people: People, path: Path | None) -> Settings:
    values: dict[str, dict[str, Any]] = {group: {} for group in GROUPS}
    client: dict[str, object] = {}
    sources: dict[str, str] = {"principals": str(path)} if people.principals else {}
    for one in map(_known_by_its_own_name, given):
        group, _, key = one.name.partition(".")
        if one.name in DECLARED:
            values[group][key] = checked(DECLARED[one.name], one)
        elif group == "kafka" and key:
            client[key] = one.value
        else:
            _refuse(f"There is no setting {one.name}.", one.source, _nearest(one))
        sources[one.name] = one.source
    values["kafka"]["client"] = MappingProxyType(client)
    groups = {group: owner(**values[group]) for group, owner in GROUPS.items()}
    return Settings(
        **groups,
        principals=people.principals,
        owners=people.owners,
        file=path,
        sources=MappingProxyType(sources),
    )


def _nearest(given: Given) -> list[str]:
    name = given.name
    if isinstance(given.value, dict):
        return [f"[{near}]" for near in get_close_matches(name, [*GROUPS, "owners", "[principals]"], 1, 0.6)]
    by_field = {known.partition(".")[2]: known for known in DECLARED}
    near = get_close_matches(name, [*DECLARED, "principals"], 1, 0.6)
    return near or [by_field[n] for n in get_close_matches(name.rpartition(".")[2], by_field, 1, 0.6)]


def _refuse(detail: str, source: str, near: list[str]) -> NoReturn:
    hint = f"Did you mean {near[0]}?" if near else "`tailrace config` lists all settings."
    raise ConfigurationError(detail, cause=f"It was given in: {source}.", hint=hint)
