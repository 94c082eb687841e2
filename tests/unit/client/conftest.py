"""A gateway that says just what a test wants it to."""

import socket
import threading
from collections.abc import Callable, Iterator

import pytest

Script = Callable[[socket.socket, bytes], None]


class ScriptedGateway:
    """Takes connections one after the other; each is answered by the next script."""

    def __init__(self, *scripts: Script) -> None:
        self.requests: list[bytes] = []
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run, args=(scripts,))
        self._thread.start()

    def _run(self, scripts: tuple[Script, ...]) -> None:
        with self._server:
            for script in scripts:
                connection, _ = self._server.accept()
                with connection:
                    connection.settimeout(20)
                    head = b""
                    while b"\r\n\r\n" not in head:
                        head += connection.recv(65536)
                    request, _, rest = head.partition(b"\r\n\r\n")
                    self.requests.append(request)
                    script(connection, rest)

    def close(self) -> None:
        """Wait for the last script."""
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def scripted() -> Iterator[Callable[..., ScriptedGateway]]:
    """Start such a gateway."""
    started: list[ScriptedGateway] = []

    def start(*scripts: Script) -> ScriptedGateway:
        started.append(ScriptedGateway(*scripts))
        return started[-1]

    yield start
    for one in started:
        one.close()
