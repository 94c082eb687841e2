"""Our WebSocket: it reads no faster than its client does, and is cut when that reads nothing."""

import asyncio
from typing import Any

from uvicorn._types import ASGIReceiveEvent
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import CloseCode

from tailrace.transports.budget import MessageBound
from tailrace.transports.unsent import Unsent

# Under this name the application finds the bound of messages that are not complete in its scope's extensions.
MESSAGES = "tailrace.messages"
# What a fragment of a message takes beside its bytes.
_FRAGMENT_BYTES = 64


class WebSocket(WebSocketsSansIOProtocol):
    """One client's connection after its upgrade."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        stalled_write_seconds: float,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._stalled_write_seconds = stalled_write_seconds
        self._unsent = Unsent()
        self._messages = MessageBound()

    async def run_asgi(self) -> None:
        """Run the application."""
        self.scope["extensions"][MESSAGES] = self._messages  # type: ignore[assignment]  # ASGI knows others
        await super().run_asgi()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._messages.release()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take frames; each ping is answered with as much, so none is read while the answers wait."""
        super().data_received(data)
        if not self._messages.holds(self._unfinished_bytes()):
            self._close(CloseCode.MESSAGE_TOO_BIG)
        self._read_no_faster()

    def _unfinished_bytes(self) -> int:
        fragments = (self.conn.current_size or 0) + len(self.frames) * _FRAGMENT_BYTES
        return len(self.conn.reader.buffer) + fragments

    def _close(self, code: CloseCode) -> None:
        if self.close_sent or not self.handshake_complete:
            self.transport.abort()
            return
        self.conn.send_close(code)
        self.handle_parser_exception()

    async def receive(self) -> ASGIReceiveEvent:
        """Give the application what came next."""
        message = await super().receive()
        self._read_no_faster()
        return message

    def _read_no_faster(self) -> None:
        if not self.writable.is_set() and not self.transport.is_closing():
            self.transport.pause_reading()

    def resume_writing(self) -> None:
        """The client has read what waited for it."""
        super().resume_writing()
        self._unsent.drained = True
        if not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def send_receive_event_to_app(self) -> None:
        """Pass on a whole message; the server would log a trace for one that is no UTF-8."""
        if self.curr_msg_data_type == "text" and not self.close_sent and not _is_text(self.frames):
            self.frames = []
            self._close(CloseCode.INVALID_DATA)
            return
        super().send_receive_event_to_app()

    def check_deadlines(self, now: float) -> bool:
        """Cut a client that reads nothing of what waits for it; answers whether this one was."""
        if self._unsent.stalled_seconds(self.transport, now) <= self._stalled_write_seconds:
            return False
        self.transport.abort()
        return True


def _is_text(frames: list[bytes]) -> bool:
    try:
        b"".join(frames).decode()
    except UnicodeDecodeError:
        return False
    return True
