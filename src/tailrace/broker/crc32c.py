"""CRC-32C (Castagnoli), which Kafka's record batches carry and Python's library lacks."""

from typing import Final

POLYNOMIAL: Final = 0x82F63B78


def _entry(index: int) -> int:
    for _ in range(8):
        index = (index >> 1) ^ (POLYNOMIAL if index & 1 else 0)
    return index


TABLE: Final = tuple(_entry(index) for index in range(256))


def crc32c(data: bytes) -> int:
    """The checksum of some bytes; meant for hundreds of them, not for megabytes."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = TABLE[(crc ^ byte) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF
