"""Small images for a report, from what runs have decoded."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from ablate.files import build_once
from ablate.training import thumbnails
from ablate.training.config import Config
from ablate.training.data.cache import load_images
from ablate.training.small_images import SIZE
from tests.training_builders import a_config


def config_of() -> Config:
    """The quick start's scans."""
    return a_config()


def test_decoded_images_are_shown_small(tmp_path: Path) -> None:
    """A PNG for each id that is known, its longer side as long as a thumbnail's; strangers are passed over."""
    config = config_of()
    images = load_images(config.data, lambda key, build: build_once(tmp_path / key, build))
    name = images.ids[0]
    found = thumbnails(config, [name, "nobody"], lambda key: tmp_path / key)

    assert list(found) == [name]
    assert max(Image.open(io.BytesIO(found[name])).size) == SIZE


def test_nothing_is_decoded_for_a_report(tmp_path: Path) -> None:
    """Where the decoded copy is gone, only the ids are shown."""
    assert thumbnails(config_of(), ["digits:0000"], lambda key: tmp_path / key) == {}
    assert list(tmp_path.iterdir()) == []
