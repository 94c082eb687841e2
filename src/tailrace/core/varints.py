"""Unsigned LEB128 numbers, as the short form of cursors packs them."""

_MAX_SHIFT = 63


def write_varint(out: bytearray, number: int) -> None:
    """Append a number of at most 64 bits."""
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)


class VarintReader:
    """Reads numbers and ASCII texts; raises ValueError at a damaged or cut place."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def at_end(self) -> bool:
        """Whether everything was read."""
        return self._at == len(self._data)

    def number(self) -> int:
        """The next number."""
        result = shift = 0
        while True:
            if self._at >= len(self._data):
                raise ValueError("cut short")
            byte = self._data[self._at]
            self._at += 1
            result |= (byte & 0x7F) << shift
            if byte < 0x80:
                return result
            shift += 7
            if shift > _MAX_SHIFT:
                raise ValueError("a number of more than 64 bits")

    def text(self) -> str:
        """The next text: its length, then ASCII."""
        length = self.number()
        piece = self._data[self._at : self._at + length]
        if len(piece) != length:
            raise ValueError("cut short")
        self._at += length
        return piece.decode("ascii")
