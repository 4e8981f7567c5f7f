"""Large imports are made without garbage collection, which is afterwards as it was."""

from __future__ import annotations

import gc

import pytest

from ablate.execute.imports import uncollected


@pytest.mark.parametrize("was", [True, False])
def test_collection_is_afterwards_as_it_was(was: bool, request: pytest.FixtureRequest) -> None:
    """Off inside, whatever happens there."""
    request.addfinalizer(gc.enable)
    (gc.enable if was else gc.disable)()

    with pytest.raises(ImportError), uncollected():
        assert not gc.isenabled()
        raise ImportError

    assert gc.isenabled() is was
