"""Decoding on all processors: the same pixels in the same order however many, and nothing left half-written."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from ablate.errors import DataError
from ablate.files import build_once
from ablate.training.config import DataConfig
from ablate.training.data import listing, scan, spreading
from ablate.training.data.cache import DecodedImages, load_images
from ablate.training.data.spreading import CHUNK, spread
from tests.image_fixtures import write_bad_images, write_image_folder

only_where_forked = pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux alone")


@pytest.fixture(autouse=True)
def _several_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreading, "processors", lambda: 3)
    monkeypatch.setattr(spreading, "_may_fork", lambda: sys.platform == "linux")  # the tests' own threads hold no lock
    monkeypatch.setattr(listing, "FRESH_SECONDS", 0.0)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes of 40 images."""
    return write_image_folder(tmp_path / "data", per_class=40)


def config_of(root: Path, **settings: object) -> DataConfig:
    source = {"name": "image_folder", "root": str(root)}
    return DataConfig.model_validate({"source": source, "classes": 2, "image_size": 8, **settings})


def decoded(root: Path, cache: Path, **settings: object) -> DecodedImages:
    return load_images(config_of(root, **settings), lambda key, build: build_once(cache / key, build))


def process_of(_: object) -> int:
    return os.getpid()


def end_at_once(item: int) -> int:
    if item == CHUNK and multiprocessing.parent_process() is not None:
        os.kill(os.getpid(), signal.SIGKILL)
    return item


@pytest.mark.parametrize("in_processes", [True, False])
def test_results_come_in_the_order_of_the_items(in_processes: bool) -> None:  # noqa: FBT001 - a parameter of a test
    """However the items are spread, whatever their number."""
    for count in (0, 1, CHUNK, 20 * CHUNK + 1):
        assert list(spread(abs, range(-count, 0), in_processes=in_processes)) == list(range(count, 0, -1))


@only_where_forked
def test_several_processes_read_and_none_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where what they find is not read to its end."""
    with closing(spread(process_of, range(50 * CHUNK), in_processes=True)) as found:
        first = next(found)

    assert first != os.getpid()
    assert multiprocessing.active_children() == []


def test_nothing_is_forked_beside_other_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that one of them holds would stay locked in the fork."""
    monkeypatch.undo()
    monkeypatch.setattr(spreading, "processors", lambda: 2)
    over = threading.Event()
    other = threading.Thread(target=over.wait)
    other.start()

    processes = set(spread(process_of, range(3 * CHUNK), in_processes=True))

    over.set()
    other.join()
    assert processes == {os.getpid()}


@only_where_forked
def test_a_process_that_is_killed_ends_the_reading_with_a_sentence() -> None:
    """A crash of a decoder, or a lack of memory, must not hang the run."""
    with pytest.raises(DataError, match="reading images ended"):
        list(spread(end_at_once, range(10 * CHUNK), in_processes=True))


def test_the_copy_is_the_same_bit_for_bit_by_one_and_by_several_processes(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pixels, order, groups, digest and what is told of unreadable files."""
    write_bad_images(root / "cat")
    several = decoded(root, tmp_path / "several", on_bad_image="skip")
    monkeypatch.setattr(spreading, "processors", lambda: 1)

    one = decoded(root, tmp_path / "one", on_bad_image="skip")

    assert one.ids == several.ids
    assert (one.digest, one.unreadable, one.problems) == (several.digest, several.unreadable, several.problems)
    for field in ("pixels", "targets", "groups", "copies"):
        assert np.array_equal(getattr(one, field), getattr(several, field))
    assert one.problems


@pytest.mark.parametrize("trouble", [KeyboardInterrupt(), OSError(errno.ENOSPC, "No space left on device")])
def test_an_interrupted_decoding_leaves_nothing_and_is_done_again(
    tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch, trouble: BaseException
) -> None:
    """Ctrl-C or a full disk in the middle: no half copy, no process, and the next call decodes all of it."""
    cache = tmp_path / "cache"

    def stop_in_the_middle(*arguments: object, **settings: object) -> Iterator[object]:
        with closing(spread(*arguments, **settings)) as found:  # type: ignore[arg-type]
            yield next(found)
            raise trouble

    with monkeypatch.context() as patched:
        patched.setattr(scan, "spread", stop_in_the_middle)
        with pytest.raises(type(trouble)):
            decoded(root, cache)

    assert [path for path in cache.rglob("*") if path.is_dir() and path.name != "pictures"] == []
    assert multiprocessing.active_children() == []
    assert len(decoded(root, cache).ids) == 80


def test_what_a_killed_builder_left_is_removed_by_the_next(tmp_path: Path) -> None:
    """A killed process cannot clean up: gigabytes of half a copy must not stay for ever."""
    left = tmp_path / ".copy.abcdefgh"
    left.mkdir()
    (left / "new").write_text("half")
    other = tmp_path / ".copying"
    other.mkdir()

    build_once(tmp_path / "copy", lambda path: (path.write_text("whole"), None)[1])

    assert not left.exists()
    assert other.exists()
