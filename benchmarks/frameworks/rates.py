"""How many requests a candidate answers and how many bytes it streams: a second, and a processor's second."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.frameworks.streams import PAYLOAD_BYTES
from benchmarks.probes import cpu_seconds
from benchmarks.processes import (
    START_SECONDS,
    BenchmarkError,
    Child,
    Report,
    child,
    free_port,
    loadgen,
    module,
)

CONNECTIONS = 32
WARM_REQUESTS = 4_000
WARM_BYTES = 500_000_000
LIMIT_SECONDS = 60


@dataclass(frozen=True)
class Candidate:
    """An application on a server."""

    name: str
    what: str
    server: str
    application: str
    send_buffer: int = 0
    """What the kernel keeps for a connection at most; 0: as much as the kernel likes."""


@dataclass
class Rate:
    """What came of one attempt."""

    per_s: float
    per_cpu_s: float
    """For each second of processor time that the server's processes used."""
    report: Report


def _family(pid: int) -> Iterator[int]:
    """Give a process and all that it has started."""
    yield pid
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for started in (thread / "children").read_text().split():
            yield from _family(int(started))


def _wait_listening(port: int) -> None:
    """Wait for connections to be taken: a server may leave that to another process, which tells nobody."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise BenchmarkError(f"Nothing listens on port {port} after {START_SECONDS} s.")


@contextmanager
def _served(candidate: Candidate, port: int, *words: str) -> Iterator[Child]:
    options = {"port": port, "send-buffer": candidate.send_buffer}
    command = module("frameworks.serve", candidate.server, candidate.application, **options)
    with child([*command, *words]) as server:
        server.wait_ready()
        _wait_listening(port)
        yield server


def _measured(server: Child, command: list[str], done: Callable[[Report], float]) -> Rate:
    before = {pid: cpu_seconds(pid) for pid in _family(server.pid)}
    with child(command, ready_on="stderr") as clients:
        report = clients.report(LIMIT_SECONDS + 5)
    if not report["completed"]:
        raise BenchmarkError(f"{server.name}: {report}")
    used = sum(cpu_seconds(pid) - before.get(pid, 0.0) for pid in _family(server.pid))
    report["server_cpu_s"] = used
    return Rate(done(report) / report["seconds"], done(report) / used, report)


def requests(candidate: Candidate, seconds: float) -> Rate:
    """Send small JSON bodies on connections kept alive, for about so long after a warm-up."""
    port = free_port()

    def send(count: int) -> Rate:
        command = loadgen(
            "produce-single",
            address=f"127.0.0.1:{port}",
            clients=CONNECTIONS,
            records=count,
            seconds=LIMIT_SECONDS,
        )
        return _measured(server, command, lambda report: float(report["stored"]))

    with _served(candidate, port) as server:
        send(WARM_REQUESTS)
        pace = send(WARM_REQUESTS).per_s
        return send(int(pace * seconds))


def stream(candidate: Candidate, clients: int, seconds: float) -> Rate:
    """Stream payloads to many clients, for about so long; a first short run finds how many those are."""
    pace = _stream(candidate, clients, max(1, WARM_BYTES // PAYLOAD_BYTES // clients)).per_s
    return _stream(candidate, clients, max(1, int(pace * seconds / PAYLOAD_BYTES / clients)))


def _stream(candidate: Candidate, clients: int, payloads: int) -> Rate:
    port = free_port()
    command = loadgen(
        "fanout",
        address=f"127.0.0.1:{port}",
        clients=clients,
        expect=payloads,
        check=0,
        seconds=LIMIT_SECONDS,
    )
    with _served(candidate, port, "--stream", str(clients), str(payloads)) as server:
        rate = _measured(server, command, lambda report: float(report["delivered"]) * PAYLOAD_BYTES)
    if rate.report["lost"] or rate.report["extra"]:
        raise BenchmarkError(f"{candidate.name}: {rate.report}")
    return rate
