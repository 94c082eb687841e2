"""A gateway whose broker is away and whose clients wait ends within its deadline, or at once."""

import signal
import socket
import subprocess
import time

import pytest

SECONDS = 30
STOP = 4.0
PRODUCE = (
    b"POST /v1/topics/orders/records HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    b'Content-Length: 11\r\n\r\n{"value":1}'
)
STREAM = b"GET /v1/stream?topic=orders HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture
def serving(runner, tmp_path):
    """A gateway in a process of its own with a record that nobody takes and a stream that waits."""
    config = tmp_path / "tailrace.toml"
    config.write_text(f"[deadlines]\nstop = {STOP}\n")
    port = free_port()
    process = runner("--broker", f"127.0.0.1:{free_port()}", "--config", str(config)).start(
        "serve", "--open", "--port", str(port)
    )
    # Nobody reads what it says from here on: a log that is stuck must not hold it up either.
    assert process.stderr.readline()
    with socket.create_connection(("127.0.0.1", port)) as writer:
        writer.sendall(PRODUCE)
        with socket.create_connection(("127.0.0.1", port), SECONDS) as reader:
            reader.sendall(STREAM)
            assert b" 200 " in reader.recv(1000)
            yield process
    process.kill()
    process.communicate()


def test_a_stop_ends_within_its_deadline(serving):
    """All its steps together, also where each waits for what does not come."""
    begun = time.monotonic()
    serving.send_signal(signal.SIGTERM)
    serving.wait(SECONDS)
    assert time.monotonic() - begun < STOP + 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_it_at_once(serving, number):
    """With the code of a process that a signal ended."""
    serving.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        serving.wait(0.5)
    serving.send_signal(number)
    assert serving.wait(1) == 128 + number
