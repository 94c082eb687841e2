from tailrace.core.errors import BrokerUnavailable, TailraceError


def test_an_error_in_a_traceback_says_why_and_what_to_do():
    """A program that prints an exception tells its user as much as the command line does."""
    error = BrokerUnavailable("Could not list topics.", cause="Refused.", hint="Start the broker.")
    assert str(error) == "Could not list topics. (Refused) Start the broker."
    assert str(TailraceError("No.")) == "No."
