"""Ports: free ones, taken ones."""

import socket

import pytest

from tailrace.broker import EmbeddedKafkaError, ports


def test_a_free_port_can_be_bound():
    """What is given is free."""
    assert ports.bindable("127.0.0.1", ports.free_port()) is None


def test_a_promised_port_is_not_given_again(monkeypatch):
    """Two listeners of a node once got the same one, which nobody listened on yet."""
    monkeypatch.setattr(ports, "BELOW_EPHEMERAL", range(20_000, 20_000 + ports.TRIES))
    free = {ports.free_port() for _ in range(50)}
    most = set(ports.BELOW_EPHEMERAL) - {max(free)}
    assert ports.free_port(besides=most) == max(free)


def test_a_taken_port_is_named_with_the_option_that_changes_it():
    """The sentence says which port, the hint which option."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(EmbeddedKafkaError, match=f"Port {port} is in use") as caught:
            ports.require("127.0.0.1", port, "--broker-port")
    assert "--broker-port" in caught.value.hint


def test_an_address_of_another_machine_is_refused():
    """A port cannot be opened on an address that is not ours."""
    with pytest.raises(EmbeddedKafkaError, match="cannot be opened"):
        ports.require("192.0.2.1", 9092, "--broker-port")
