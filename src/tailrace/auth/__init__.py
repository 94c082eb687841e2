"""Who may do what: identities, tokens, grants, sessions, origins, and the one `authorize`."""

from tailrace.auth.authorizer import Authorizer
from tailrace.auth.grants import Action, Grant, Principal
from tailrace.auth.identities import Identities, declared
from tailrace.auth.origins import (
    OriginRules,
    loopback_host,
    require_own_page,
    require_same_origin,
    same_origin,
)
from tailrace.auth.owners import DeclaredOwners, Owners
from tailrace.auth.safety import check_local, check_safe
from tailrace.auth.sessions import Sessions
from tailrace.auth.tokens import new_token, token_digest

__all__ = [
    "Action",
    "Authorizer",
    "DeclaredOwners",
    "Grant",
    "Identities",
    "OriginRules",
    "Owners",
    "Principal",
    "Sessions",
    "check_local",
    "check_safe",
    "declared",
    "loopback_host",
    "new_token",
    "require_own_page",
    "require_same_origin",
    "same_origin",
    "token_digest",
]
