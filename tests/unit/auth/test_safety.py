"""Starts that would be open to the network are refused."""

import itertools

import pytest

from tailrace.auth import Identities, Sessions, check_local, check_safe, token_digest
from tailrace.core.errors import ConfigurationError
from tailrace.settings import GrantEntry, PrincipalEntry, Server, Settings

READS = (GrantEntry(("read",), "orders"),)
NOBODY = ((), (PrincipalEntry("anonymous"),))
SOMEBODY = ((PrincipalEntry("alice", token_digest("t")),), (PrincipalEntry("anonymous", None, READS),))
LOCAL = ("127.0.0.1", "::1", "localhost")
NETWORK = ("0.0.0.0", "::", "", "10.0.0.1", "gateway.example")


@pytest.mark.parametrize(("host", "principals"), list(itertools.product(LOCAL + NETWORK, SOMEBODY)))
def test_with_identities_any_address_is_fine(host, principals):
    """Grants decide then."""
    check_safe(Settings(server=Server(host=host), principals=principals))


@pytest.mark.parametrize(("host", "principals"), list(itertools.product(LOCAL + NETWORK, NOBODY)))
def test_without_identities_nothing_starts(host, principals):
    """Not even on this machine, unless --open is typed."""
    with pytest.raises(ConfigurationError, match="No identity"):
        check_safe(Settings(server=Server(host=host), principals=principals))


def test_an_anonymous_who_may_do_nothing_is_named():
    """The file has a principal, so the sentence says what it lacks."""
    with pytest.raises(ConfigurationError) as refused:
        check_safe(Settings(principals=(PrincipalEntry("anonymous"),)))
    assert refused.value.cause == "The principal anonymous has no grants."


def test_a_principal_without_a_token_is_told_what_it_lacks():
    """Not that there were no principals."""
    settings = Settings(principals=(PrincipalEntry("a"),))
    check_safe(settings)
    with pytest.raises(ConfigurationError, match="'a' has no token_sha256"):
        Identities.from_settings(settings, Sessions())


@pytest.mark.parametrize(("host", "principals"), list(itertools.product(NETWORK, NOBODY + SOMEBODY)))
def test_open_never_leaves_this_machine(host, principals):
    """Identities do not change that: anonymous may do everything."""
    with pytest.raises(ConfigurationError, match="this machine only"):
        check_safe(Settings(server=Server(host=host, open=True), principals=principals))


@pytest.mark.parametrize("host", LOCAL)
def test_open_starts_on_this_machine(host):
    """Typed, and loopback."""
    check_safe(Settings(server=Server(host=host, open=True)))


@pytest.mark.parametrize("host", LOCAL)
def test_a_first_look_starts_on_this_machine(host):
    """Its visitors need no token."""
    check_local(Settings(server=Server(host=host)))


@pytest.mark.parametrize(("host", "principals"), list(itertools.product(NETWORK, NOBODY + SOMEBODY)))
def test_a_first_look_never_leaves_this_machine(host, principals):
    """Another machine could say that it is this one: all it takes is a Host header."""
    with pytest.raises(ConfigurationError, match="this machine only"):
        check_local(Settings(server=Server(host=host), principals=principals))
