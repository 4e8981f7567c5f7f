"""What a refused request has begun in a work folder, taken back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from ablate.errors import AblateError, Held
from ablate.files import locked
from ablate.store.work_folder import Store


@contextmanager
def rollback_on_refusal(store: Store, name: str) -> Iterator[None]:
    """A request that is refused leaves nothing of its study behind in a folder that held nothing before.

    Other commands may have begun there meanwhile: what is theirs stays, and then the cache, which is everybody's, too.
    """
    existed = store.root.exists()
    try:
        yield
    except AblateError:
        if not existed and not (store.root / "runs").exists():
            _take_back(store, name)
        raise


def _take_back(store: Store, name: str) -> None:
    studies = store.study(name).parent
    for folder in (store.study(name), studies / f"{name}-confirm", *studies.glob(f"{name}-tune-*")):
        with suppress(Held, OSError):
            if folder.is_dir():
                with locked(folder / "lock"):
                    shutil.rmtree(folder)
    with suppress(OSError):  # not empty: not ours alone
        studies.rmdir()
    if not studies.exists() and not store.is_cache_shared():
        shutil.rmtree(store.cache, ignore_errors=True)
    with suppress(OSError):
        store.root.rmdir()
