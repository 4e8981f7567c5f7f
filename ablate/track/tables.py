"""A run's per-image outcomes as the tables and the image a tracking store shows."""

from __future__ import annotations

import io
import json
import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ablate.store.outcome_columns import read_columns

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

logger = logging.getLogger(__name__)

PREDICTIONS, MATRIX, MATRIX_IMAGE = "predictions.json", "confusion_matrix.json", "confusion_matrix.png"
_COUNTED_CLASSES = 2048
"""A table with more classes has millions of cells, nearly all of them empty."""
_DRAWN_CLASSES = 256
"""An image with more classes shows nothing to the eye."""


def outcome_tables(images: Path) -> tuple[dict[str, bytes], dict[str, str]]:
    """Artifacts by path, and the tag by which MLflow's pages know the tables among them.

    images: npz with id, target, score and, where known, prob of shape (images, classes). A file
    that is missing or damaged gives no tables and a warning.
    """
    try:
        arrays = read_columns(images, "id", "target", "score", "prob")
    except (OSError, ValueError, TypeError) as error:
        logger.warning("%s: no table of predictions: %s", images, error)
        return {}, {}
    if len({len(array) if array.ndim else -1 for array in arrays.values()}) != 1:
        logger.warning("%s: no table of predictions: its columns differ in length", images)
        return {}, {}
    columns = {name: array.tolist() for name, array in arrays.items() if name != "prob"}
    artifacts: dict[str, bytes] = {}
    of_several_labels = "target" in arrays and arrays["target"].ndim == 2
    if "prob" in arrays and arrays["prob"].ndim == 2 and not of_several_labels:
        predicted = arrays["prob"].argmax(axis=1)
        columns["predicted"] = predicted.tolist()
        columns["confidence"] = [round(float(value), 4) for value in arrays["prob"].max(axis=1)]
        if "target" in arrays and arrays["target"].dtype.kind in "iu" and arrays["prob"].shape[1] <= _COUNTED_CLASSES:
            artifacts |= _matrix(arrays["target"], predicted, arrays["prob"].shape[1])
    artifacts[PREDICTIONS] = _table(list(columns), [list(row) for row in zip(*columns.values(), strict=True)])
    shown = [{"path": path, "type": "table"} for path in (PREDICTIONS, MATRIX) if path in artifacts]
    return artifacts, {"mlflow.loggedArtifacts": json.dumps(shown)}


def _table(columns: list[str], rows: list[list[Any]]) -> bytes:
    data = [[_json_value(value) for value in row] for row in rows]
    return json.dumps({"columns": columns, "data": data}, ensure_ascii=False, allow_nan=False).encode()


def _json_value(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _matrix(target: NDArray[Any], predicted: NDArray[Any], classes: int) -> dict[str, bytes]:
    import numpy as np

    known = (target >= 0) & (target < classes)
    counts = np.bincount(target[known] * classes + predicted[known], minlength=classes**2)
    counts = counts.reshape(classes, classes)
    columns = ["target", *(f"predicted {index}" for index in range(classes))]
    rows = [[index, *row] for index, row in enumerate(counts.tolist())]
    drawn = {MATRIX_IMAGE: _matrix_image(counts)} if 0 < classes <= _DRAWN_CLASSES else {}
    return {MATRIX: _table(columns, rows)} | drawn


def _matrix_image(counts: NDArray[np.int64]) -> bytes:
    """PNG: one row per class, the darker the larger its share of the row; counts where they fit."""
    import numpy as np
    from PIL import Image, ImageDraw, ImageFont

    classes = len(counts)
    cell = max(2, 640 // classes)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = Image.fromarray((share * 255).round().astype(np.uint8))
    image = image.resize((cell * classes, cell * classes), Image.Resampling.NEAREST)
    if cell >= 24:
        draw, font = ImageDraw.Draw(image), ImageFont.load_default_imagefont()
        for row, column in np.argwhere(counts):
            text = str(counts[row, column])
            place = ((column + 0.5) * cell - 3 * len(text), (row + 0.5) * cell - 5)  # a sign is 6 x 11
            draw.text(place, text, fill=0 if share[row, column] > 0.5 else 255, font=font)
    shades = np.linspace((247, 251, 255), (8, 48, 107), 256).round().astype(np.uint8)
    image.putpalette(shades.tobytes())
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()
