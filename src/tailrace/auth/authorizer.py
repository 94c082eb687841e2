"""The one decision for every way in."""

from collections.abc import Collection

from tailrace.auth.grants import Action, Principal
from tailrace.core.errors import Forbidden

_LOG_IN = "Send a token: the header `Authorization: Bearer TOKEN`, or the option --token."


class Authorizer:
    """Denies unless granted; never asks whether a topic exists, so a refusal tells nothing about it."""

    def allows(
        self, principal: Principal, action: Action, topic: str | None, owners: Collection[str] = ()
    ) -> bool:
        """Whether a grant covers this; no topic means all topics, which only the pattern * covers.

        Who is among `owners`, those of a resource of this name, may read it.
        """
        if action is Action.READ and principal.name in owners and not principal.anonymous:
            return True
        return any(
            (grant.pattern == "*" if topic is None else grant.covers(topic)) and grant.permits(action)
            for grant in principal.grants
        )

    def authorize(
        self, principal: Principal, action: Action, topic: str | None, owners: Collection[str] = ()
    ) -> None:
        """Return when it is allowed.

        Raises:
            Forbidden: it is not granted; the same words whether the topic exists or not.
        """
        if not self.allows(principal, action, topic, owners):
            raise Forbidden(
                f"{principal.name} may not {action.value} {'all topics' if topic is None else topic}.",
                hint=_LOG_IN if principal.anonymous else "Ask for a grant on this topic.",
            )
