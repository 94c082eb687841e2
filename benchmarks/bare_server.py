"""The raw limit of fan-out: a bare uvloop server that writes the same bytes to the same clients.

It waits for its clients, makes records at a pace, joins what is due and writes it to every transport: what
any gateway must do at least. No Kafka, no back-pressure, no request parsing, no second look at a client.
"""

import argparse
import asyncio
import time
from typing import cast

import uvloop

from benchmarks.values import stamped

TICK_SECONDS = 0.005
WRITE_BYTES = 256 * 1024
RECORD = b'{"topic":"bench","partition":0,"offset":%d,"timestamp":%d,"key":null,"value":%b,"headers":[]}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nTransfer-Encoding: chunked\r\n\r\n"


class Client(asyncio.Protocol):
    """A connection that is only written to."""

    def __init__(self, crowd: "Crowd") -> None:
        self.crowd = crowd

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:  # noqa: ARG002  # every request is the same
        kind = b"text/event-stream" if self.crowd.sse else b"application/x-ndjson"
        self.transport.write(HEAD % kind)
        self.crowd.join(self.transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # gone is gone
        self.crowd.leave(self.transport)


class Crowd:
    """All clients, and the records they get."""

    def __init__(self, clients: int, rate: float, count: int, *, sse: bool) -> None:
        self.clients, self.rate, self.count, self.sse = clients, rate, count, sse
        self.transports: set[asyncio.Transport] = set()
        self.complete, self.empty = asyncio.Event(), asyncio.Event()

    def join(self, transport: asyncio.Transport) -> None:
        self.transports.add(transport)
        if len(self.transports) == self.clients:
            self.complete.set()

    def leave(self, transport: asyncio.Transport) -> None:
        self.transports.discard(transport)
        if not self.transports:
            self.empty.set()

    def due_at(self, number: int, started: float) -> int | None:
        """Give when a record was due: maker and server are one here, so what is made late is late."""
        return int((started + number / self.rate) * 1e9) if self.rate else None

    def lines(self, first: int, behind: int, started: float) -> bytes:
        millis = int(time.time() * 1000)
        records = [RECORD % (n, millis, stamped(n, self.due_at(n, started))) for n in range(first, behind)]
        if self.sse:
            events = [
                b"id: bench~AbCdEf:0@%d\ndata: %b\n\n" % (first + i + 1, r) for i, r in enumerate(records)
            ]
            return b"".join(events)
        return b"\n".join([*records, b'{"cursor":"bench~AbCdEf:0@%d"}\n' % behind])

    async def flow(self) -> None:
        await self.complete.wait()
        # The clients' reader says `ready` when it has seen all heads; the first records may come after that.
        await asyncio.sleep(0.5)
        most = WRITE_BYTES // (260 if self.sse else 200)
        started, made = time.monotonic(), 0
        while made < self.count:
            planned = int((time.monotonic() - started) * self.rate) if self.rate else self.count
            due = min(self.count, planned, made + most)
            if due > made:
                text = self.lines(made, due, started)
                chunk = b"%x\r\n%b\r\n" % (len(text), text)
                for transport in tuple(self.transports):
                    transport.write(chunk)
                made = due
            await asyncio.sleep(TICK_SECONDS if made >= planned else 0)
        await self.empty.wait()


async def serve(options: argparse.Namespace) -> None:
    crowd = Crowd(options.clients, options.rate, options.count, sse=options.format == "sse")
    server = await asyncio.get_running_loop().create_server(
        lambda: Client(crowd), "127.0.0.1", options.port, backlog=2048
    )
    print("ready", flush=True)
    async with server:
        await asyncio.wait_for(crowd.flow(), options.seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clients", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="records a second; 0: flat out")
    parser.add_argument("--count", type=int, required=True, help="records in all")
    parser.add_argument("--format", choices=["ndjson", "sse"], default="ndjson")
    parser.add_argument("--seconds", type=float, default=60)
    uvloop.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
