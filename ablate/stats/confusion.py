"""Which class is taken for which."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def confusion_counts(targets: NDArray[np.int64], predicted: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """How often each class (row) was taken for each class (column): shape (classes, classes).

    targets, predicted: shape (n,), class indices; what lies outside the classes is passed over.
    """
    known = (targets >= 0) & (targets < classes) & (predicted >= 0) & (predicted < classes)
    counts = np.bincount(targets[known] * classes + predicted[known], minlength=classes**2)
    return counts.reshape(classes, classes)
