"""Per-image outcomes as tables, whatever a trainer stored and whatever happened to the file."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ablate.track.tables import MATRIX, MATRIX_IMAGE, PREDICTIONS, outcome_tables

A_LONE_ARRAY = (
    b"\x93NUMPY\x01\x00v\x00" + "{'descr':'<i8','fortran_order':False,'shape':(0,)}".ljust(117).encode() + b"\n"
)


def test_outcomes_without_probabilities_are_a_plain_table(tmp_path: Path) -> None:
    """A trainer may know no more than which images it got right; NaN is null in JSON."""
    np.savez(tmp_path / "outcomes.npz", id=np.array(["a", "b"]), score=np.array([1.0, np.nan]))
    artifacts, tag = outcome_tables(tmp_path / "outcomes.npz")

    assert json.loads(artifacts[PREDICTIONS]) == {"columns": ["id", "score"], "data": [["a", 1.0], ["b", None]]}
    assert json.loads(tag["mlflow.loggedArtifacts"]) == [{"path": PREDICTIONS, "type": "table"}]
    assert MATRIX not in artifacts


@pytest.mark.parametrize("content", [None, b"", b"PK\x03\x04 torn", b"no archive at all", A_LONE_ARRAY])
def test_a_missing_or_damaged_file_gives_a_warning(
    tmp_path: Path, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    """A run is shown without tables rather than not at all."""
    if content is not None:
        (tmp_path / "outcomes.npz").write_bytes(content)

    assert outcome_tables(tmp_path / "outcomes.npz") == ({}, {})
    assert "no table of predictions" in caplog.text


@pytest.mark.parametrize(("classes", "side"), [(2, 640), (17, 629), (200, 600)])
def test_the_confusion_matrix_is_also_an_image(tmp_path: Path, classes: int, side: int) -> None:
    """Dark where predictions fall; of a size a page can show."""
    target = np.arange(classes)
    prob = np.eye(classes, dtype=np.float16)
    np.savez(tmp_path / "outcomes.npz", id=target.astype(str), target=target, score=target, prob=prob)
    artifacts, _ = outcome_tables(tmp_path / "outcomes.npz")

    image = Image.open(io.BytesIO(artifacts[MATRIX_IMAGE])).convert("RGB")
    assert image.size == (side, side)
    assert image.getpixel((0, 0)) == (8, 48, 107)
    assert image.getpixel((side - 1, 0)) == (247, 251, 255)


def test_many_classes_are_a_table_only(tmp_path: Path) -> None:
    """An image of a thousand classes shows nothing."""
    target, prob = np.array([3]), np.zeros((1, 1000), dtype=np.float16)
    np.savez(tmp_path / "outcomes.npz", id=np.array(["a"]), target=target, score=target, prob=prob)

    artifacts, _ = outcome_tables(tmp_path / "outcomes.npz")
    assert MATRIX_IMAGE not in artifacts
    assert MATRIX in artifacts
