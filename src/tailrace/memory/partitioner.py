"""Which partition a key belongs to: as Java's client, and ours on Kafka, choose it."""

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_WORD = 0xFFFFFFFF


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key among so many."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """The 32-bit hash, unsigned."""
    found = _SEED ^ len(data)
    whole = len(data) & ~3
    for at in range(0, whole, 4):
        found = (found * _MULTIPLIER & _WORD) ^ _mixed(int.from_bytes(data[at : at + 4], "little"))
    if whole < len(data):
        found = (found ^ int.from_bytes(data[whole:], "little")) * _MULTIPLIER & _WORD
    found = (found ^ found >> 13) * _MULTIPLIER & _WORD
    return found ^ found >> 15


def _mixed(word: int) -> int:
    word = word * _MULTIPLIER & _WORD
    return (word ^ word >> 24) * _MULTIPLIER & _WORD
