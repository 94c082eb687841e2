"""Every code of the client library has a fate."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from tailrace.core.errors import (
    BrokerUnavailable,
    Internal,
    Retry,
    TailraceError,
    TooLarge,
    TopicExists,
    TopicNotFound,
    UnknownOutcome,
)
from tailrace.kafka.errors import DEFAULT, FATES, explain, translate_error, translate_exception

CODES = {name: getattr(KafkaError, name) for name in dir(KafkaError) if name.isupper()}
# What nothing we ask for answers with: consumer groups, share groups, transactions' coordinators, delegation
# tokens, raft voters, serialisers, and signals inside of the library. A new code of a newer library is not
# here, and fails the test until someone has decided about it.
BY_DEFAULT = frozenset(
    """
    DELEGATION_TOKEN_AUTHORIZATION_FAILED DELEGATION_TOKEN_AUTH_DISABLED DELEGATION_TOKEN_EXPIRED
    DELEGATION_TOKEN_NOT_FOUND DELEGATION_TOKEN_OWNER_MISMATCH DELEGATION_TOKEN_REQUEST_NOT_ALLOWED
    DUPLICATE_VOTER ELECTION_NOT_NEEDED FEATURE_UPDATE_FAILED FENCED_INSTANCE_ID FENCED_MEMBER_EPOCH
    FENCED_STATE_EPOCH FETCH_SESSION_ID_NOT_FOUND GROUP_ID_NOT_FOUND GROUP_MAX_SIZE_REACHED
    GROUP_SUBSCRIBED_TO_TOPIC ILLEGAL_GENERATION INCONSISTENT_GROUP_PROTOCOL INCONSISTENT_VOTER_SET
    INVALID_COMMIT_OFFSET_SIZE INVALID_FETCH_SESSION_EPOCH INVALID_GROUP_ID INVALID_PRINCIPAL_TYPE
    INVALID_RECORD_STATE INVALID_REGISTRATION INVALID_REGULAR_EXPRESSION INVALID_SESSION_TIMEOUT
    INVALID_SHARE_SESSION_EPOCH INVALID_TRANSACTION_TIMEOUT INVALID_TXN_STATE INVALID_UPDATE_VERSION
    INVALID_VOTER_KEY MEMBER_ID_REQUIRED MISMATCHED_ENDPOINT_TYPE NON_EMPTY_GROUP NO_ERROR
    NO_REASSIGNMENT_IN_PROGRESS OFFSET_METADATA_TOO_LARGE PRINCIPAL_DESERIALIZATION_FAILURE
    REBALANCE_IN_PROGRESS RESOURCE_NOT_FOUND SHARE_SESSION_LIMIT_REACHED SHARE_SESSION_NOT_FOUND
    STALE_MEMBER_EPOCH STREAMS_INVALID_TOPOLOGY STREAMS_INVALID_TOPOLOGY_EPOCH STREAMS_TOPOLOGY_FENCED
    TELEMETRY_TOO_LARGE TRANSACTION_COORDINATOR_FENCED UNACCEPTABLE_CREDENTIAL UNKNOWN UNKNOWN_MEMBER_ID
    UNKNOWN_SUBSCRIPTION_ID UNRELEASED_INSTANCE_ID UNSTABLE_OFFSET_COMMIT UNSUPPORTED_ASSIGNOR
    UNSUPPORTED_ENDPOINT_TYPE VOTER_NOT_FOUND _APPLICATION _ASSIGNMENT_LOST _ASSIGN_PARTITIONS
    _AUTO_OFFSET_RESET _BAD_COMPRESSION _BAD_MSG _CONFLICT _EXISTING_SUBSCRIPTION _FAIL _FS _INTR
    _INVALID_TYPE _KEY_DESERIALIZATION _KEY_SERIALIZATION _LOG_TRUNCATION _MAX_POLL_EXCEEDED _NOOP
    _NOT_IMPLEMENTED _NO_OFFSET _OUTDATED _PARTIAL _PARTITION_EOF _READ_ONLY _REVOKE_PARTITIONS _UNDERFLOW
    _UNKNOWN_GROUP _UNKNOWN_PROTOCOL _VALUE_DESERIALIZATION _VALUE_SERIALIZATION _WAIT_CACHE
    """.split()
)


@pytest.mark.parametrize("name", sorted(CODES))
def test_every_code_has_one_fate(name):
    """In the table, or by decision the default; never both."""
    assert (CODES[name] in FATES) != (name in BY_DEFAULT)
    error = translate_error(KafkaError(CODES[name]), "It failed.")
    assert isinstance(error, TailraceError)
    assert isinstance(error, FATES.get(CODES[name], DEFAULT))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("UNKNOWN_TOPIC_OR_PART", TopicNotFound),
        ("TOPIC_ALREADY_EXISTS", TopicExists),
        ("MSG_SIZE_TOO_LARGE", TooLarge),
        ("_ALL_BROKERS_DOWN", BrokerUnavailable),
        ("_MSG_TIMED_OUT", UnknownOutcome),
        ("_NOENT", BrokerUnavailable),
        ("_FAIL", Internal),
    ],
)
def test_a_fate_is_what_a_client_can_act_on(name, expected):
    """The ones that clients meet."""
    assert type(translate_error(KafkaError(CODES[name]), "It failed.")) is expected


@pytest.mark.parametrize("name", ["_MSG_TIMED_OUT", "_PURGE_INFLIGHT", "REQUEST_TIMED_OUT"])
def test_what_may_have_been_stored_is_never_called_not_stored(name):
    """A client must not repeat it blindly."""
    assert translate_error(KafkaError(CODES[name]), "It failed.").retry is Retry.UNKNOWN_OUTCOME


def test_the_cause_keeps_the_librarys_words():
    """So that it can be searched for."""
    error = translate_exception(KafkaException(KafkaError(KafkaError._TRANSPORT, "why")), "It failed.")
    assert (error.detail, error.cause) == ("It failed.", "why (_TRANSPORT)")


@pytest.mark.parametrize(
    ("code", "told", "cause", "hint"),
    [
        (
            KafkaError._AUTHENTICATION,
            "sasl_ssl://h:1/bootstrap: SASL authentication error: no (after 3ms in state AUTH_REQ)",
            "SASL authentication error: no (_AUTHENTICATION)",
            "password",
        ),
        (
            KafkaError._SSL,
            "ssl://h:1/1: handshake failed: a: b",
            "handshake failed: a: b (_SSL)",
            "certificates",
        ),
        (KafkaError._TRANSPORT, "ssl://h:1/1: SSL closed", "SSL closed (_TRANSPORT)", "security_protocol"),
        (
            KafkaError._BAD_MSG,
            "h:1/bootstrap: Receive failed: Invalid response size 1213486160 (0..100000000): increase it",
            "What listens there speaks HTTP, as a gateway does (_BAD_MSG)",
            "--url",
        ),
        (KafkaError._RESOLVE, "h:1/bootstrap: Failed to resolve", "Failed to resolve (_RESOLVE)", "before"),
    ],
)
def test_a_reason_told_to_a_connection_is_the_cause(code, told, cause, hint):
    """Without the broker's name and the time it took; what to do follows the reason."""
    error = BrokerUnavailable("It failed.", cause="timed out", hint="before")
    explain(error, KafkaError(code, told))
    assert error.cause == cause
    assert hint in error.hint
