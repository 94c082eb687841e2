"""Tokens: 32 random bytes, of which only a SHA-256 is kept; and how clients show one."""

import base64
import binascii
import hashlib
import re
import secrets
from typing import NamedTuple

TOKEN_PREFIX = "tr_"  # noqa: S105 - what all tokens begin with, not one of them
TOKEN_BYTES = 32

DIGEST = re.compile(r"[0-9a-f]{64}")


def new_token() -> str:
    """A fresh token, the only time it is seen."""
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def token_digest(token: str) -> str:
    """What settings keep of a token; enough without salt, since a token is 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


class Shown(NamedTuple):
    """What an Authorization header shows; `user` is empty where none is claimed."""

    token: str
    user: str = ""


def shown_in(authorization: str) -> Shown:
    """Bearer, Basic with the bare token, base64(token:) or base64(user:token); an empty token is none."""
    scheme, _, rest = authorization.strip().partition(" ")
    credentials = rest.strip()
    if scheme.lower() == "bearer":
        return Shown(credentials)
    if scheme.lower() != "basic":
        return Shown("")
    user, colon, password = _decoded(credentials).partition(":")
    if not colon:
        return Shown(credentials)
    # curl -u TOKEN: sends it as the user; others put it where a password belongs.
    return Shown(password, user) if password else Shown(user)


def _decoded(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
