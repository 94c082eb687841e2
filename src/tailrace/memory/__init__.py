"""The ports of the core in memory: for tests, with the same contract as Kafka.

`log` is the cluster, with what can happen to one (retention, aborted and open transactions, topics
deleted and made again, a broker away); `reader`, `tail`, `writer` and `admin` are its ports, and
`services` what services use. There are
no threads and no time: what a tail or writer hands over goes through the `schedule` it was given.
"""

from tailrace.memory.admin import MemoryAdmin
from tailrace.memory.log import MemoryLog
from tailrace.memory.reader import MemoryReader
from tailrace.memory.services import MemoryServices
from tailrace.memory.tail import MemoryTail
from tailrace.memory.writer import MemoryWriter

__all__ = ["MemoryAdmin", "MemoryLog", "MemoryReader", "MemoryServices", "MemoryTail", "MemoryWriter"]
