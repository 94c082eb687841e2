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
        ("tail", "t", "--token", "tr_x"),
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


@pytest.mark.parametrize("words", [("tail", "t", "-n"), ("topics", "create", "t", "--set")])
def test_an_option_without_its_value_is_told_whose_help_to_read(runner, words):
    """That of its own command."""
    path = " ".join(word for word in words[:-1] if word != "t")
    assert runner()(*words)[2].splitlines()[-1] == f"Try:   tailrace {path} --help"


def test_a_place_that_cannot_be_kept_is_2(runner, nobody, tmp_path):
    """Said before anybody is asked."""
    code, out, err = runner("--broker", nobody)("consume", "t", "--save-cursor", str(tmp_path / "no" / "f"))
    assert (code, out) == (2, b"")
    assert [line[:6] for line in err.splitlines()] == ["Error:", "Why:  ", "Try:  "]


def test_a_path_that_is_refused_has_a_next_step(runner, nobody, tmp_path):
    """Whatever it was for."""
    code, _, err = runner("--broker", nobody)("consume", "t", "--save-cursor", str(tmp_path))
    assert (code, str(tmp_path) in err, err.splitlines()[-1][:4]) == (1, True, "Try:")


def test_a_gateway_without_identities_does_not_start(runner):
    """serve refuses to be open by accident."""
    code, _, err = runner()("serve", "--port", "0", "--broker", "127.0.0.1:1")
    assert code == 2
    assert "--open" in err


@pytest.mark.parametrize(
    "words", [("consume", "t"), ("produce", "t"), ("topics", "list"), ("tail", "t", "-n", "1")]
)
def test_a_key_file_that_is_not_there_is_2(runner, nobody, words):
    """Said before a broker is asked, and without a traceback."""
    given = ("-X", "security_protocol=SSL", "-X", "ssl_cafile=/nope")
    code, out, err = runner("--broker", nobody, *given)(*words, given=b"x\n")
    assert (code, out) == (2, b"")
    assert len(err.splitlines()) <= 3
    assert "ssl_cafile" in err


def test_a_wrong_setting_toward_kafka_is_said_though_the_port_is_busy(runner, tmp_path):
    """What is wrong in the settings is told before the machine is asked for anything."""
    file = tmp_path / "tailrace.toml"
    file.write_text("[kafka]\nsesion_timeout_ms = 6000\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for words in (("serve", "--open"), ("dev", "--data-dir", str(tmp_path))):
            code, _, err = runner("--port", port, "--config", str(file))(*words)
            assert (code, "session_timeout_ms" in err) == (2, True)
