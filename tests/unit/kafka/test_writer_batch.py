"""How much of an append fits, and a batch that fails half-way."""

import pytest

from tailrace.core.errors import TopicNotFound
from tailrace.core.ports import NewRecord, Stored
from tailrace.kafka.writer_batch import OVERHEAD_BYTES, Batch, fitting

RECORD = NewRecord(b"1234", b"56", headers=(("78", b"9"), ("0", None)))
SIZE = OVERHEAD_BYTES + 10


@pytest.mark.parametrize(
    ("most", "most_bytes", "at_least", "expected"),
    [
        (5, SIZE * 5, 0, (3, SIZE * 3)),
        (2, SIZE * 5, 0, (2, SIZE * 2)),
        (5, SIZE * 2 + 1, 0, (2, SIZE * 2)),
        (5, SIZE - 1, 0, (0, 0)),
        (5, SIZE - 1, 1, (1, SIZE)),
        (0, SIZE * 5, 0, (0, 0)),
    ],
)
def test_records_fit_by_number_and_by_bytes(most, most_bytes, at_least, expected):
    """From the front; headers count, and one may be asked for whatever its size."""
    assert fitting([RECORD] * 3, most, most_bytes, at_least=at_least) == expected


def test_no_records_fit_without_any():
    """Nothing is taken of nothing."""
    assert fitting([], 5, 1000) == (0, 0)


def test_a_batch_keeps_the_outcomes_of_what_was_sent():
    """Only the rest gets the error."""
    batch = Batch("t", [RECORD] * 3, SIZE * 3, lambda outcomes: None)
    batch.outcomes[0] = Stored(0, 7, 1)
    batch.at, batch.pending = 1, 2
    error = TopicNotFound("gone")
    batch.fail_rest(error)
    assert batch.outcomes == [Stored(0, 7, 1), error, error]
    assert batch.pending == 0
