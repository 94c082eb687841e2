import socket

import pytest


@pytest.fixture
def nobody():
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    return f"127.0.0.1:{port}"


@pytest.mark.parametrize("words", [("consume", "t"), ("produce", "t"), ("topics", "list")])
def test_who_cannot_be_reached_is_4(runner, nobody, words):
    """A gateway or a broker that is away is told in three lines at most."""
    for option, address in (("--url", f"http://{nobody}"), ("--broker", nobody)):
        code, out, err = runner(option, address)(*words, given=b"x\n")
        assert (code, out) == (4, b"")
        assert len(err.splitlines()) <= 3
        assert nobody in err


@pytest.mark.parametrize(
    "words",
    [
        ("consume",),
        ("consume", "t", "--from", "yesterday"),
        ("consume", "t", "--follow", "--to", "end"),
        ("consume", "t", "--url", "http://a", "--broker", "b"),
        ("consume", "t", "--url", "ftp://a"),
        ("consume", "t", "-X", "nonsense"),
        ("produce", "t", "--partition", "x"),
        ("topics", "configure", "t"),
        ("dev", "--topic", "a:b"),
        ("nonsense",),
    ],
)
def test_wrong_usage_is_2(runner, words):
    """What was typed is wrong: said before anything is asked."""
    code, out, err = runner()(*words)
    assert (code, out) == (2, b"")
    assert 1 <= len(err.splitlines()) <= 3


def test_a_gateway_without_identities_does_not_start(runner):
    """serve refuses to be open by accident."""
    code, _, err = runner()("serve", "--port", "0", "--broker", "127.0.0.1:1")
    assert code == 2
    assert "--open" in err
