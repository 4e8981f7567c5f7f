"""A trainer of your own, without torch: softmax regression on scikit-learn's handwritten digits."""

import numpy as np
from scipy.special import softmax
from sklearn.datasets import load_digits

import ablate

METRICS = {"accuracy": "max"}  # what is measured on the test images, and which way is better


class Config(ablate.Settings):  # the schema of the study's `base:`; a key it does not know is refused
    train: int = 100  # training scans
    lr: float = 0.5
    epochs: int = 30
    weight_decay: float = 0.0


def train(config: Config, run: ablate.Run) -> ablate.Outcome:
    images, labels = load_digits(return_X_y=True)
    ids = np.arange(len(labels)).astype(str)
    # Who is fitted on and who is tested on is for the study to say: all variants meet the same test images, and
    # while a search runs nobody meets them. parts.judged is parts.test, or parts.val in a search.
    parts = run.split(ids, labels)
    fit, judged = parts.fit[: config.train], parts.judged
    # All other luck comes from run.replicate.seed32(...), never from the clock or a global generator.
    rng = np.random.default_rng(run.replicate.seed32("init"))
    weights = rng.normal(0, 0.01, (images.shape[1], 10))
    for epoch in range(1, config.epochs + 1):
        errors = softmax(images[fit] / 16 @ weights, axis=1) - np.eye(10)[labels[fit]]
        weights -= config.lr * (images[fit].T / 16 @ errors / len(fit) + config.weight_decay * weights)
        right = (images[fit] @ weights).argmax(1) == labels[fit]
        run.epoch(epoch, {"train/accuracy": right.mean()})  # live in MLflow, under any names you like
    score = (images[judged] @ weights).argmax(1) == labels[judged]
    # Which image was right, one row each: verdicts get sharper by it, and a search needs it.
    np.savez(run.folder / "outcomes.npz", id=ids[judged], target=labels[judged], score=score.astype(np.float32))
    return ablate.Outcome(metrics={"accuracy": score.mean()}, epoch=epoch, images=run.folder / "outcomes.npz")
