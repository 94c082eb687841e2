"""What a node's logs say of its end."""

import pytest

from tailrace.broker.installation import Installation
from tailrace.broker.node import END_BYTES, Node
from tailrace.broker.settings import Listener, NodeSettings

NOISE = b"INFO all is well\n" * (END_BYTES // 10)


@pytest.fixture
def node(tmp_path):
    """A node that was never started."""
    settings = NodeSettings(1, {1: 9093}, 9094, {Listener(): 9092}, tmp_path / "data")
    return Node(Installation(tmp_path / "java", ()), tmp_path, settings, ())


@pytest.mark.parametrize("reason", [b"No space left on device", b"Disk quota exceeded"])
@pytest.mark.parametrize("name", ["log", "console"])
def test_a_full_disk_is_found_in_either_log(node, name, reason):
    """Kafka's own log, or what Java says where that log could not be written."""
    getattr(node, name).write_bytes(NOISE + b"java.io.IOException: " + reason + b"\n")
    assert node.lacked_space()


def test_other_ends_have_nothing_to_do_with_the_disk(node):
    """Neither without a log nor with one that speaks of other things."""
    assert not node.lacked_space()
    node.log.write_bytes(NOISE)
    assert not node.lacked_space()
