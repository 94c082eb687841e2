"""The one decision for every way in."""

from tailrace.auth.grants import Action, Principal
from tailrace.core.errors import Forbidden

_LOG_IN = "Send a token: the header `Authorization: Bearer TOKEN`, or the option --token."


class Authorizer:
    """Denies unless granted; never asks whether a topic exists, so a refusal tells nothing about it."""

    def allows(self, principal: Principal, action: Action, topic: str | None) -> bool:
        """Whether a grant covers this; no topic means all topics, which only the pattern * covers."""
        return any(
            (grant.pattern == "*" if topic is None else grant.covers(topic)) and grant.permits(action)
            for grant in principal.grants
        )

    def authorize(self, principal: Principal, action: Action, topic: str | None) -> None:
        """Return when it is allowed.

        Raises:
            Forbidden: it is not granted; the same words whether the topic exists or not.
        """
        if not self.allows(principal, action, topic):
            raise Forbidden(
                f"{principal.name} may not {action.value} {'all topics' if topic is None else topic}.",
                hint=_LOG_IN if principal.anonymous else "Ask for a grant on this topic.",
            )
