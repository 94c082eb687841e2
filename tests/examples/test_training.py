"""The training task, and those who follow its log."""

import re

import pytest

from .conftest import MAIN


@pytest.fixture
def gateway(start, kafka, environ):
    """Starts a gateway that knows the folder of the worker's files; its address."""

    def run(folder):
        options = ["serve", "--open", "--port", "0", "--broker", kafka.bootstrap_servers]
        serve = start(*MAIN, *options, folder=folder, TAILRACE_TASKLOGS_FOLDER=str(folder / "logs"))
        serve.until_printed("Tailrace serves ")
        return re.search(r"Tailrace serves (http://[\d.:]+)", serve.text)[1]

    return run


@pytest.mark.kafka
def test_the_log_of_a_training_is_followed(gateway, tailrace, start, copy):
    """The worker's file comes first, then each epoch as it is logged, and nothing twice."""
    pytest.importorskip("sklearn")
    folder = copy("training")
    (folder / "logs").mkdir()
    url = gateway(folder)
    options = ["experiment-7", "3", "0.2"]
    training = tailrace("run", "training:train", "--", *options, folder=folder)
    training.until_printed("runs once")
    logs = start(*MAIN, "logs", "experiment-7", "--follow", "--url", url, folder=folder)
    logs.until_printed("done")
    assert training.ended() == 0, training.text
    lines = [line for line in logs.lines if not line.startswith("loading")]
    assert lines[0] == "1797 digits of 64 pixels"
    assert [line.partition(":")[0] for line in lines[1:]] == ["epoch 1", "epoch 2", "epoch 3", "done"]
    assert logs.interrupt() == 0, logs.text


@pytest.mark.kafka
def test_a_task_that_is_no_name_makes_no_folder(tailrace, copy):
    """Least of all outside of its own."""
    pytest.importorskip("sklearn")
    folder = copy("training")
    training = tailrace("run", "training:train", "--", "../x", folder=folder)
    assert training.ended() != 0
    assert "'../x' cannot name a task" in training.text
    assert not (folder / "x").exists()
