"""What every engine promises: the network's own answers for any number of images, metadata, clear errors."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from ablate.deploy.opening import KINDS, bytes_of, engine_of, open_engine, read_metadata
from ablate.errors import DataError
from tests.linear_networks import WRITERS, a_linear, preprocessing_of

NETWORK = a_linear()
ENDINGS = sorted(WRITERS)
SAYS = preprocessing_of(NETWORK, ("ä", 'b "<&>"', "中"), mean=(0.5, 0.25, 0.125), std=(0.1, 0.2, 0.3), study="s")


def a_file(folder: Path, ending: str, *, says: bool = True) -> Path:
    """A network's file of that ending."""
    return WRITERS[ending](folder / f"net{ending}", NETWORK, SAYS if says else None)


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_engine_gives_the_networks_logits_for_any_number_of_images(tmp_path: Path, ending: str) -> None:
    """One image and many, in one session."""
    engine = open_engine(str(a_file(tmp_path, ending)), threads=1)
    images = np.random.default_rng(1).normal(size=(7, 3, 4, 4)).astype(np.float32)

    assert (engine.name, engine.precision) == (engine_of(f"x{ending}"), "fp32")
    for count in (1, 7):
        found = engine.logits(images[:count])
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, NETWORK.logits(images[:count]), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("ending", ENDINGS)
def test_metadata_come_back_and_change_no_answer(tmp_path: Path, ending: str) -> None:
    """Whatever the names of the classes are; written twice, the last counts."""
    path = a_file(tmp_path, ending, says=False)
    assert read_metadata(str(path)) is None
    module = import_module(KINDS[ending].module)
    images = np.random.default_rng(1).normal(size=(2, 3, 4, 4)).astype(np.float32)
    before = open_engine(str(path)).logits(images)

    module.write_metadata(path, preprocessing_of(NETWORK))
    module.write_metadata(path, SAYS)

    assert read_metadata(str(path)) == SAYS
    np.testing.assert_array_equal(open_engine(str(path)).logits(images), before)
    assert not [one for one in tmp_path.iterdir() if one.name.startswith(".")]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: b"PK\x03\x04 no",
        lambda whole: b"\0" * 99,
    ],
    ids=["empty", "half", "text", "zeros"],
)
def test_a_damaged_file_is_one_error_that_names_it(
    tmp_path: Path, ending: str, damage: Callable[[bytes], bytes]
) -> None:
    """Never a traceback of the library."""
    path = a_file(tmp_path, ending)
    path.write_bytes(damage(path.read_bytes()))

    for read in (open_engine, read_metadata):
        with pytest.raises(DataError, match=f"net\\{ending}"):
            read(str(path))


@pytest.mark.parametrize("ending", ENDINGS)
def test_images_of_another_size_are_refused(tmp_path: Path, ending: str) -> None:
    """By the engine, in a sentence."""
    engine = open_engine(str(a_file(tmp_path, ending)))
    with pytest.raises(DataError, match="cannot be used"):
        engine.logits(np.zeros((1, 3, 5, 5), np.float32))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_size_counts_all_files_of_a_network(tmp_path: Path, ending: str) -> None:
    """An IR's weights lie beside it."""
    path = a_file(tmp_path, ending)
    assert bytes_of(str(path)) == sum(one.stat().st_size for one in tmp_path.iterdir())


def test_a_file_of_another_ending_is_told_what_there_is(tmp_path: Path) -> None:
    """Also where there is none."""
    with pytest.raises(DataError, match=r"\.onnx.*\.xml.*\.pt2"):
        open_engine(str(tmp_path / "weights.pth"))
    with pytest.raises(DataError, match="there is no file"):
        open_engine(str(tmp_path / "weights.onnx"))
