"""Who may do what: identities, tokens, grants, sessions, origins, and the one `authorize`."""

from tailrace.auth.authorizer import Authorizer
from tailrace.auth.grants import Action, Grant, Principal
from tailrace.auth.identities import Identities
from tailrace.auth.origins import (
    OriginRules,
    loopback_host,
    require_own_page,
    require_same_origin,
    same_origin,
)
from tailrace.auth.safety import check_local, check_safe
from tailrace.auth.sessions import Sessions
from tailrace.auth.tokens import new_token, token_digest

__all__ = [
    "Action",
    "Authorizer",
    "Grant",
    "Identities",
    "OriginRules",
    "Principal",
    "Sessions",
    "check_local",
    "check_safe",
    "loopback_host",
    "new_token",
    "require_own_page",
    "require_same_origin",
    "same_origin",
    "token_digest",
]
