"""Which pages may use what a browser holds: the rules for Origin and Host, as plain functions."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from tailrace.auth.grants import Principal
from tailrace.core.errors import Forbidden

# Every request is asked the same of the same few hosts; parsing an address takes a tenth of a small one.
KEPT_ANSWERS = 1024

_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


@lru_cache(KEPT_ANSWERS)
def same_origin(origin: str | None, host: str | None) -> bool:
    """Whether a page's Origin is this server, as the client addressed it by Host.

    The scheme is not compared: behind a proxy that ends TLS it is not known, and SameSite=Strict
    cookies already stay away from the other scheme.
    """
    page = _origin_place(origin)
    if page is None:
        return False
    scheme, name, port = page
    return _host_place(host, _PORTS.get(scheme)) == (name, port)


@lru_cache(KEPT_ANSWERS)
def loopback_host(host: str | None) -> bool:
    """Whether Host names this machine: a rebound DNS name does not, although it leads here."""
    place = _host_place(host, None)
    return place is not None and _is_loopback(place[0])


def loopback_origin(origin: str | None) -> bool:
    """Whether the page was served by this machine."""
    page = _origin_place(origin)
    return page is not None and _is_loopback(page[1])


@dataclass(frozen=True, slots=True)
class OriginRules:
    """Whose pages may call: those listed (* is any), of this machine, and those without an origin (null)."""

    listed: Collection[str] = ()
    loopback: bool = False
    null: bool = False

    def takes(self, origin: str | None, host: str | None) -> bool:
        """Whether a request with this Origin may go on; without one no foreign page sent it."""
        if origin is None or same_origin(origin, host):
            return True
        if origin == "null":
            return self.null
        return "*" in self.listed or origin in self.listed or (self.loopback and loopback_origin(origin))


def require_own_page(origin: str | None, host: str | None) -> None:
    """Let a login go on unless a page of another site sends it; without an Origin no page does.

    Raises:
        Forbidden: the Origin is another one.
    """
    if origin is not None and not same_origin(origin, host):
        raise Forbidden(
            "A browser session is opened by pages of this server only.",
            cause="The request's Origin is another one.",
            hint="Send the token in the Authorization header instead.",
        )


def require_same_origin(principal: Principal, origin: str | None, host: str | None) -> None:
    """Let a write go on unless another page may have made the browser send it.

    Raises:
        Forbidden: the write was proven by cookie only and does not come from a page of this server.
    """
    if principal.by_cookie and not same_origin(origin, host):
        raise Forbidden(
            "A write by cookie needs an Origin of this server.",
            cause="The request has none." if origin is None else "Its Origin is another one.",
            hint="Send the token in the Authorization header instead.",
        )


def require_page(pages: OriginRules, origin: str | None, host: str | None) -> None:
    """Let a write that proves nothing go on unless another site's page makes a visitor's browser send it.

    Raises:
        Forbidden: it does; such a page would write from wherever its visitor is, behind any firewall.
    """
    if not pages.takes(origin, host):
        raise Forbidden(
            "Pages of other sites write nothing here without a token.",
            cause="The request's Origin is neither this server nor one of server.origins.",
            hint="Send a token in the Authorization header, or add the origin to server.origins.",
        )


def _origin_place(origin: str | None) -> tuple[str, str, int | None] | None:
    try:
        parts = urlsplit(origin or "")
        port = parts.port
    except ValueError:
        return None
    bare = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    if not bare or not parts.hostname or parts.scheme not in _PORTS:
        return None
    return parts.scheme, parts.hostname, port or _PORTS[parts.scheme]


def _host_place(host: str | None, default_port: int | None) -> tuple[str, int | None] | None:
    try:
        parts = urlsplit(f"//{host or ''}")
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or parts.netloc != host or "@" in parts.netloc:
        return None
    return parts.hostname, port or default_port


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
