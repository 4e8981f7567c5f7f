"""What is asked of every file's network: one batch of images in, one logit a class out."""

from __future__ import annotations

import numpy as np
import pytest

from ablate.deploy.shapes import checked_logits
from ablate.errors import DataError


@pytest.mark.parametrize(
    "given",
    [
        np.zeros((3, 5), np.float32),
        np.zeros(2, np.float32),
        np.zeros((2, 5, 1), np.float32),
        np.zeros((2, 5), np.int64),
    ],
    ids=["of other images", "a class each", "a map each", "no numbers of a logit's kind"],
)
def test_what_is_no_logit_for_each_class_of_each_image_is_refused(given: np.ndarray) -> None:
    """Before it is taken for the answers to two images."""
    with pytest.raises(DataError, match=r"x\.onnx gives .* for 2 images, not one logit for each class"):
        checked_logits("x.onnx", given, 2)


def test_logits_of_any_precision_are_taken_as_they_are() -> None:
    """(N, K) float32."""
    found = checked_logits("x.onnx", np.array([[1.5, -2.0]], np.float16), 1)

    assert (found.dtype, found.tolist()) == (np.float32, [[1.5, -2.0]])
