"""Who is asked before a log is given."""

import pytest

from tailrace.auth import Action, Authorizer, Grant, Identities, Principal, Sessions
from tailrace.core.errors import NotFound, Unauthenticated, Unavailable
from tailrace.transports.access import HeaderAccess

READS = (Grant(frozenset({Action.READ}), "public.*"),)


class Asked:
    """Owners that nobody may ask without need."""

    def __init__(self):
        self.of_whom = []

    async def of(self, resource, asker=""):
        self.of_whom.append((resource, asker))
        if resource == "away":
            raise Unavailable("Away.")
        return ("ann",) if resource == "job" else ()


@pytest.fixture
def owners():
    return Asked()


@pytest.fixture
def access(owners):
    return HeaderAccess(Identities((), Sessions()), Authorizer(), Sessions(), owners)


async def test_who_shows_no_token_asks_nobody(access, owners):
    """Whatever anonymous is granted: it never owns, and everybody is anonymous."""
    anonymous = Principal("anonymous", READS)
    with pytest.raises(Unauthenticated):
        await access.authorize_log(anonymous, "job")
    assert not await access.authorize_log(anonymous, "public.job")
    assert not await access.owned(anonymous, "public.job")
    assert owners.of_whom == []


async def test_a_grant_needs_no_owner(access, owners):
    """So that its holder reads while owners cannot be found out."""
    assert not await access.authorize_log(Principal("root", (Grant(READS[0].actions, "*"),)), "away")
    assert owners.of_whom == []


async def test_an_owner_is_asked_for_by_name(access, owners):
    """And whoever is none is told that there is no such task."""
    assert await access.authorize_log(Principal("ann"), "job")
    with pytest.raises(NotFound):
        await access.authorize_log(Principal("bob"), "job")
    assert owners.of_whom == [("job", "ann"), ("job", "bob")]
