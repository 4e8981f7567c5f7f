"""What several folders of tests share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def decoded_digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A work folder in which scikit-learn's digits are already decoded at 8x8."""
    from ablate.training.data.cache import load_pictures
    from tests.training_builders import a_config, a_live_run, a_spec

    work = tmp_path_factory.mktemp("digits")
    config = a_config()
    load_pictures(config.data, a_live_run(work, a_spec(config)).cached)
    return work


@pytest.fixture
def digits(decoded_digits: Path, tmp_path: Path) -> Path:
    """A fresh work folder in which the digits need not be decoded again."""
    from tests.training_builders import share_cache

    return share_cache(decoded_digits, tmp_path)
