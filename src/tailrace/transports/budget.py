"""Bytes that all clients together may have in memory for something, and what one of them holds of it."""

from types import TracebackType

from tailrace.core.errors import Overloaded


class Budget:
    """So many bytes, and how many of them are taken."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.taken = 0

    def take(self, nbytes: int) -> bool:
        """Take some, unless too few are left."""
        if self.taken + nbytes > self._most:
            return False
        self.taken += nbytes
        return True

    def give(self, nbytes: int) -> None:
        """Give some back."""
        self.taken -= nbytes


class Share:
    """What one request holds, until its block ends.

    Args:
        budget: of all.
        full: what is said where nothing is left.
    """

    def __init__(self, budget: Budget, full: str) -> None:
        self._budget = budget
        self._full = full
        self._held = 0

    def grow(self, nbytes: int) -> None:
        """Hold more.

        Raises:
            Overloaded: nothing is left.
        """
        if not self._budget.take(nbytes):
            raise Overloaded(self._full, hint="Ask again later.")
        self._held += nbytes

    def release(self) -> None:
        """Hold nothing any more."""
        self._budget.give(self._held)
        self._held = 0

    def __enter__(self) -> "Share":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()


# Of a message of a socket, before it is known who sends it: room for a token and what a client says first.
FIRST_BYTES = 16 << 10


class MessageBound:
    """How much of messages that have not come to their end one connection may hold."""

    def __init__(self) -> None:
        self.most = FIRST_BYTES
        # Of all; the application names it when it knows the connection.
        self.budget: Budget | None = None
        self._held = 0

    def holds(self, nbytes: int) -> bool:
        """Note how much is held now; False where that is too much."""
        if nbytes > self.most:
            return False
        if self.budget is not None and nbytes != self._held:
            if not self.budget.take(nbytes - self._held):
                return False
            self._held = nbytes
        return True

    def release(self) -> None:
        """Hold nothing any more."""
        if self.budget is not None:
            self.budget.give(self._held)
            self._held = 0
