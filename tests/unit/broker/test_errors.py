"""What the disk refuses, in one sentence."""

import errno

import pytest

from tailrace.broker import EmbeddedKafkaError
from tailrace.broker.errors import disk_errors


@pytest.mark.parametrize(
    ("number", "sentence"),
    [(errno.ENOSPC, "No disk space"), (errno.EDQUOT, "No disk space"), (errno.EROFS, "Cannot write")],
)
def test_a_disk_that_refuses_is_named(tmp_path, number, sentence):
    """The folder stands in the sentence."""
    with pytest.raises(EmbeddedKafkaError, match=sentence) as caught, disk_errors(tmp_path):
        raise OSError(number, "refused")
    assert str(tmp_path) in caught.value.detail


def test_other_errors_pass(tmp_path):
    """They are not about the disk."""
    with pytest.raises(FileNotFoundError), disk_errors(tmp_path):
        raise FileNotFoundError(errno.ENOENT, "gone")
