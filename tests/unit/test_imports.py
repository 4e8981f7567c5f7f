"""Large imports are made without garbage collection, which is afterwards as it was."""

from __future__ import annotations

import gc

import pytest

from ablate.execute.imports import uncollected


def fail_without_collection() -> None:
    assert not gc.isenabled()
    raise ImportError


def test_collection_is_afterwards_as_it_was(request: pytest.FixtureRequest) -> None:
    """Off inside, whatever happens there; one that was off stays off."""
    request.addfinalizer(gc.enable)
    for prepare in (gc.enable, gc.disable):
        prepare()
        before = gc.isenabled()

        with pytest.raises(ImportError), uncollected():
            fail_without_collection()

        assert gc.isenabled() is before
