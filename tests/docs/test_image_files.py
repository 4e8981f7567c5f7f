"""docs/image_files.md and docs/howto/dicom.md: their readers, copied as a user would, read what they say."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from ablate.files import build_once
from ablate.training.config import DataConfig
from ablate.training.data.cache import DecodedImages, load_images

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "howto" / "dicom.md", DOCS / "image_files.md"]
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
DICOM, COUNTS, VOLUME = re.findall(r"```python[^\n]*\n(.*?)```", TEXT, re.DOTALL)

STAND_IN = (Path(__file__).parent / "stand_ins" / "modules" / "pydicom.py").read_text(encoding="utf-8")


def read_by(
    example: str, name: str, arrays: list[np.ndarray], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> DecodedImages:
    """Two classes of those arrays, read by an example of the page."""
    (folder / f"{name}.py").write_text(example, encoding="utf-8")
    monkeypatch.syspath_prepend(str(folder))
    for index, array in enumerate(arrays):
        path = folder / "data" / "ab"[index % 2] / f"{index}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        if name == "read_dicom":
            path.with_suffix(".dcm").write_bytes(array.tobytes())
        else:
            np.save(path, array)
    source = {"name": "image_folder", "root": str(folder / "data")}
    settings = {"source": source, "classes": 2, "image_size": 8, "channels": 1, "reader": f"{name}:read"}
    return load_images(
        DataConfig.model_validate(settings), lambda key, build: build_once(folder / "cache" / key, build)
    )


@pytest.mark.parametrize("example", [DICOM, COUNTS, VOLUME])
def test_each_example_has_ten_lines_at_most(example: str) -> None:
    """What does not fit in ten lines is not shown."""
    assert len(example.strip().splitlines()) <= 10


def test_a_dicom_slice_is_windowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Window 40 +- 200: -160 HU is black, 240 white, and what lies outside is cut."""
    stored = [(np.full((8, 8), hounsfield) + 1024) // 2 for hounsfield in (-1000, -160, 40, 240, 900)]
    stored = [array.astype(np.uint16) + np.uint16(index == 4) for index, array in enumerate(stored)]
    monkeypatch.delitem(sys.modules, "pydicom", raising=False)
    (tmp_path / "pydicom.py").write_text(STAND_IN, encoding="utf-8")

    images = read_by(DICOM, "read_dicom", stored, tmp_path, monkeypatch)

    monkeypatch.delitem(sys.modules, "pydicom", raising=False)
    found = {name: int(pixels.max()) for name, pixels in zip(images.ids, images.pixels, strict=True)}
    assert found == {"a/0.dcm": 0, "b/1.dcm": 0, "a/2.dcm": 128, "b/3.dcm": 255, "a/4.dcm": 255}


def test_an_npy_file_of_counts_is_scaled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """4095 is white."""
    arrays = [np.full((8, 8), count, dtype=np.uint16) for count in (0, 4095, 2048, 5000)]

    images = read_by(COUNTS, "read_counts", arrays, tmp_path, monkeypatch)

    found = {name: int(pixels.max()) for name, pixels in zip(images.ids, images.pixels, strict=True)}
    assert found == {"a/0.npy": 0, "b/1.npy": 255, "a/2.npy": 128, "b/3.npy": 255}


def test_the_middle_slice_of_a_volume_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of five slices the third."""
    volumes = [np.arange(5, dtype=np.float32)[:, None, None] * np.full((8, 8), 100 * sign) for sign in (1, -1)]

    images = read_by(VOLUME, "read_volume", volumes, tmp_path, monkeypatch)

    found = [int(pixels.max()) for pixels in images.pixels]
    assert found == [round((200 + 1000) * 255 / 1400), round((-200 + 1000) * 255 / 1400)]
