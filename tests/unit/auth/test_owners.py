"""Ownership in the one decision, and principals that change while a gateway runs."""

import pytest

from tailrace.auth import (
    Action,
    Authorizer,
    DeclaredOwners,
    Grant,
    Identities,
    Principal,
    Sessions,
    declared,
    token_digest,
)
from tailrace.core.errors import ConfigurationError, Forbidden, Unauthenticated, Unavailable
from tailrace.settings import GrantEntry, PrincipalEntry, Settings

ANN = Principal("ann")


def test_an_owner_reads_and_nothing_else():
    """Whoever is named, without a grant."""
    authorizer = Authorizer()
    authorizer.authorize(ANN, Action.READ, "job", ("ann",))
    for action in set(Action) - {Action.READ}:
        with pytest.raises(Forbidden):
            authorizer.authorize(ANN, action, "job", ("ann",))


def test_anonymous_owns_nothing():
    """Even where a file says so: it would be everybody's."""
    assert not Authorizer().allows(Principal("anonymous"), Action.READ, "job", ("anonymous",))


def test_a_grant_is_enough_without_ownership():
    """And another's ownership takes nothing away."""
    reader = Principal("root", (Grant(frozenset({Action.READ}), "*"),))
    assert Authorizer().allows(reader, Action.READ, "job", ("ann",))


async def test_declared_owners_come_first():
    """Of what the file does not name, the other one is asked."""
    owners = DeclaredOwners({"a": "ann"}, DeclaredOwners({"a": "bob", "b": "bob"}))
    assert [*await owners.of("a"), *await owners.of("b"), *await owners.of("c")] == ["ann", "bob"]
    owners.replace({})
    assert await owners.of("a") == ("bob",)


class Away:
    """Can't say who owns anything."""

    async def of(self, resource, asker=""):
        raise Unavailable("Away.")


async def test_a_declared_owner_is_told_to_its_owner_alone_without_asking():
    """For everybody else it is asked about as a task that is not there, and fails like it."""
    owners = DeclaredOwners({"a": "ann"}, Away())
    assert await owners.of("a", "ann") == ("ann",)
    for task in ("a", "none"):
        with pytest.raises(Unavailable):
            await owners.of(task, "eve")


def entry(name, token, *patterns):
    return PrincipalEntry(
        name, token and token_digest(token), tuple(GrantEntry(("read",), pattern) for pattern in patterns)
    )


def with_people(*entries):
    sessions = Sessions()
    return Identities.from_settings(Settings(principals=entries), sessions), sessions


def replace(identities, *entries):
    identities.replace(declared(entries, open_=False))


def test_tokens_and_grants_are_those_of_now():
    """New ones count at once, old ones no more."""
    identities, _ = with_people(entry("ann", "tr_1", "a"))
    replace(identities, entry("ann", "tr_2", "b"), entry("bob", "tr_3"))
    assert identities.by_token("tr_2").grants[0].pattern == "b"
    assert identities.by_token("tr_3").name == "bob"
    with pytest.raises(Unauthenticated):
        identities.by_token("tr_1")


def test_a_session_has_the_grants_of_now():
    """And ends with its token."""
    identities, sessions = with_people(entry("ann", "tr_1", "a"))
    cookie = f"tailrace_session={sessions.open(identities.by_token('tr_1'))}"
    replace(identities, entry("ann", "tr_1", "b"))
    found = identities.identify(None, cookie)
    assert (found.grants[0].pattern, found.by_cookie) == ("b", True)
    replace(identities, entry("ann", "tr_2", "b"))
    assert len(sessions) == 0
    with pytest.raises(Unauthenticated):
        identities.identify(None, cookie)


def test_who_is_gone_has_no_session():
    """However long it was to live."""
    identities, sessions = with_people(entry("ann", "tr_1"), entry("bob", "tr_2"))
    sessions.open(identities.by_token("tr_1"))
    replace(identities, entry("bob", "tr_2"))
    assert len(sessions) == 0


def test_wrong_principals_change_nothing():
    """The last good version stays in force."""
    identities, _ = with_people(entry("ann", "tr_1"))
    with pytest.raises(ConfigurationError):
        replace(identities, entry("bob", "tr_2"), entry("bob", "tr_3"))
    assert identities.by_token("tr_1").name == "ann"


@pytest.mark.parametrize("entries", [(), (entry("anonymous", None),)])
def test_a_file_without_anybody_changes_nothing(entries):
    """It is being written, or was emptied: sessions and tokens stay good."""
    identities, sessions = with_people(entry("ann", "tr_1"))
    sessions.open(identities.by_token("tr_1"))
    with pytest.raises(ConfigurationError, match="No identity"):
        replace(identities, *entries)
    assert identities.by_token("tr_1").name == "ann"
    assert len(sessions) == 1
