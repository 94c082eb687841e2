"""How large one message of a socket may be."""

# JSON writes a control character in six bytes, so that is a record's text at its longest.
_JSON_BYTES_PER_BYTE = 6
_ENVELOPE_BYTES = 1024


def frame_bytes(record_bytes: int) -> int:
    """The largest message that can hold a record of this size; a record too large by less is told so."""
    return record_bytes * _JSON_BYTES_PER_BYTE + _ENVELOPE_BYTES
