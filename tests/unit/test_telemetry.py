"""Metrics and logs: the text form, bounded labels, one line an event, no secret in any."""

import io
import json
import logging
import math
import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.telemetry.logs import configure_logs
from tailrace.telemetry.metrics import Metrics
from tailrace.telemetry.redaction import redact
from tailrace.telemetry.registry import Counter, Family, Gauge, Histogram, exposition

SAMPLE = re.compile(r'[a-z_]+(\{[a-z]+="(\\.|[^"\\\n])*"(,[a-z]+="(\\.|[^"\\\n])*")*\})? -?[0-9.e+-]+')
CANARY = "CANARYcanary1234567890"
SECRETS = [
    "Authorization: Bearer {}",
    "sent Basic {}",
    "authorization: Basic {}",
    "(b'authorization', b'Bearer {}')",
    "Cookie: theme=dark; tailrace_session={}; a=b",
    "Set-Cookie: tailrace_session={}; HttpOnly",
    "/v1/stream?topic=a&token={}&from=end",
    "http://127.0.0.1:8484/#token={}",
    '{{"password": "{}"}}',
    "{{'sasl.password': 'with spaces {}'}}",
    "ssl.key.password={}",
    "api_key={}",
    "http://user:{}@host/",
    "tr_{}",
]
BREAKS = [
    "\n",
    "\r\n",
    "\r",
    "\x00",
    "\x1b[2J",
    "\x7f",
    "\x85",
    "\u2028",
    "\u2029",
    "\u202e",
    "\udcff",
    '"',
    "\\",
    "{}",
]


@pytest.fixture
def log():
    """Configures the logs onto a text stream and puts everything back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level

    def configure(form: str, level: str = "info") -> io.StringIO:
        stream = io.StringIO()
        configure_logs(form, level, stream)
        return stream

    yield configure
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(capture=False)


def hostile_texts(count: int) -> list[str]:
    """Texts that try to break the line, each with a secret in it."""
    chance = random.Random(7)
    texts = []
    for number in range(count):
        noise = ["".join(chance.choices([*BREAKS, "a", " ", "GET /"], k=6)) for _ in range(2)]
        texts.append(f"{noise[0]} {SECRETS[number % len(SECRETS)].format(CANARY)} {noise[1]}")
    return texts


@pytest.mark.parametrize("form", ["json", "text"])
def test_hostile_texts_stay_in_their_line_and_tell_no_secret(log, form):
    """10,000 of them, as message and as fields, are 10,000 printable lines without a canary."""
    stream = log(form)
    for text in hostile_texts(10_000):
        logging.getLogger("t").info("%s", text, extra={"fields": {"path": text, "inner": {"deep": [text]}}})
    lines = stream.getvalue().split("\n")
    assert lines.pop() == ""
    assert len(lines) == 10_000
    assert all(line.isprintable() for line in lines)
    assert "CANARY" not in stream.getvalue()


@given(st.text(), st.text(), st.recursive(st.floats() | st.text(), lambda s: st.dictionaries(st.text(), s)))
def test_any_event_is_one_json_object(message, name, value):
    """Whatever is logged, the line is JSON in its strict form."""
    record = logging.LogRecord("t", logging.INFO, "f", 1, "%s", (message,), None)
    record.fields = {name: value}
    stream = io.StringIO()
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logs("json", "info", stream)
    (handler,) = root.handlers
    handler.handle(record)
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(capture=False)
    (line,) = stream.getvalue().splitlines()
    event = json.loads(line, parse_constant=pytest.fail)
    assert list(event)[:4] == ["time", "level", "event", "logger"]


def test_an_event_has_time_level_and_fields(log):
    """The time is UTC; fields cannot replace what the event is."""
    stream = log("json")
    logging.getLogger("tailrace.t").warning("gone", extra={"fields": {"topic": "a", "level": "info"}})
    event = json.loads(stream.getvalue())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event.pop("time"))
    assert event == {"level": "warning", "event": "gone", "logger": "tailrace.t", "topic": "a"}


def test_fields_named_as_secrets_are_hidden(log):
    """By their name alone, at any depth."""
    stream = log("json")
    fields = {"token": "x1", "inner": {"Cookie": "x2", "sasl.password": "x3"}, "tokens": 3}
    logging.getLogger("t").info("e", extra={"fields": fields})
    event = json.loads(stream.getvalue())
    assert event["token"] == event["inner"]["Cookie"] == event["inner"]["sasl.password"] == "***"
    assert event["tokens"] == 3


def test_a_trace_is_in_the_line(log):
    """In JSON a field; a secret in an exception is hidden there too."""
    stream = log("json")
    try:
        raise ValueError("first\nAuthorization: Bearer " + CANARY)
    except ValueError:
        logging.getLogger("t").exception("broken")
    assert "ValueError: first" in json.loads(stream.getvalue())["trace"]
    assert CANARY not in stream.getvalue()


def test_a_trace_in_text_cannot_be_taken_for_an_event(log):
    """Each of its lines is marked."""
    stream = log("text")
    try:
        raise ValueError("first\n10:00:00 error   forged")
    except ValueError:
        logging.getLogger("t").exception("broken")
    first, *trace = stream.getvalue().splitlines()
    assert first.endswith("error   broken")
    assert all(line.startswith("  | ") for line in trace)


def test_the_level_bounds_what_is_written(log):
    """Less important events are left out."""
    stream = log("json", "warning")
    logging.getLogger("t").info("small")
    assert stream.getvalue() == ""


def test_auto_is_json_where_no_terminal_is(log):
    """And text on one."""
    stream = log("auto")
    logging.getLogger("t").info("e")
    assert json.loads(stream.getvalue())["event"] == "e"


def test_a_long_text_is_cut():
    """A log line has a bound."""
    assert len(redact("x" * 1_000_000)) < 10_000


@pytest.mark.parametrize(
    "text", ["topic=orders&from=end", "orders:0@1207,1@998", "tokens read: 5", "basics of it"]
)
def test_what_is_no_secret_stays(text):
    """Redaction leaves ordinary words alone."""
    assert redact(text) == text


def test_every_metric_says_what_it_is():
    """Names follow Prometheus' rules: unit and _total at the end, one name once."""
    metrics = list(Metrics())
    assert len({metric.name for metric in metrics}) == len(metrics)
    for metric in metrics:
        assert metric.meaning.endswith(".")
        assert re.fullmatch(r"(tailrace|process)_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        if metric.unit in {"seconds", "bytes"}:
            assert metric.unit in metric.name


def test_the_text_form_is_prometheus():
    """Every line is a comment or a sample."""
    metrics = Metrics()
    metrics.readers.at("sse").value += 2
    metrics.request_seconds.at("GET /v1/stream").observe(0.3)
    lines = metrics.exposition().decode().splitlines()
    assert 'tailrace_readers{transport="sse"} 2' in lines
    for line in lines:
        assert line.startswith(("# HELP ", "# TYPE ")) or SAMPLE.fullmatch(line), line


def test_the_process_is_measured():
    """Resident memory and processor time are asked when the metrics are."""
    metrics = Metrics()
    assert 1e6 < metrics.resident_bytes.source() < 1e12
    assert b"\nprocess_cpu_seconds_total " in metrics.exposition()


def test_label_values_are_escaped():
    """A label cannot break out of its quotes."""
    family = Family(lambda: Counter("n", "M.", labels=("l",)), most=2)
    family.at('a"\n\\').value = 1
    assert exposition([family]).decode().splitlines()[-1] == r'n{l="a\"\n\\"} 1'


def test_labels_are_bounded():
    """Beyond the bound all are one: other."""
    family = Family(lambda: Counter("n", "M.", labels=("l",)), most=3)
    for number in range(1000):
        family.at(str(number)).value += 1
    lines = exposition([family]).decode().splitlines()[2:]
    assert len(lines) == 4
    assert lines[-1] == 'n{l="other"} 997'


def test_a_gauge_may_ask_its_source():
    """The number is then taken at the time of the question."""
    gauge = Gauge("g", "M.")
    gauge.source = lambda: 1.5
    assert exposition([gauge]).decode().splitlines()[-1] == "g 1.5"


@given(st.lists(st.floats(0, 100)))
def test_a_histogram_counts_like_a_naive_one(values):
    """Each bucket holds all values up to its bound."""
    histogram = Histogram("h", "M.", bounds=(0.5, 1, 50))
    for value in values:
        histogram.observe(value)
    samples = dict(line.rsplit(" ", 1) for line in exposition([histogram]).decode().splitlines()[2:])
    for text, bound in (("0.5", 0.5), ("1", 1), ("50", 50), ("+Inf", math.inf)):
        assert int(samples[f'h_bucket{{le="{text}"}}']) == sum(value <= bound for value in values)
    assert int(samples["h_count"]) == len(values)
    assert float(samples["h_sum"]) == pytest.approx(sum(values))
