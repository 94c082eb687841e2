"""Follow many task logs from one process: how soon the first line comes, and how long new lines take.

It opens a follower after the other, says `ready` when each has a line, hears `count` new lines in all and
prints one JSON object. New lines begin with `new` in a topic and with `grown` in a file, and hold the time
they were made.
"""

import argparse
import asyncio
import contextlib
import json
import time

HEAR_SECONDS = 40


class Followers:
    def __init__(self, address: str, count: int) -> None:
        self.host, _, self.port = address.partition(":")
        self.left = count
        self.first: list[float] = []
        self.heard: dict[bytes, list[float]] = {b"new": [], b"grown": []}
        self.over = asyncio.Event()
        self.opened = asyncio.Event()
        self.wanted = 0

    async def open(self, tasks: list[str], rate: int) -> list[asyncio.Task[None]]:
        """Open one follower for each task, so many in a second."""
        self.wanted = len(tasks)
        begun = time.monotonic()
        running = []
        for n, task in enumerate(tasks):
            await asyncio.sleep(begun + n / rate - time.monotonic())
            running.append(asyncio.create_task(self.follow(task)))
        await asyncio.wait_for(self.opened.wait(), HEAR_SECONDS)
        return running

    async def follow(self, task: str) -> None:
        asked = time.monotonic_ns()
        reader, writer = await asyncio.open_connection(self.host, int(self.port))
        path = f"/api/v1/logs?method=kafka&id={task}&follow=true"
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {self.host}\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        waiting = True
        while data := await reader.read(65536):
            now = time.monotonic_ns()
            if waiting:
                waiting = False
                self.first.append((now - asked) / 1e6)
                if len(self.first) == self.wanted:
                    self.opened.set()
            for line in data.split(b"\r\n"):
                word, _, made = line.partition(b" ")
                if word in self.heard:
                    self.hear(word, now - int(made))

    def hear(self, word: bytes, nanoseconds: int) -> None:
        self.heard[word].append(nanoseconds / 1e6)
        self.left -= 1
        if not self.left:
            self.over.set()


def percentiles(times: list[float], name: str) -> dict[str, float]:
    times = sorted(times)
    return {f"{name}_p{part}_ms": times[int(len(times) * part / 100)] for part in (50, 99)}


async def run(options: argparse.Namespace) -> None:
    tasks = [options.task % n for n in range(options.followers)]
    followers = Followers(options.address, options.count)
    running = await followers.open(tasks, options.rate)
    print("ready", flush=True)
    if options.count:
        # What does not come is counted.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(followers.over.wait(), HEAR_SECONDS)
    for one in running:
        one.cancel()
    report = percentiles(followers.first, "first")
    for word, times in followers.heard.items():
        report |= percentiles(times, word.decode()) if times else {}
    lines = sum(map(len, followers.heard.values()))
    print(json.dumps({**report, "lines": lines}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", required=True)
    parser.add_argument("--task", required=True, help="with a %%d for the follower's number")
    parser.add_argument("--followers", type=int, required=True)
    parser.add_argument("--rate", type=int, default=200, help="followers opened in a second")
    parser.add_argument("--count", type=int, default=0, help="new lines to hear in all")
    asyncio.run(run(parser.parse_args()))


if __name__ == "__main__":
    main()
