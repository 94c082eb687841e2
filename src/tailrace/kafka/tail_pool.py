"""Tail consumers of one pace, among which what is watched is divided."""

from collections.abc import Callable, Iterator

from tailrace.kafka.tail_consumer import TailConsumer


class TailPool:
    """Gives each topic to the consumer that reads least; a consumer is made when all have their share.

    A fetch costs its broker in proportion to what is assigned, and every record ends one. So many consumers
    of few partitions bring a record sooner than one of many, at less of the broker's time.

    Args:
        make: makes the consumer of that number.
        share: partitions from which on another consumer is made.
        consumers: how many there are at most, as long as none reads `full` partitions.
        full: partitions from which on one more consumer is made in any case.
    """

    def __init__(self, make: Callable[[int], TailConsumer], *, share: int, consumers: int, full: int) -> None:
        self._make = make
        self._share = share
        self._most = consumers
        self._full = full
        self._consumers: list[TailConsumer] = []
        self._made = 0

    def __contains__(self, consumer: object) -> bool:
        return consumer in self._consumers

    def __iter__(self) -> Iterator[TailConsumer]:
        return iter(self._consumers)

    def retire(self, consumer: TailConsumer) -> None:
        """Give it nothing more."""
        self._consumers.remove(consumer)

    def has_room(self, partitions: int) -> bool:
        """Whether so many more can be read without one more consumer than there may be."""
        if len(self._consumers) < self._most:
            return True
        return min(one.partitions for one in self._consumers) + partitions <= self._full

    def consumer(self, partitions: int) -> TailConsumer:
        """The consumer that is to read so many more."""
        roomiest = min(self._consumers, key=lambda one: one.partitions, default=None)
        limit = self._share if len(self._consumers) < self._most else self._full
        if roomiest is None or (roomiest.partitions and roomiest.partitions + partitions > limit):
            self._made += 1
            roomiest = self._make(self._made)
            self._consumers.append(roomiest)
        return roomiest
