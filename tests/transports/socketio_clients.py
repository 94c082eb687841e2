"""A client of the namespace that writes down every event in the order in which it came."""

import asyncio

import socketio

SECONDS = 10


class Recorder:
    """The library's own client; `events` are (name, data)."""

    def __init__(self, **options):
        self.events = []
        self._changed = asyncio.Event()
        self.socket = socketio.AsyncClient(reconnection=False, **options)
        self.socket.on("*", self._event, namespace="/kafka")
        # The library's catch-all would leave these to its own handlers.
        self.socket.on("disconnect", self._disconnected, namespace="/kafka")

    async def _event(self, name, carried):
        assert set(carried) == {"data"}
        self.events.append((name, carried["data"]))
        self._changed.set()

    async def _disconnected(self, *_reason):
        self.events.append(("disconnected", None))
        self._changed.set()

    async def connect(self, url, **options):
        try:
            await self.socket.connect(url, namespaces=["/kafka"], wait_timeout=5, **options)
        except BaseException:
            await self.close()
            raise
        await self.until(lambda events: events)
        return self

    async def close(self):
        if self.socket.connected:
            await self.socket.disconnect()
        # The library leaves it open where it was refused.
        if self.socket.eio.http is not None:
            await self.socket.eio.http.close()

    async def emit(self, event, *payload):
        await self.socket.emit(event, payload, namespace="/kafka")

    async def until(self, condition):
        """Wait until the events are as wanted, and give them."""
        try:
            async with asyncio.timeout(SECONDS):
                while not condition(self.events):
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"came: {self.events[-5:]}") from None
        return self.events

    async def after(self, count, *, skip=1):
        """So many events after those of the connection."""
        events = await self.until(lambda events: len(events) >= count + skip)
        return events[skip:]

    def values(self):
        return [data for name, data in self.events if name == "kafkaconsumer"]

    def logs(self):
        return [data for name, data in self.events if name == "logs"]
