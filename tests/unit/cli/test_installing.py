"""What a first start shows while it downloads and prepares."""

import sys

from tailrace.broker import Progress
from tailrace.cli.installing import InstallProgress


def test_a_download_shows_how_far_it_is(capsys, monkeypatch):
    """In megabytes, with the file at hand."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    InstallProgress()(Progress("download", "a.jar", 1_500_000, 46_000_000))
    assert capsys.readouterr().err == "\r\x1b[KDownloading Kafka: a.jar  1.5 of 46.0 MB"


def test_what_has_no_size_says_how_long_it_takes(capsys, monkeypatch):
    """It stands still for half a minute and must not look hung."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    InstallProgress()(Progress("train", "kafka.aot"))
    assert "\r\x1b[KPreparing Java for faster starts, which takes" in capsys.readouterr().err


def test_elsewhere_each_step_is_one_line(capsys):
    """A log file gets no line that is drawn over."""
    progress = InstallProgress()
    for done in (0, 1, 2):
        progress(Progress("download", "a.jar", done, 2))
    assert capsys.readouterr().err == "Downloading Kafka …\n"
