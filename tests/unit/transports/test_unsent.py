"""How long nothing has left a connection's buffer."""

from tailrace.transports.unsent import Unsent


class Buffer:
    """As much of a transport as is asked: how much waits in it."""

    def __init__(self, *sizes):
        self._sizes = list(sizes)

    def get_write_buffer_size(self):
        return self._sizes.pop(0)


def seconds(*sizes):
    """The answers of looks ten seconds apart that find so many bytes."""
    buffer, unsent = Buffer(*sizes), Unsent()
    return [unsent.stalled_seconds(buffer, 1000 + 10 * number) for number in range(len(sizes))]


def test_what_waits_is_stalled_since_it_was_first_seen():
    """Not since the connection was made, or the process."""
    assert seconds(0, 5, 5, 5) == [0, 0, 10, 20]
    assert seconds(5, 5) == [0, 10]


def test_what_is_added_is_no_progress():
    """A client that asks for more and reads nothing gains no time."""
    assert seconds(5, 6, 7) == [0, 10, 20]


def test_what_has_left_is():
    """Less waits, or the transport has said that it drained and all of this is new."""
    assert seconds(5, 5, 4, 0, 5) == [0, 10, 0, 0, 0]
    buffer, unsent = Buffer(5, 5), Unsent()
    unsent.stalled_seconds(buffer, 1000)
    unsent.drained = True
    assert unsent.stalled_seconds(buffer, 1010) == 0
