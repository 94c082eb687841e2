"""Memory and processor time of processes, read from the system while a measurement runs."""

import os
import re
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
SAMPLE_SECONDS = 0.25
_SOCKET_MEMORY = re.compile(r"skmem:\(r(\d+),rb\d+,t\d+,tb\d+,f(\d+),w(\d+)")
_RECEIVED = re.compile(r"bytes_received:(\d+)")


def resident_bytes(pid: int) -> int:
    """Give a process's resident memory."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


def cpu_seconds(pid: int) -> float:
    """Give the processor time of a process, its threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _sockets(details: str, wanted: str) -> list[str]:
    command = ["ss", f"-tnOH{details}", "state", "established", wanted]
    return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.splitlines()


def socket_bytes(port: int) -> tuple[int, int]:
    """Give the kernel memory of the connections to a port: of the server's end, and of both ends.

    Both ends are what /proc/net/sockstat counts, without the connections of other processes.
    """
    ends = (_memory(f"sport = :{port}"), _memory(f"dport = :{port}"))
    return ends[0], sum(ends)


def _memory(wanted: str) -> int:
    found = _SOCKET_MEMORY.findall("\n".join(_sockets("m", wanted)))
    return sum(int(received) + int(spare) + int(queued) for received, spare, queued in found)


def received_from(port: int, pid: int) -> dict[str, int]:
    """Give how many bytes each of a process's connections to a port has received."""
    lines = [line for line in _sockets("ip", f"dport = :{port}") if f"pid={pid}," in line]
    return {line.split()[2]: int(found.group(1)) for line in lines if (found := _RECEIVED.search(line))}


class Watch:
    """Samples a server's memory while a measurement runs, and its processor time over the whole of it."""

    def __init__(self, pid: int, port: int, *, sockets: bool = True) -> None:
        self.pid, self.port, self.sockets = pid, port, sockets
        self.resident = self.kernel = self.both_ends = self.together = 0
        self.cpu = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self.cpu = cpu_seconds(self.pid)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self.cpu = cpu_seconds(self.pid) - self.cpu

    def _run(self) -> None:
        while True:
            self._sample()
            if self._stop.wait(SAMPLE_SECONDS):
                return

    def _sample(self) -> None:
        resident = resident_bytes(self.pid)
        kernel, both_ends = socket_bytes(self.port) if self.sockets else (0, 0)
        self.resident = max(self.resident, resident)
        self.kernel = max(self.kernel, kernel)
        self.together = max(self.together, resident + kernel)
        self.both_ends = max(self.both_ends, both_ends)

    def report(self) -> dict[str, float]:
        """Give the peaks in megabytes and the processor seconds."""
        return {
            "rss_mb": self.resident / 1e6,
            "socket_mb": self.kernel / 1e6,
            "rss_and_sockets_mb": self.together / 1e6,
            "both_ends_mb": self.both_ends / 1e6,
            "cpu_s": self.cpu,
        }
