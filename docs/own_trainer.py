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
    # The split depends on the replicate and on nothing else: all variants meet the same test images.
    repetition, fold = divmod(run.replicate.index, run.protocol.test.count)
    order = np.random.default_rng(repetition).permutation(len(labels))
    test = order[fold :: run.protocol.test.count]
    rest = np.setdiff1d(order, test)
    # All other luck comes from run.replicate.seed(...), never from the clock or a global generator.
    fit = np.random.default_rng(run.replicate.seed("fit")).permutation(rest)[: config.train]
    weights = np.zeros((images.shape[1], 10))
    for epoch in range(1, config.epochs + 1):
        errors = softmax(images[fit] / 16 @ weights, axis=1) - np.eye(10)[labels[fit]]
        weights -= config.lr * (images[fit].T / 16 @ errors / len(fit) + config.weight_decay * weights)
        right = (images[fit] @ weights).argmax(1) == labels[fit]
        run.epoch(epoch, {"train/accuracy": right.mean()})  # live in MLflow, under any names you like
    score = (images[test] @ weights).argmax(1) == labels[test]
    # Optional, but it makes the verdicts sharper: which test image was right, one row each.
    np.savez(run.folder / "outcomes.npz", id=test.astype(str), target=labels[test], score=score.astype(np.float32))
    return ablate.Outcome(metrics={"accuracy": score.mean()}, epoch=epoch, images=run.folder / "outcomes.npz")
