"""Saved logins: what is kept, for whom, and what a broken file does."""

import json
import os
import stat
import threading

import pytest

from tailrace.client.logins import Login, Logins
from tailrace.core.errors import ConfigurationError

ANN = Login("ann", "tr_1")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "tailrace"


@pytest.fixture
def file(folder):
    """One that holds nothing yet."""
    folder.mkdir()
    path = folder / "logins.json"
    path.touch(0o600)
    return path


def test_a_login_is_kept_for_its_address(folder):
    """The latest one is the last; nobody else can read any."""
    logins = Logins(folder)
    logins.save("http://a:1", ANN)
    logins.save("http://b:1", Login("bob", "secret", "bob"))
    assert (logins.find("http://a:1"), logins.find("http://c:1")) == (ANN, None)
    assert logins.last() == "http://b:1"
    assert [logins.forget("http://b:1"), logins.forget("http://b:1")] == [True, False]
    assert logins.last() == "http://a:1"
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert "tr_1" not in repr(ANN)


def test_logins_at_once_are_all_kept(folder):
    """Each writes the whole file, so one waits for the other."""
    together = threading.Barrier(20)

    def save(number):
        together.wait()
        Logins(folder).save(f"http://a:{number}", ANN)

    saving = [threading.Thread(target=save, args=(number,)) for number in range(20)]
    for thread in saving:
        thread.start()
    for thread in saving:
        thread.join()
    assert len(json.loads((folder / "logins.json").read_text())) == 20


def test_what_a_killed_command_left_is_in_nobodys_way(folder):
    """Under whatever process id, or in the name of the next file."""
    folder.mkdir()
    for name in (f".logins.json.{os.getpid()}", ".logins.json.new", ".logins.json.lock"):
        (folder / name).write_text("{")
    Logins(folder).save("http://a:1", ANN)
    assert Logins(folder).find("http://a:1") == ANN


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", '{"u": "x"}', '{"u": {"name": 5, "secret": "x"}}', "{", "\0", '{"u":' + "[" * 50_000],
)
def test_what_holds_no_logins_is_said(file, text):
    """In one error that names the file, whatever lies there; it is not overwritten."""
    file.write_text(text)
    for use in (Logins(file.parent).last, lambda: Logins(file.parent).save("http://a:1", ANN)):
        with pytest.raises(ConfigurationError, match=r"logins\.json holds no logins"):
            use()
    assert file.read_text() == text


def test_what_is_no_file_is_not_waited_for(folder):
    """A named pipe would keep a reader until somebody writes."""
    folder.mkdir()
    os.mkfifo(folder / "logins.json", 0o600)
    with pytest.raises(ConfigurationError, match="holds no logins"):
        Logins(folder).last()


def test_others_may_not_read_it(file):
    """A file with secrets that is open to them is refused."""
    file.chmod(0o640)
    with pytest.raises(ConfigurationError, match="Others can read"):
        Logins(file.parent).last()


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    """Not told as a stack."""
    (tmp_path / "tailrace").write_text("a file")
    with pytest.raises(ConfigurationError, match="cannot be"):
        Logins(tmp_path / "tailrace").save("http://a:1", ANN)
