"""Which images a network finds alike: nearest neighbours and a map of its features, by scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Features = NDArray[np.float32]

FEWEST = 10
"""Points below which a map of them says nothing."""


def nearest(queries: Features, gallery: Features, count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each query (n, d) the `count` nearest of the gallery (m, d), the nearest first, and the cosines.

    By the cosine of the angle: how strong a feature is all in all does not count.
    """
    from sklearn.neighbors import NearestNeighbors

    index = NearestNeighbors(n_neighbors=min(count, len(gallery)), metric="cosine").fit(gallery)
    distances, places = index.kneighbors(queries)
    return places.astype(np.int64), 1 - distances


def on_a_plane(features: Features) -> NDArray[np.float64] | None:
    """t-SNE of features (n, d): (n, 2); None where they are too few or all the same. The same for the same features.

    Source: van der Maaten & Hinton 2008; started from the principal components, as Kobak & Berens 2019 advise.
    """
    from sklearn.manifold import TSNE

    varied = features[:, features.std(0) > 0]
    if len(varied) < FEWEST or varied.shape[1] == 0:
        return None
    start: Any = "pca" if varied.shape[1] > 1 else "random"
    perplexity = min(30.0, (len(varied) - 1) / 3)
    # Half of scikit-learn's steps: from principal components the second half moves no cluster, and takes seconds.
    embedding = TSNE(init=start, perplexity=perplexity, max_iter=500, random_state=0)
    found: NDArray[np.float64] = embedding.fit_transform(varied)
    return found
