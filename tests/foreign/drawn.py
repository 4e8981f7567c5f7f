"""Images of two or three classes that are hard to tell apart, drawn from a seed: what a folder of data would hold."""

import numpy as np


def draw(n=240, classes=3, side=6, seed=0):
    rng = np.random.default_rng(seed)
    targets = rng.integers(classes, size=n)
    centres = np.random.default_rng(7).normal(0, 1, (classes, side * side))
    images = 0.35 * centres[targets] + rng.normal(0, 1, (n, side * side))
    return images.astype(np.float32).reshape(n, side, side), targets
