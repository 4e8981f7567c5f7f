"""In the manner of a Hydra app: `key=value` on the command line over conf/config.yaml, a run folder, a log, a JSON.

The few lines above `main` stand for the package: a primary config, dotted overrides, no other arguments.
"""

import json
import os
import sys

import numpy as np
import yaml
from drawn import draw


def compose(path, overrides):
    with open(path) as stream:
        config = yaml.safe_load(stream)
    for word in overrides:
        key, _, text = word.partition("=")
        *blocks, last = key.split(".")
        here = config
        for block in blocks:
            here = here[block]
        if last not in here:
            sys.exit(f"Could not override '{key}'.\nKey '{last}' is not in struct")
        here[last] = yaml.safe_load(text)
    return config


def main(cfg):
    rng = np.random.default_rng(cfg["seed"])
    images, targets = draw()
    x, y = images.reshape(len(images), -1), np.eye(3)[targets]
    fit, held = np.split(rng.permutation(len(x)), [160])
    weights = rng.normal(0, 0.01, (x.shape[1], 3))
    for epoch in range(cfg["trainer"]["max_epochs"]):
        noise = rng.normal(0, cfg["data"]["augment"] or 0.0, x[fit].shape)
        scores = (x[fit] + noise) @ weights
        p = np.exp(scores - scores.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        weights -= cfg["optimizer"]["lr"] * ((x[fit] + noise).T @ (p - y[fit]) / len(fit))
        weights *= 1 - cfg["optimizer"]["weight_decay"]
        loss = -np.log((p * y[fit]).sum(1)).mean()
        print(json.dumps({"epoch": epoch + 1, "train_loss": loss}))
    accuracy = ((x[held] @ weights).argmax(1) == targets[held]).mean()
    os.makedirs(cfg["output_dir"], exist_ok=True)
    with open(os.path.join(cfg["output_dir"], "metrics.json"), "w") as stream:
        json.dump({"test": {"accuracy": accuracy}, "name": cfg["name"]}, stream)


if __name__ == "__main__":
    main(compose(os.path.join(os.path.dirname(__file__), "conf", "config.yaml"), sys.argv[1:]))
