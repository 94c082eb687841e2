"""Principals and what they may do: an action on the topics that a pattern covers."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from tailrace.core.cursors import valid_topic_name
from tailrace.core.errors import ConfigurationError

ANONYMOUS = "anonymous"

# A pattern's part before the star, where names may end anywhere.
_PREFIX = re.compile(r"[A-Za-z0-9._-]{0,249}")


class Action(StrEnum):
    """What can be done with a topic."""

    READ = "read"
    WRITE = "write"
    CREATE = "create"
    DELETE = "delete"
    DESCRIBE = "describe"
    ADMIN = "admin"


EVERYTHING = frozenset(Action)

# Who may use or change a topic may know that it is there, as with Kafka's own permissions.
_LETS_DESCRIBE = frozenset({Action.READ, Action.WRITE, Action.DELETE, Action.ADMIN})


@dataclass(frozen=True, slots=True)
class Grant:
    """Actions on a topic's name, or on all names with a prefix: `orders`, `orders.*`, `*`."""

    actions: frozenset[Action]
    pattern: str

    @classmethod
    def parse(cls, actions: Iterable[str], pattern: str) -> "Grant":
        """A grant from words.

        Raises:
            ConfigurationError: an action or the pattern is none.
        """
        words = list(actions)
        unknown = [word for word in words if word not in EVERYTHING]
        if unknown or not words:
            raise ConfigurationError(
                f"A grant on {pattern!r} names {f'the action {unknown[0]!r}' if unknown else 'no action'}.",
                hint=f"Actions are {', '.join(Action)}.",
            )
        if not valid_pattern(pattern):
            raise ConfigurationError(
                f"{pattern!r} is no pattern for topics.",
                hint="Use a topic's name, or the beginning of names and one * at the end, such as orders.*",
            )
        return cls(frozenset(map(Action, words)), pattern)

    def covers(self, topic: str) -> bool:
        """Whether the pattern takes the topic."""
        if self.pattern.endswith("*"):
            return topic.startswith(self.pattern[:-1])
        return topic == self.pattern

    def permits(self, action: Action) -> bool:
        """Whether the action is among those granted."""
        return action in self.actions or (action is Action.DESCRIBE and bool(self.actions & _LETS_DESCRIBE))


def valid_pattern(pattern: str) -> bool:
    """A literal topic name, or a literal beginning and one star at the end."""
    if pattern.endswith("*"):
        return bool(_PREFIX.fullmatch(pattern[:-1]))
    return valid_topic_name(pattern)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `by_cookie` says that a browser proved it, which any page can make it do."""

    name: str
    grants: tuple[Grant, ...] = ()
    by_cookie: bool = False

    @property
    def anonymous(self) -> bool:
        """Whether nothing was proven."""
        return self.name == ANONYMOUS

    def through_cookie(self) -> "Principal":
        """The same principal, proven by a browser's cookie."""
        return replace(self, by_cookie=True)
