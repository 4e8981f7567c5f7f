"""Decoding beside other processes: once for all who wait, ended with its command, begun again without a trace."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import psutil
import pytest

from ablate.execute.live import read_heartbeat
from ablate.execute.pool import CAN_FORK, ForkPool, SpawnPool
from ablate.files import build_once
from ablate.store.work_folder import LOG, Store
from ablate.training.data.cache import load_images
from tests.contract.executor_contract import children_of_this_process, ends_of, until
from tests.image_fixtures import write_image_folder
from tests.training_builders import a_config, a_spec, a_task, an_attempt

pytestmark = pytest.mark.serial
forks = pytest.mark.skipif(not CAN_FORK, reason="this platform cannot fork")

READER = """
import os, time
from pathlib import Path
import numpy as np
from PIL import Image

def read(path):
    here = Path(__file__).parent
    with open(here / "read.txt", "a") as log:
        log.write(f"{path}\\n")
    if len((here / "read.txt").read_text().splitlines()) > 20 and not (here / "go").exists():
        (here / "pid").write_text(str(os.getpid()))
        time.sleep(120)
    return np.asarray(Image.open(path).convert("RGB"))
"""
"""Notes what it reads, and hangs after 20 images until it is let go."""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A work folder, and beside it 40 images in two classes."""
    write_image_folder(tmp_path / "images", per_class=20)
    (tmp_path / "noted.py").write_text(READER)
    return tmp_path


def decoding(work: Path, **settings: object) -> Path:
    """An attempt that decodes."""
    source = {"name": "image_folder", "root": str(work / "images")}
    data = {"source": source, "classes": 2, "image_size": 8, **settings}
    config = a_config({"data": data}).model_dump(mode="json")
    return an_attempt(a_task(work, a_spec(config), kind="decode"))


def copies_in(work: Path) -> list[str]:
    """Whole copies and half ones."""
    return [path.name for path in (Store(work).cache / "pictures").iterdir() if path.is_dir()]


@forks
def test_images_are_decoded_while_the_server_still_imports(work: Path) -> None:
    """The same copy as without a server; the last heartbeat counts all images."""
    attempt = decoding(work)
    pool = ForkPool(slots=1, work=work, first=attempt)
    (end,) = ends_of(pool, 1)
    pool.close()
    beat = read_heartbeat(attempt)
    before = copies_in(work)
    config = a_config(json.loads((attempt / "spec.json").read_text())["spec"]["config"])
    there = load_images(config.data, lambda key, build: build_once(Store(work).cache / key, build))
    alone = load_images(config.data, lambda key, build: build_once(work / "alone" / key, build))

    assert end.code == 0, (attempt / LOG).read_text()
    assert beat is not None
    assert (beat.done, beat.of) == (40, 40)
    assert copies_in(work) == before
    assert np.array_equal(there.pixels, alone.pixels)


def test_of_several_that_need_a_copy_one_decodes_and_the_others_wait(work: Path) -> None:
    """No image is decoded twice."""
    (work / "go").touch()
    pool = SpawnPool(slots=3, work=work)
    for _ in range(3):
        pool.start(decoding(work, reader="noted:read"))
    ends = ends_of(pool, 3)
    pool.close()

    assert [end.code for end in ends] == [0, 0, 0]
    assert set(Counter((work / "read.txt").read_text().splitlines()).values()) == {1}


@forks
def test_a_decoding_that_is_killed_leaves_no_process_and_is_done_again(work: Path) -> None:
    """What it had written is gone with the next decoding, which begins anew."""
    others = children_of_this_process()
    attempt = decoding(work, reader="noted:read")
    pool = ForkPool(slots=1, work=work, first=attempt)
    until((work / "pid").exists)
    pool.kill(attempt)
    (end,) = ends_of(pool, 1)
    pool.close()
    half = copies_in(work)
    (work / "go").touch()
    again = ForkPool(slots=1, work=work, first=decoding(work, reader="noted:read"))
    (second,) = ends_of(again, 1)
    again.close()

    assert end.code == -9
    assert not psutil.pid_exists(int((work / "pid").read_text()))
    assert children_of_this_process() == others
    assert len(half) == 1
    assert half[0].startswith(".")
    assert second.code == 0
    assert len(copies_in(work)) == 1
    assert not copies_in(work)[0].startswith(".")
