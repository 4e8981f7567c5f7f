"""What several folders of tests share."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

# No test may need what a fresh machine lacks: matplotlib, here and in every process a test starts, has its own
# fonts alone and no list of fonts from an earlier day. It reads both when it is imported.
os.environ["MPL_IGNORE_SYSTEM_FONTS"] = "1"
os.environ["MPLCONFIGDIR"] = _fonts_listed_here = tempfile.mkdtemp(prefix="ablate-tests-matplotlib-")


def pytest_unconfigure() -> None:
    """Leave no list of fonts behind."""
    shutil.rmtree(_fonts_listed_here, ignore_errors=True)


def once_for_all_processes(name: str, build: Callable[[Path], None], factory: pytest.TempPathFactory) -> Path:
    """A folder that the first process of a parallel call builds and the others find."""
    folder = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent  # each worker has its own, below that of the call
    built = folder / name
    with FileLock(folder / f"{name}.lock"):
        if not built.exists():
            half = Path(tempfile.mkdtemp(prefix=f"{name}-half-", dir=folder))
            build(half)
            half.rename(built)
    return built


@pytest.fixture(scope="session")
def decoded_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder in which scikit-learn's digits are already decoded at 8x8."""
    from ablate.training.data.cache import load_images
    from tests.training_builders import a_config, a_live_run, a_spec

    def decode(work: Path) -> None:
        config = a_config()
        load_images(config.data, a_live_run(work, a_spec(config)).cached)

    return once_for_all_processes("digits", decode, tmp_path_factory)


@pytest.fixture
def digits(decoded_digits: Path, tmp_path: Path) -> Path:
    """A fresh work folder in which the digits need not be decoded again."""
    from tests.training_builders import share_cache

    return share_cache(decoded_digits, tmp_path)
