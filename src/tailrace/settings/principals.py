"""The file's `[[principals]]` and `[owners]`, their form checked; what they mean is for `tailrace.auth`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any

from tailrace.core.errors import ConfigurationError
from tailrace.settings.declarations import GrantEntry, PrincipalEntry
from tailrace.settings.tables import flat


@dataclass(frozen=True, slots=True)
class People:
    """What of the file says who may do what; it is read again while a gateway runs."""

    principals: tuple[PrincipalEntry, ...] = ()
    owners: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def take_people(table: dict[str, Any], path: Path) -> People:
    """Take the two tables out of the file's content."""
    principals = read_principals(table.pop("principals", []), path)
    return People(principals, _owners(table.pop("owners", {}), path))


def _owners(entries: object, path: Path) -> Mapping[str, str]:
    owners = dict(flat(entries)) if isinstance(entries, dict) else {"": entries}
    if not all(task and isinstance(owner, str) for task, owner in owners.items()):
        raise ConfigurationError(
            f"owners must be an [owners] table in {path}.", hint='A line of it reads "TASK" = "principal".'
        )
    return MappingProxyType(owners)


def read_principals(entries: object, path: Path) -> tuple[PrincipalEntry, ...]:
    """The tables as values; `path` is for the errors."""
    if not isinstance(entries, list):
        raise ConfigurationError(f"principals must be [[principals]] tables in {path}.")
    return tuple(_principal(entry, f"principal {n} in {path}") for n, entry in enumerate(entries, 1))


def _principal(entry: object, where: str) -> PrincipalEntry:
    table = _table(entry, where, ("name", "token_sha256", "grants"), needs=("name",))
    grants = table.get("grants", [])
    token = table.get("token_sha256")
    if (
        not isinstance(table["name"], str)
        or not isinstance(grants, list)
        or not isinstance(token, str | None)
    ):
        raise ConfigurationError(f"{where}: name and token_sha256 are texts, grants is a list.")
    return PrincipalEntry(table["name"], token, tuple(_grant(grant, where) for grant in grants))


def _grant(entry: object, where: str) -> GrantEntry:
    table = _table(entry, f"a grant of {where}", ("actions", "topic"), needs=("actions", "topic"))
    actions, topic = table["actions"], table["topic"]
    if (
        not isinstance(topic, str)
        or not isinstance(actions, list)
        or not all(isinstance(a, str) for a in actions)
    ):
        raise ConfigurationError(f'A grant of {where} reads {{actions = ["read"], topic = "orders.*"}}.')
    return GrantEntry(tuple(actions), topic)


def _table(entry: object, where: str, known: tuple[str, ...], needs: tuple[str, ...]) -> dict[str, object]:
    if not isinstance(entry, dict):
        raise ConfigurationError(f"{where} must be a table.")
    for name in entry:
        if name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"Did you mean {near[0]}?" if near else f"It knows {', '.join(known)}."
            raise ConfigurationError(f"There is no {name!r} in {where}.", hint=hint)
    for name in needs:
        if name not in entry:
            raise ConfigurationError(f"{where} has no {name!r}.")
    return entry
