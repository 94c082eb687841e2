"""A task that trains a model and logs how far it is, into its file and its topic."""

import logging
import time
from pathlib import Path

from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier

from tailrace import App
from tailrace.logging import KafkaHandler

LOGS = Path(__file__).with_name("logs")

app = App("training")


@app.task
def train(task: str, epochs: int = 20, seconds: float = 1.0) -> None:
    """Learn to read digits, an epoch a second; the id of the task says where its log goes."""
    worker, log = logging.getLogger("worker"), logging.getLogger("training")
    worker.setLevel(logging.INFO)
    log.setLevel(logging.INFO)
    log.addHandler(KafkaHandler(task))  # refuses what is no name, before a folder has it
    (LOGS / task).mkdir(parents=True, exist_ok=True)
    worker.addHandler(logging.FileHandler(LOGS / task / "worker.log", mode="w"))
    digits = load_digits()
    worker.info("%d digits of %d pixels", *digits.data.shape)
    model = SGDClassifier(random_state=1)
    for epoch in range(1, epochs + 1):
        model.partial_fit(digits.data, digits.target, classes=digits.target_names)
        log.info("epoch %d: %.1f %% right", epoch, 100 * model.score(digits.data, digits.target))
        time.sleep(seconds)
    log.info("done")
