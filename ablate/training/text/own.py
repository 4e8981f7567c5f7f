"""Texts encoded by a function of the user's: `model.text: {name: my_pkg.text:encode, size: 300}`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ablate.errors import DataError
from ablate.training.config.text import OwnEncoder
from ablate.training.own_functions import find_function

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.float32]

PROMISE = "It is called as encode(texts, **options) and returns an array of numbers, one row a text."


def find_encoder(name: str) -> Callable[..., Any]:
    """The function at a dotted path. Raises DataError where there is none."""
    return find_function(name, "base.model.text", hint=PROMISE)


def encode_with(config: OwnEncoder, texts: Sequence[str]) -> Rows:
    """(n, size) float32 by the user's function.

    Raises DataError where it fails, where it returns something else, and where a text alone becomes other numbers than
    among others: then what it makes of a test text would depend on which other texts there are.
    """
    import numpy as np

    if not texts:
        return np.zeros((0, config.size), dtype=np.float32)
    rows = _called(config, texts)
    few = list(dict.fromkeys((0, len(texts) - 1)))
    alone = np.concatenate([_called(config, [texts[place]]) for place in few])
    if not np.allclose(alone, rows[few], rtol=1e-3, atol=1e-4):
        raise DataError(
            f"base.model.text ({config.name}) makes other numbers of a text alone than among others",
            hint="Encode each text by itself. What is learnt from texts must be learnt from those to fit on alone, "
            "as {name: tfidf} does.",
        )
    return rows


def _called(config: OwnEncoder, texts: Sequence[str]) -> Rows:
    import numpy as np

    try:
        given = np.asarray(find_encoder(config.name)(list(texts), **config.options))
    except DataError:
        raise
    except Exception as error:
        raise DataError(
            f"base.model.text ({config.name}) raised {type(error).__name__}: {error}", hint=PROMISE
        ) from error
    if given.shape != (len(texts), config.size) or given.dtype.kind not in "fiu":
        raise DataError(
            f"base.model.text ({config.name}) returned an array of shape {given.shape} and type {given.dtype} for "
            f"{len(texts)} texts, not one of shape ({len(texts)}, {config.size})",
            hint=f"{PROMISE} base.model.text.size says how many numbers a row has.",
        )
    rows = given.astype(np.float32)
    if not np.isfinite(rows).all():
        wrong = texts[int(np.flatnonzero(~np.isfinite(rows).all(1))[0])]
        raise DataError(
            f"base.model.text ({config.name}) returned NaN or infinity for the text {wrong[:60]!r}",
            hint="A text without a word it knows may be the reason: give it zeros.",
        )
    return rows
