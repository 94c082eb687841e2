"""Owners that a database or a service knows; which of them, the settings say."""

from tailrace.auth import Owners
from tailrace.core.errors import ConfigurationError
from tailrace.owners.cache import CachedOwners, Source
from tailrace.owners.http import HttpOwners
from tailrace.settings import Ownership

__all__ = ["CachedOwners", "HttpOwners", "looked_up"]


def looked_up(settings: Ownership) -> Owners | None:
    """Who is asked for owners, if anybody.

    Raises:
        ConfigurationError: the settings fit no way of asking.
    """
    source = _source(settings)
    if source is None:
        return None
    return CachedOwners(source, settings.cache, settings.cache_size)


def _source(settings: Ownership) -> Source | None:
    if settings.database_url and settings.http_url:
        raise ConfigurationError(
            "ownership.database_url and ownership.http_url exclude each other.", hint="Keep one of them."
        )
    if settings.database_url:
        # An extra, and heavy.
        from tailrace.owners.sql import SqlOwners  # noqa: PLC0415

        return SqlOwners(settings.database_url, settings.query, settings.timeout)
    if settings.http_url:
        return HttpOwners(settings.http_url, settings.http_token, settings.timeout)
    return None
