"""Images that look alike as one group, and names that look like origins."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ablate.errors import DataError
from ablate.files import build_once
from ablate.records import Stamp
from ablate.splits.rules import Folds, Protocol
from ablate.training.config import DataConfig
from ablate.training.data.cache import DecodedImages, load_images
from ablate.training.data.examine import examine_data
from ablate.training.data.known_groups import groups_of_run
from ablate.training.data.origin_names import PATTERNS, origins_in_names
from ablate.training.preparation import look_at_data
from tests.builders import a_finished
from tests.training_builders import a_config


def write_frames(root: Path, *, scenes: int, frames: int = 2, name: str = "{scene}-{frame}.png") -> Path:
    """Two classes of scenes, each of some frames, the later the brighter by a little."""
    for scene in range(scenes):
        rng = np.random.default_rng(scene)
        base = np.kron(rng.integers(0, 240, (4, 4)), np.ones((8, 8))).astype(np.uint8)
        folder = root / ("cat", "dog")[scene % 2]
        folder.mkdir(parents=True, exist_ok=True)
        for frame in range(frames):
            Image.fromarray(base + np.uint8(frame)).save(folder / name.format(scene=scene, frame=frame))
    return root


def config_of(root: Path, **more: Any) -> DataConfig:
    return DataConfig.model_validate(
        {"source": {"name": "image_folder", "root": str(root)}, "classes": 2, "image_size": 32} | more
    )


def loaded(config: DataConfig, work: Path) -> DecodedImages:
    return load_images(config, lambda key, build: build_once(work / key, build))


def test_near_joins_images_that_look_alike(tmp_path: Path) -> None:
    """Two frames of each of twelve scenes, and the report is told how many and how large."""
    root = write_frames(tmp_path / "data", scenes=12)
    images = loaded(config_of(root, groups="near"), tmp_path / "work")
    scenes = [name.split("/")[1].split("-")[0] for name in images.ids]

    assert [images.ids[group].split("/")[1].split("-")[0] for group in images.groups] == scenes
    assert len(set(images.groups.tolist())) == 12
    assert any("near joins 24 images in 12 groups; the largest is of 2 (8.3%)" in note for note in images.notes)
    assert loaded(config_of(root), tmp_path / "work").groups.tolist() == list(range(24))


def test_near_is_remembered(tmp_path: Path) -> None:
    """All pairs are compared once, whatever asks afterwards."""
    root = write_frames(tmp_path / "data", scenes=12)
    built: list[str] = []

    def cached(key: str, build: Any) -> Path:
        return build_once(tmp_path / "work" / key, lambda path: (built.append(key), build(path))[1])

    for _ in range(2):
        load_images(config_of(root, groups="near"), cached)

    assert sum(key.startswith("pictures/near-") for key in built) == 1


def test_a_chain_of_images_that_look_alike_is_refused(tmp_path: Path) -> None:
    """One scene of more than a tenth of the images: likeness chains, and is no origin then."""
    root = write_frames(tmp_path / "data", scenes=4, frames=6)

    with pytest.raises(DataError, match=r"near makes one group of 6 of 24 images, more than 10%") as error:
        loaded(config_of(root, groups="near"), tmp_path / "work")
    assert "data.groups: '(patient" in error.value.hint


def test_what_data_stats_has_seen_is_told_by_every_later_look(tmp_path: Path) -> None:
    """Pairs across test and training, with the line to add; nothing before, and nothing where groups are named."""
    root = write_frames(tmp_path / "data", scenes=24)
    protocol = Protocol(test=Folds(count=3), val=None, weights="last")
    config = a_config(
        data={"source": {"name": "image_folder", "root": str(root)}, "classes": 2, "image_size": 32, "train": 0.6}
    )

    def cached(key: str, build: Any) -> Path:
        return build_once(tmp_path / "work" / key, build)

    before = look_at_data(config, protocol, cached).notes
    seen = examine_data(config.data, protocol, cached)
    after = look_at_data(config, protocol, cached).notes

    assert any(pair.is_torn for pair in seen.near)
    assert not any("look alike" in note for note in before)
    assert any(note.endswith("add data.groups: near") for note in after)


@pytest.mark.parametrize(
    ("names", "pattern", "origins", "largest"),
    [
        ([f"{c}/patient{i // 4}_{i}.png" for i in range(40) for c in "ab"], r"(?i)((?:patient)[-_ ]?\d+)", 10, 8),
        ([f"a/IMG_202601{1 + i // 9:02}_{i:04}.jpg" for i in range(30)], r"([A-Z]{2,4}_\d{8})_\d", 4, 9),
        ([f"a/walk{i // 5}-frame_{i:03}.png" for i in range(25)], r"(?i)(.+?)[-_ ]?(?:frame|frm)[-_ ]?\d+", 5, 5),
    ],
)
def test_names_that_look_like_origins(names: list[str], pattern: str, origins: int, largest: int) -> None:
    """Patients, cameras' days, frames of a film."""
    found = origins_in_names(names, 2)

    assert found is not None
    assert (found.pattern, found.origins, found.images) == (pattern, origins, largest)
    assert config_of(Path("x"), groups=found.pattern).groups == pattern


@pytest.mark.parametrize(
    "names",
    [
        [f"cat/{i:04}.jpg" for i in range(50)],
        [f"{label}_{i}.jpg" for label in range(11) for i in range(9)],
        [f"a/patient{i}.png" for i in range(50)],
        [f"plant{i % 2}/{i}.png" for i in range(50)],
        [f"a/patient{i // 4}_{i}.png" for i in range(40)] + ["a/other.png"],
        [],
    ],
)
def test_names_that_only_number_images(names: list[str]) -> None:
    """No origin, one of each, those of the classes' folders, or not in every name."""
    assert origins_in_names(names, 2) is None


def test_names_are_searched_up_to_the_first_that_tells_nothing() -> None:
    """Once a pattern: 200,000 names that only number images cost no more than one."""
    names = _Counted([f"cat/{i:04}.jpg" for i in range(50)])

    assert origins_in_names(names, 2) is None
    assert names.read <= len(PATTERNS)


class _Counted(list[str]):
    """Names, and how many of them were read."""

    read = 0

    def __iter__(self) -> Iterator[str]:
        for name in super().__iter__():
            self.read += 1
            yield name


def test_the_notes_name_the_line_to_add(tmp_path: Path) -> None:
    """What plan and report show."""
    root = write_frames(tmp_path / "data", scenes=12, name="patient{scene}_{frame}.png")

    (note,) = (note for note in loaded(config_of(root), tmp_path / "work").notes if "look like origins" in note)
    assert r"add data.groups: '(?i)((?:patient)[-_ ]?\d+)'" in note
    assert not any(
        "look like origins" in note for note in loaded(config_of(root, groups=r"(patient\d+)"), tmp_path / "work").notes
    )


class TestKnownGroups:
    """Groups of finished runs whose outcomes do not say them."""

    def test_from_the_decoded_copy(self, tmp_path: Path) -> None:
        """Copies and origins, as they were split."""
        root = write_frames(tmp_path / "data", scenes=6, name="patient{scene}_{frame}.png")
        config = config_of(root, groups=r"(patient\d+)")
        digest = loaded(config, tmp_path / "work").digest
        run = a_finished(tmp_path / "run", stamp=Stamp(data_digest=digest))

        found = groups_of_run(config, run, lambda key: tmp_path / "work" / key)
        assert found["cat/patient0_1.png"] == "cat/patient0_0.png"
        assert len(found) == 12

    def test_by_the_ids_alone(self, tmp_path: Path) -> None:
        """Neither data nor copy are here: a pattern needs none of them."""
        scores = {f"cat/patient{i // 3}_{i}.png": 1.0 for i in range(9)}
        run = a_finished(tmp_path / "run", scores=scores)
        config = config_of(tmp_path / "gone", groups=r"(patient\d+)")

        found = groups_of_run(config, run, lambda key: tmp_path / "work" / key)
        assert sorted(set(found.values())) == [f"cat/patient{i}_{3 * i}.png" for i in range(3)]
        assert groups_of_run(config_of(tmp_path / "gone"), run, lambda key: tmp_path / "work" / key) == {}
