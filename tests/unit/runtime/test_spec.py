"""The seam between who starts workers and the workers."""

import msgspec
import pytest

from tailrace.runtime.spec import Status, WorkerSpec, client_name, read_spec, status_line


def test_a_spec_may_leave_everything_out():
    """But what is run; a group that is left out is not one of null."""
    spec = read_spec(b'{"run": "calc:two"}')
    assert spec == WorkerSpec("calc:two")
    assert spec.group is msgspec.UNSET
    assert read_spec(b'{"run": "calc:two", "group": null}').group is None


@pytest.mark.parametrize("document", [b"{}", b'{"run": 1}', b'{"run": "a:b", "raeds": []}', b"", b'{"run"'])
def test_no_specs(document):
    """A mistyped name is refused, too."""
    with pytest.raises(msgspec.DecodeError):
        read_spec(document)


def test_a_status_is_one_line():
    """Whatever the error says."""
    line = status_line(Status("failed", 3, 2, "two\nlines"))
    assert line == b'{"state":"failed","records":3,"sent":2,"error":"two\\nlines","hint":""}\n'


@pytest.mark.parametrize(
    ("client_id", "name"), [("", "calc-0"), ("0", "client-0"), ("12", "client-12"), ("mine", "mine")]
)
def test_names_of_workers(client_id, name):
    """A number is the client's, nothing is the app's first."""
    assert client_name(client_id, "calc") == name
