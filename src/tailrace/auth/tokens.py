"""Tokens: 32 random bytes, of which only a SHA-256 is kept; and how clients show one."""

import base64
import binascii
import hashlib
import re
import secrets

TOKEN_PREFIX = "tr_"  # noqa: S105 - what all tokens begin with, not one of them
TOKEN_BYTES = 32

DIGEST = re.compile(r"[0-9a-f]{64}")


def new_token() -> str:
    """A fresh token, the only time it is seen."""
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def token_digest(token: str) -> str:
    """What settings keep of a token; enough without salt, since a token is 256 random bits."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def shown_token(authorization: str) -> str | None:
    """The token in an Authorization header: Bearer, Basic base64(token:) or Basic with the bare token."""
    scheme, _, rest = authorization.strip().partition(" ")
    credentials = rest.strip()
    if scheme.lower() == "bearer":
        return credentials or None
    if scheme.lower() != "basic":
        return None
    user, colon, password = _decoded(credentials).partition(":")
    if not colon:
        return credentials or None
    # curl -u TOKEN: sends it as the user; others put it where a password belongs.
    return password or user or None


def _decoded(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
