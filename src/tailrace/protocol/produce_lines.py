"""A byte stream cut into whole lines, and blocks of them into parts that are parsed in one go."""

from tailrace.core.errors import TooLarge

# Lines parsed in one go; others on the loop wait for as long as this takes (about 0.5 ms).
MAX_LINES_AT_ONCE = 500


class LineBuffer:
    """Cuts a byte stream into blocks of whole lines.

    Raises TooLarge at a line above the limit; what was whole before it has been given out.
    """

    def __init__(self, max_line: int) -> None:
        self._max_line = max_line
        self._pieces: list[bytes] = []
        self._size = 0

    @property
    def pending(self) -> bool:
        """Whether a line has begun and not ended."""
        return self._size > 0

    def feed(self, data: bytes) -> bytes:
        """The whole lines that the data completes, with their line feeds; often empty."""
        cut = data.rfind(b"\n") + 1
        if not cut:
            self._keep(data)
            return b""
        self._size += data.index(b"\n")
        self.check()
        block = b"".join((*self._pieces, data[:cut])) if self._pieces else data[:cut]
        self._pieces, self._size = [], 0
        self._keep(data[cut:])
        return block

    def check(self) -> None:
        """Refuse an unfinished line that is too long already."""
        if self._size > self._max_line:
            raise TooLarge(f"A line is longer than {self._max_line} bytes.", hint="See limits.line.")

    def rest(self) -> bytes:
        """A last line that ended with the body instead of a line feed."""
        rest, self._pieces, self._size = b"".join(self._pieces), [], 0
        return rest

    def _keep(self, piece: bytes) -> None:
        if piece:
            self._pieces.append(piece)
            self._size += len(piece)


def batches(block: bytes) -> list[bytes]:
    """A block of lines in parts of at most MAX_LINES_AT_ONCE lines."""
    if block.count(b"\n") <= MAX_LINES_AT_ONCE:
        return [block]
    lines = block.split(b"\n")
    return [b"\n".join(lines[at : at + MAX_LINES_AT_ONCE]) for at in range(0, len(lines), MAX_LINES_AT_ONCE)]
