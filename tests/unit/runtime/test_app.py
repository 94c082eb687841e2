"""What an App takes, and refuses with a reason."""

import inspect

import pytest

from tailrace import App
from tailrace.core.errors import ConfigurationError, Conflict
from tailrace.runtime.declarations import Handler, Timer, interval
from tailrace.runtime.service import check_groups


@pytest.fixture
def app():
    return App("shop")


def test_defaults(app):
    """The group is the app's name, the start the latest, a failure stops."""

    @app.on("orders")
    def take(value: int): ...

    (handler,) = app.programs
    assert isinstance(handler, Handler)
    assert (handler.group, handler.start, handler.on_error, handler.commit) == (
        "shop",
        "latest",
        "stop",
        "auto",
    )
    assert (handler.topics, handler.to, handler.retries, handler.workers) == (("orders",), (), 0, 1)


def test_functions_stay_callable(app):
    """A decorated function is the function itself."""

    @app.on("orders", to="results")
    def double(value: int) -> int:
        return value * 2

    assert double(2) == 4


def test_several_topics(app):
    """One by one or in a list; each once."""
    app.on("a", ["b", "a"], to=["c", "d"])(print)
    assert app.programs[0].topics == ("a", "b")
    assert app.programs[0].to == ("c", "d")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"start": "middle"}, "start must be earliest or latest, not 'middle'"),
        ({"commit": "never"}, "commit must be auto or explicit"),
        ({"on_error": "ignore"}, "on_error must be stop or skip"),
        ({"format": "xml"}, "format must be json or text"),
        ({"workers": 0}, "workers must be a whole number of at least 1"),
        ({"retries": -1}, "retries must be a whole number of at least 0"),
        ({"batch": True}, "batch must be a whole number"),
        ({"to": "no topic"}, "'no topic' is no topic name"),
        ({"to": 5}, "'5' is no topic name"),
        ({"commit": "explicit", "group": None}, "Without a group nothing can be committed"),
        ({"group": ""}, "A group needs a name"),
    ],
)
def test_wrong_options(app, options, said):
    """Each is refused where it is written."""
    with pytest.raises(ConfigurationError, match=said):
        app.on("orders", **options)


@pytest.mark.parametrize("name", ["exactly_once", "dead_letter", "registry", "gruop"])
def test_unknown_options(app, name):
    """What an App does not have is named by Python itself."""
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'"):
        app.on("orders", **{name: True})


def test_a_handler_needs_a_topic(app):
    """The decorator without its arguments is told, too."""
    for words in ((), ([],), (print,)):
        with pytest.raises(ConfigurationError, match=r'@app.on needs a topic: @app.on\("orders"\)'):
            app.on(*words)


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("5s", 5), ("1.5m", 90), ("2h", 7200), (3, 3.0), (0.1, 0.1)]
)
def test_intervals(text, seconds):
    """Numbers are seconds, texts have a unit."""
    assert interval(text) == seconds


@pytest.mark.parametrize("text", ["5", "s", "-1s", 0, -1, float("inf"), float("nan"), "5 days", None, print])
def test_no_intervals(text):
    """Anything else is refused."""
    with pytest.raises(ConfigurationError, match="is no interval"):
        interval(text)


def test_timers(app):
    """A timer goes on after an error, unless told otherwise."""
    app.every("5s", to="ticks")(print)
    (timer,) = app.programs
    assert isinstance(timer, Timer)
    assert (timer.seconds, timer.to, timer.on_error) == (5.0, ("ticks",), "skip")


def test_a_task_with_and_without_brackets(app):
    """Both forms declare it."""

    @app.task
    def one(): ...

    @app.task(to="a")
    def two(): ...

    assert [program.name for program in app.programs] == ["one", "two"]
    assert app.program(two).to == ("a",)


@pytest.mark.parametrize("default", [inspect.Parameter.empty, False])
def test_a_task_has_no_parameters_by_keyword(app, default):
    """The words after -- have no names."""

    def train(): ...

    flag = inspect.Parameter("flag", inspect.Parameter.KEYWORD_ONLY, default=default)
    train.__signature__ = inspect.Signature([flag])
    with pytest.raises(ConfigurationError, match="train takes 'flag' by keyword only"):
        app.task(train)


def test_sending_needs_a_running_app(app):
    """It says where it can be called."""
    with pytest.raises(Conflict, match="does not run here"):
        app.send("orders", 1)


def test_two_handlers_of_one_topic_and_group(app):
    """Each would get a part only: refused with a way out."""
    app.on("orders")(print)
    app.on("orders", "others")(repr)
    with pytest.raises(ConfigurationError, match="print and repr both read 'orders'"):
        check_groups(app.programs)


def test_two_handlers_with_groups_of_their_own(app):
    """Or without any."""
    app.on("orders")(print)
    app.on("orders", group="others")(repr)
    app.on("orders", group=None)(len)
    check_groups(app.programs)
