"""What must not reach a log: tokens, passwords, cookies, by their form and by their field's name."""

import re
from collections.abc import Mapping
from math import isfinite

from tailrace.core.secrets import REDACTED

LONGEST_TEXT = 8192  # a longer text in a log line is cut here
DEEPEST = 6  # levels of nested fields; what lies deeper is written as a text

_NAMES = (
    r"[\w.-]*(?:token|password|passwd|secret|api[_-]?key|credentials?|jaas)|tailrace_session|"
    r"(?:proxy-)?authorization|(?:set-)?cookie"
)
# Found first in any text with a secret; most texts have none, and one search is cheaper than them all.
_HINT = re.compile(r"token|passw|secret|key|cred|jaas|session|auth|cookie|bearer|basic|tr_|@", re.I)
_SECRET_NAME = re.compile(_NAMES, re.IGNORECASE)
_PATTERNS = (
    # A header, to the end of its line.
    (re.compile(r"\b((?:proxy-)?authorization|(?:set-)?cookie)(['\"]?\s*[:=]\s*)[^\r\n]+", re.I), r"\1\2***"),
    # The same in quotes, where spaces belong to it.
    (
        re.compile(rf"(?<![\w.-])({_NAMES})(['\"]?\s*[:=,]\s*b?)(['\"])(?:\\.|(?!\3).)*", re.I | re.S),
        r"\1\2\3***",
    ),
    # token=…, password: …, in addresses, forms, JSON, connection strings.
    (re.compile(rf"(?<![\w.-])({_NAMES})(['\"]?\s*[:=]\s*b?['\"]?)[^&\s'\"#;,]+", re.I), r"\1\2***"),
    (re.compile(r"\b(bearer|basic)(\s+)[^\s'\",;]+", re.I), r"\1\2***"),
    (re.compile(r"\btr_[\w-]{8,}"), "tr_***"),
    # The password of an address.
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+(@)"), r"\1***\2"),
)


def redact(text: str) -> str:
    """The text, cut where it is too long, without what looks like a secret."""
    return mask(text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…")


def mask(text: str) -> str:
    """The text, however long, without what looks like a secret."""
    if not _HINT.search(text):
        return text
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def redact_field(name: str, value: object, depth: int = 0) -> object:
    """A field's value as something JSON can carry, without secrets in it, at any depth."""
    if _HINT.search(name) and _SECRET_NAME.fullmatch(name):
        return REDACTED
    if value is None or isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value)):
        return value
    if depth < DEEPEST and isinstance(value, Mapping):
        return {redact(str(key)): redact_field(str(key), inner, depth + 1) for key, inner in value.items()}
    if depth < DEEPEST and isinstance(value, list | tuple):
        return [redact_field("", inner, depth + 1) for inner in value]
    return redact(value if isinstance(value, str) else repr(value))
