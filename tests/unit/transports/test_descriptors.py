"""As many connections as there are file descriptors for."""

import resource

import pytest

from tailrace.transports.descriptors import RESERVED, connections_that_fit


@pytest.fixture
def limits():
    """The process's own bounds, which are put back."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield lambda soft: resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_bound_of_the_process_is_raised_as_far_as_is_needed(limits):
    """Systems give a thousand to whoever does not ask for more."""
    limits(1024)
    assert connections_that_fit(2000) == 2000
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 2000 + RESERVED


def test_a_connection_that_reads_a_log_is_two(limits):
    """Itself and its file."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    limits(1024)
    assert connections_that_fit(1000, 2) == 1000
    assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 2000 + RESERVED
    assert connections_that_fit(hard, 2) == (hard - RESERVED) // 2


def test_what_does_not_fit_is_lowered_and_told(limits, caplog):
    """Better than to take connections that then can't be served, nor Kafka asked for them."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert connections_that_fit(hard) == hard - RESERVED
    (told,) = caplog.records
    assert (told.levelname, told.fields["connections"]) == ("WARNING", hard - RESERVED)
