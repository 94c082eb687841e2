"""Settings: where they come from, what they refuse, what they never show."""

import dataclasses
import types
from pathlib import Path

import pytest

from tailrace import settings
from tailrace.core.errors import ConfigurationError
from tailrace.settings import Settings, declarations, load


def load_file(folder: Path, text: str, environ: dict[str, str] | None = None, **options) -> Settings:
    """Settings from a file of that text, without the user's own environment."""
    (folder / "tailrace.toml").write_text(text)
    return load(options, environ={"XDG_CONFIG_HOME": str(folder / "none"), **(environ or {})}, folder=folder)


def load_env(folder: Path, **environ: str) -> Settings:
    """Settings from the environment alone."""
    return load(environ={"XDG_CONFIG_HOME": str(folder), **environ}, folder=folder)


def refused(folder: Path, text: str = "", environ: dict[str, str] | None = None) -> ConfigurationError:
    """The error that the file or environment ends in."""
    with pytest.raises(ConfigurationError) as caught:
        load_file(folder, text, environ)
    return caught.value


def test_without_anything_the_defaults_are_in_force(tmp_path):
    """Nothing given is Settings() itself."""
    assert load_env(tmp_path) == Settings()


def test_every_setting_says_what_it_is():
    """Each declaration has a sentence, a default of its type and within its bounds."""
    for declared in declarations():
        assert declared.meaning.endswith(".")
        assert isinstance(declared.default, declared.type)
        if isinstance(declared.default, int | float):
            assert declared.least <= declared.default <= declared.most


@pytest.mark.parametrize("declared", [d for d in declarations() if not d.option_only], ids=lambda d: d.name)
def test_every_setting_has_an_environment_form(tmp_path, declared):
    """Its default, written as text in its variable, comes back and its source is told."""
    default = declared.default
    text = ",".join(default) if isinstance(default, tuple) else str(default)
    read = load_env(tmp_path, **{declared.variable: text})
    group, name = declared.name.split(".")
    assert getattr(getattr(read, group), name) == default
    assert read.sources == {declared.name: declared.variable}


def test_options_win_over_environment_over_file(tmp_path):
    """Each stronger source hides the weaker one, and the strongest is named."""
    file = '[server]\nport = 1\nhost = "::1"\nheartbeat = 3\n'
    environ = {"TAILRACE_SERVER_PORT": "2", "TAILRACE_SERVER_HOST": "127.0.0.2"}
    read = load_file(tmp_path, file, environ, **{"server.port": 3, "server.host": None})
    assert (read.server.port, read.server.host, read.server.heartbeat) == (3, "127.0.0.2", 3.0)
    assert read.sources == {
        "server.port": "command line",
        "server.host": "TAILRACE_SERVER_HOST",
        "server.heartbeat": f"{tmp_path / 'tailrace.toml'}, line 4",
    }


def test_the_file_is_looked_for_in_order(tmp_path):
    """Named, then by variable, then here, then in the user's folder."""
    here, home, named, by_variable = (tmp_path / n for n in ("here", "home/tailrace", "named", "variable"))
    for port, folder in enumerate((home, here, by_variable, named), 1):
        folder.mkdir(parents=True)
        (folder / "tailrace.toml").write_text(f"[server]\nport = {port}\n")
    environ = {"XDG_CONFIG_HOME": str(home.parent)}
    variable = {**environ, "TAILRACE_CONFIG": str(by_variable / "tailrace.toml")}
    assert load(environ=environ, folder=tmp_path).server.port == 1
    assert load(environ=environ, folder=here).server.port == 2
    assert load(environ=variable, folder=here).server.port == 3
    assert load(environ=variable, folder=here, config=named / "tailrace.toml").server.port == 4


def test_a_named_file_that_is_missing_is_refused(tmp_path):
    """A typing error in --config never means "defaults"."""
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load(config=tmp_path / "absent.toml", environ={})


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("[server]\nprot = 1", "server.port"),
        ("[servr]\nport = 1", "Did you mean [server]?"),
        ("[sever]\nport = 1", "Did you mean [server]?"),
        ("[principal]\nname = 'a'", "Did you mean [[principals]]?"),
        ("port = 1", "server.port"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(tmp_path, name, right):
    """A misspelt setting is named with its place and the right name."""
    error = refused(tmp_path, name)
    assert right in error.hint
    assert "tailrace.toml" in error.cause


def test_an_unknown_variable_is_refused_with_the_nearest(tmp_path):
    """A misspelt variable would otherwise be silently without effect."""
    error = refused(tmp_path, environ={"TAILRACE_SERVER_PROT": "1"})
    assert error.hint == "Did you mean TAILRACE_SERVER_PORT?"


def test_an_unknown_option_name_is_refused(tmp_path):
    """The command line cannot invent settings either."""
    with pytest.raises(ConfigurationError, match="no setting"):
        load({"server.nothing": 1}, environ={}, folder=tmp_path)


def test_variables_of_kubernetes_and_of_commands_are_left_alone(tmp_path):
    """A service named tailrace must not keep its own pods from starting."""
    links = {"TAILRACE_PORT": "tcp://10.0.0.1:8484", "TAILRACE_SERVICE_HOST": "10.0.0.1"}
    more = {"TAILRACE_PORT_8484_TCP_ADDR": "10.0.0.1", "TAILRACE_TOKEN": "tr_x", "TAILRACE_CACHE": "/c"}
    assert load_env(tmp_path, **links, **more) == Settings()


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('port = "many"', "must be a whole number"),
        ("port = 1.5", "must be a whole number"),
        ("port = true", "must be a whole number"),
        ("port = 65536", "must be 0 to 65535"),
        ("heartbeat = 0", "must be 0.1 or more s"),
        ("heartbeat = inf", "must be a time"),
        ("host = 3", "must be a text"),
        ("origins = [1]", "must be a list of texts"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(tmp_path, line, why):
    """The message says which setting, what it must be, and the line."""
    error = refused(tmp_path, f"\n[server]\n{line}\n")
    assert why in error.detail
    assert error.cause.endswith("tailrace.toml, line 3.")


@pytest.mark.parametrize(
    ("given", "right"),
    [
        ("localhost:8000", "Write http://localhost:8000."),
        ("http://localhost:8000/", "Write http://localhost:8000."),
        ("http//localhost:8000", "Write http://localhost:8000."),
        ("https://App.example:443/page?a=1", "Write https://app.example."),
        ("http://localhost:*", "Write each as http://localhost:8000, with its port; * alone is any."),
        ("null", "Type --allow-null-origin to let pages in that are opened as a file."),
    ],
)
@pytest.mark.parametrize("variable", ["TAILRACE_SERVER_ORIGINS", "TAILRACE_SOCKETIO_ORIGINS"])
def test_what_no_browser_sends_as_an_origin_is_refused(tmp_path, variable, given, right):
    """It would be taken and never match; the hint has the form that does."""
    error = refused(tmp_path, environ={variable: f"https://right.example,{given}"})
    assert (repr(given) in error.detail, error.hint) == (True, right)


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "http://localhost:8000",
        "https://a-b.example",
        "http://[::1]:8081",
        "chrome-extension://abc",
        "http://my_pc",
    ],
)
def test_what_a_browser_sends_as_an_origin_is_taken(tmp_path, origin):
    """Also an address, and other schemes."""
    assert load_env(tmp_path, TAILRACE_SERVER_ORIGINS=origin).server.origins == (origin,)


def test_a_text_outside_its_choices_is_refused(tmp_path):
    """The choices are named."""
    assert "debug, info, warning, error" in refused(tmp_path, '[log]\nlevel = "loud"').detail


def test_sizes_and_times_may_carry_units(tmp_path):
    """As people write them."""
    read = load_file(tmp_path, '[limits]\nbody = "2 MiB"\n[deadlines]\nstop = "1.5m"\nbody = "500ms"\n')
    assert (read.limits.body, read.deadlines.stop, read.deadlines.body) == (2 << 20, 90.0, 0.5)


def test_a_file_that_is_not_toml_is_refused_with_its_place(tmp_path):
    """TOML's own message has line and column."""
    assert "line 2" in refused(tmp_path, "[server]\nport =\n").cause


@pytest.mark.parametrize("name", ["server.open", "socketio.allow_null_origin"])
def test_what_is_unsafe_has_to_be_typed(tmp_path, name):
    """A file or variable left behind cannot open a gateway."""
    group, key = name.split(".")
    assert "typed" in refused(tmp_path, f"[{group}]\n{key} = true").detail
    assert "typed" in refused(tmp_path, environ={f"TAILRACE_{group}_{key}".upper(): "true"}).detail
    (tmp_path / "tailrace.toml").unlink()
    read = load({name: True}, environ={}, folder=tmp_path)
    assert getattr(getattr(read, group), key) is True


def test_client_settings_of_kafka_pass_in_every_spelling(tmp_path):
    """Nested, quoted, from the environment, and the brokers by the name other clients use."""
    file = '[kafka]\nbootstrap_servers = "a:1,b:2"\nsecurity.protocol = "SSL"\n"fetch.min.bytes" = 5\n'
    read = load_file(tmp_path, file, {"TAILRACE_KAFKA_CLIENT_ID": "me"})
    assert read.kafka.brokers == ("a:1", "b:2")
    assert read.kafka.client == {"security.protocol": "SSL", "fetch.min.bytes": 5, "client_id": "me"}


def test_a_secret_comes_from_a_file(tmp_path):
    """The _FILE form reads the value without its last line break."""
    (tmp_path / "secret").write_text("hunter2\n")
    read = load_env(tmp_path, TAILRACE_KAFKA_SASL_PASSWORD_FILE=str(tmp_path / "secret"))
    assert read.kafka.client == {"sasl_password": "hunter2"}
    assert read.sources == {"kafka.sasl_password": "TAILRACE_KAFKA_SASL_PASSWORD_FILE"}


def test_a_value_given_twice_over_the_environment_is_refused(tmp_path):
    """Whether the file or the variable counts would be a guess."""
    (tmp_path / "host").write_text("::1")
    twice = {"TAILRACE_SERVER_HOST": "::1", "TAILRACE_SERVER_HOST_FILE": str(tmp_path / "host")}
    assert "twice" in refused(tmp_path, environ=twice).detail


def test_secrets_are_never_printed(tmp_path):
    """No representation of the settings holds a password or a token's hash."""
    token = f'[[principals]]\nname = "a"\ntoken_sha256 = "{"f0" * 32}"\n'
    file = f'[kafka]\nsasl.password = "hunter2"\nssl_key_pem = "hunter3"\n{token}'
    shown = repr(load_file(tmp_path, file)) + str(load_file(tmp_path, file))
    assert "hunter" not in shown
    assert "f0f0" not in shown


def test_principals_are_read(tmp_path):
    """The tables become values."""
    file = '[[principals]]\nname = "anonymous"\ngrants = [{actions = ["read", "write"], topic = "a.*"}]\n'
    (principal,) = load_file(tmp_path, file).principals
    assert principal == settings.PrincipalEntry(
        "anonymous", None, (settings.GrantEntry(("read", "write"), "a.*"),)
    )


@pytest.mark.parametrize(
    "table",
    [
        "token_sha256 = 'x'",
        "name = 3",
        "name = 'a'\ntoken = 'x'",
        "name = 'a'\ngrants = [{topic = 'a'}]",
        "name = 'a'\ngrants = [{actions = 'read', topic = 'a'}]",
        "name = 'a'\ngrants = 'all'",
    ],
)
def test_a_misshapen_principal_is_refused(tmp_path, table):
    """A table that cannot be read as it was meant starts nothing."""
    assert "principal 1" in refused(tmp_path, f"[[principals]]\n{table}").detail


def test_settings_cannot_change():
    """They are frozen, down to the mappings."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().server.port = 1  # type: ignore[misc]
    assert isinstance(Settings().kafka.client, types.MappingProxyType)
