"""Keys go where Java's client sends them."""

import pytest

from tailrace.memory.partitioner import murmur2


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_a_hash_is_javas(data, expected):
    """The values that Kafka's own tests hold."""
    assert murmur2(data) == expected & 0xFFFFFFFF
