"""Whose a resource is: a task, an experiment. Its owner may read its logs."""

from collections.abc import Collection, Mapping
from typing import Protocol


class Owners(Protocol):
    """Knows the principals that a resource belongs to."""

    async def of(self, resource: str, asker: str = "") -> Collection[str]:
        """The names of its owners; none where nobody is known.

        Args:
            resource: its id.
            asker: the principal's name for whom this is asked.

        Raises:
            Unavailable: it cannot be found out at present.
        """
        ...


class DeclaredOwners:
    """Those of the settings file; of what it does not name, another one is asked.

    Args:
        declared: the principal's name for each resource.
        otherwise: who is asked about the others.
    """

    def __init__(self, declared: Mapping[str, str] | None = None, otherwise: Owners | None = None) -> None:
        self._declared = dict(declared or {})
        self._otherwise = otherwise

    def replace(self, declared: Mapping[str, str]) -> None:
        """Go by another version of the file from now on."""
        self._declared = dict(declared)

    async def of(self, resource: str, asker: str = "") -> Collection[str]:
        """The names of its owners."""
        owner = self._declared.get(resource)
        if self._otherwise is None or (owner is not None and owner == asker):
            return () if owner is None else (owner,)
        # Also of what the file names: neither time nor failure tells an asker that it is another's.
        others = await self._otherwise.of(resource, asker)
        return others if owner is None else (owner,)
